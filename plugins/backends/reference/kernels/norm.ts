/** Root-mean-square normalisation and rotary position embedding. */

import { floatsOf, indicesOf, type Kernel, rowLength, shapeAt } from "../kernel.ts";
import { checkIndex } from "./index.ts";

/** 1 / sqrt(mean(x^2) + epsilon) of every row. */
function inverseRoots(x: Float64Array<ArrayBuffer>, width: number, epsilon: number) {
  const out = new Float64Array(x.length / width);
  for (let row = 0; row < out.length; row++) {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += x[i]! * x[i]!;
    out[row] = 1 / Math.sqrt(sum / width + epsilon);
  }
  return out;
}

export const inverseRms: Kernel<"inverseRms"> = ({ inputs, attrs: { epsilon } }) =>
  inverseRoots(floatsOf(inputs, 0), rowLength(inputs, 0), epsilon);

export const rmsNorm: Kernel<"rmsNorm"> = ({ inputs, attrs: { epsilon } }) => {
  const x = floatsOf(inputs, 0);
  const weight = floatsOf(inputs, 1);
  const width = weight.length;
  const inverse = inverseRoots(x, width, epsilon);
  return x.map((value, i) => value * inverse[Math.floor(i / width)]! * weight[i % width]!);
};

export const rope: Kernel<"rope"> = ({ inputs, attrs: { heads } }) => {
  const x = floatsOf(inputs, 0);
  const positions = indicesOf(inputs, 1);
  const cos = floatsOf(inputs, 2);
  const sin = floatsOf(inputs, 3);
  const [tableLength, half] = shapeAt(inputs, 2) as [number, number];
  const headDim = rowLength(inputs, 0) / heads;
  const out = x.slice(); // what is not turned passes
  positions.forEach((position, token) => {
    checkIndex("rope", position, tableLength);
    for (let head = 0; head < heads; head++) {
      const start = (token * heads + head) * headDim;
      for (let i = 0; i < half; i++) {
        const c = cos[position * half + i]!;
        const s = sin[position * half + i]!;
        const first = x[start + i]!;
        const second = x[start + half + i]!;
        out[start + i] = first * c - second * s;
        out[start + half + i] = second * c + first * s;
      }
    }
  });
  return out;
};
