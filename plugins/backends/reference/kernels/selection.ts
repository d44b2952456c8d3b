/** Kernels that select rows, and the choice between two values. */

import { floatsOf, indicesOf, type Kernel, shapeAt } from "../kernel.ts";
import { blocksAround } from "../strided.ts";
import { checkIndex } from "./index.ts";

export const nonZero: Kernel<"nonZero"> = ({ inputs }) => {
  const places: number[] = [];
  floatsOf(inputs, 0).forEach((value, place) => {
    if (value !== 0) places.push(place);
  });
  return Int32Array.from(places);
};

export const countUp: Kernel<"countUp"> = ({ inputs }) => {
  const length = Math.max(0, ...floatsOf(inputs, 0));
  return Int32Array.from({ length }, (_, i) => i);
};

export const putRows: Kernel<"putRows"> = ({ inputs }) => {
  const out = floatsOf(inputs, 0).slice();
  const values = floatsOf(inputs, 2);
  const rows = shapeAt(inputs, 0)[0]!;
  const width = out.length / Math.max(rows, 1);
  indicesOf(inputs, 1).forEach((id, row) => {
    checkIndex("putRows", id, rows);
    out.set(values.subarray(row * width, (row + 1) * width), id * width);
  });
  return out;
};

export const cumulativeSum: Kernel<"cumulativeSum"> = ({ inputs, attrs: { axis } }) => {
  const out = floatsOf(inputs, 0).slice();
  const { outer, dim, inner } = blocksAround(shapeAt(inputs, 0), axis);
  for (let i = 0; i < outer; i++) {
    for (let j = inner; j < dim * inner; j++) {
      out[i * dim * inner + j]! += out[i * dim * inner + j - inner]!;
    }
  }
  return out;
};

export const choose: Kernel<"choose"> = ({ inputs: [condition, a, b] }) =>
  condition!.data[0] === 0 ? b!.data : a!.data;
