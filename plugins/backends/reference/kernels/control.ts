/** Constants, conversions, and operations that concern gradients or the order of things only. */

import {
  BLOCK_LEVELS,
  BLOCK_SIZE,
  type DType,
  type HostTensor,
  pickRows,
} from "../../../../core/tensor/mod.ts";
import { floatsOf, type Kernel, type Values } from "../kernel.ts";

/** Numbers as the interpreter holds them for `dtype`; fractions are cut towards integers. */
export function convert(data: HostTensor["data"], dtype: DType): Values {
  switch (dtype) {
    case "float32":
      return data instanceof Float64Array ? data : new Float64Array(data);
    case "int32":
      return data instanceof Int32Array ? data : new Int32Array(data);
    case "uint8":
      return data instanceof Uint8Array ? data : new Uint8Array(data);
  }
}

export const constant: Kernel<"constant"> = ({ attrs: { value } }) =>
  convert(value.data, value.dtype);

export const cast: Kernel<"cast"> = ({ inputs, attrs: { dtype } }) =>
  convert(inputs[0]!.data, dtype);

export const stopGradient: Kernel<"stopGradient"> = ({ inputs }) => inputs[0]!.data;

export const straightThrough: Kernel<"straightThrough"> = ({ inputs }) => inputs[0]!.data;

export const after: Kernel<"after"> = ({ inputs }) => inputs[0]!.data;

export const checkpoint: Kernel<"checkpoint"> = ({ inputs }) => inputs[0]!.data;

export const withGradient: Kernel<"withGradient"> = ({ inputs }) => inputs[0]!.data;

export const dequantize: Kernel<"dequantize"> = ({ inputs, attrs: { format, shape, rows } }) => {
  const wanted = <Data extends Values>(all: Data) => rows ? pickRows(all, shape[0]!, rows) : all;
  const codes = wanted(inputs[0]!.data);
  const scales = wanted(floatsOf(inputs, 1));
  const levels = BLOCK_LEVELS[format];
  return Float64Array.from({ length: 2 * codes.length }, (_, i) => {
    const pair = codes[i >> 1]!;
    return levels[i % 2 === 0 ? pair >> 4 : pair & 15]! * scales[Math.floor(i / BLOCK_SIZE)]!;
  });
};
