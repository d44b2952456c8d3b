/** Kernels that read and write by index. */

import { sizeOf } from "../../../../core/tensor/mod.ts";
import { allocate, floatsOf, indicesOf, type Kernel, rowLength, shapeAt } from "../kernel.ts";

/** Refuses an index outside [0, size): reading on would give a wrong number in silence. */
export function checkIndex(op: string, index: number, size: number): void {
  if (index < 0 || index >= size) {
    throw new RangeError(`Cannot ${op}: index ${index} is not in [0, ${size})`);
  }
}

export const gatherRows: Kernel<"gatherRows"> = ({ inputs, type }) => {
  const { data, dtype, shape } = inputs[0]!;
  const ids = indicesOf(inputs, 1);
  const width = sizeOf(shape.slice(1));
  const out = allocate(dtype, sizeOf(type.shape));
  ids.forEach((id, row) => {
    checkIndex("gatherRows", id, shape[0]!);
    out.set(data.subarray(id * width, (id + 1) * width), row * width);
  });
  return out;
};

export const scatterRows: Kernel<"scatterRows"> = ({ inputs, attrs: { rows }, type }) => {
  const values = floatsOf(inputs, 0);
  const ids = indicesOf(inputs, 1);
  const width = sizeOf(type.shape.slice(1));
  const out = new Float64Array(sizeOf(type.shape));
  ids.forEach((id, row) => {
    checkIndex("scatterRows", id, rows);
    for (let i = 0; i < width; i++) out[id * width + i]! += values[row * width + i]!;
  });
  return out;
};

export const takeLast: Kernel<"takeLast"> = ({ inputs }) => {
  const x = floatsOf(inputs, 0);
  const width = rowLength(inputs, 0);
  return Float64Array.from(indicesOf(inputs, 1), (id, row) => {
    checkIndex("takeLast", id, width);
    return x[row * width + id]!;
  });
};

export const addAtLast: Kernel<"addAtLast"> = ({ inputs }) => {
  const out = floatsOf(inputs, 0).slice();
  const values = floatsOf(inputs, 2);
  const width = shapeAt(inputs, 0).at(-1)!;
  indicesOf(inputs, 1).forEach((id, row) => {
    checkIndex("addAtLast", id, width);
    out[row * width + id]! += values[row]!;
  });
  return out;
};
