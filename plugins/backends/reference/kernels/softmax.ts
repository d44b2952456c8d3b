/** Softmax, and the losses built on it. Each row is the last axis. */

import { sizeOf } from "../../../../core/tensor/mod.ts";
import { floatsOf, indicesOf, type Kernel, rowLength } from "../kernel.ts";
import { checkIndex } from "./index.ts";

/** Logarithm of the sum of e^x over one row; the largest is taken out so that nothing overflows. */
function logSumExp(row: Float64Array): number {
  let largest = -Infinity;
  for (const x of row) if (x > largest) largest = x;
  let sum = 0;
  for (const x of row) sum += Math.exp(x - largest);
  return largest + Math.log(sum);
}

/** Log-probabilities of every row of `x`. */
function logProbabilities(x: Float64Array<ArrayBuffer>, width: number) {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const total = logSumExp(x.subarray(start, start + width));
    for (let i = start; i < start + width; i++) out[i] = x[i]! - total;
  }
  return out;
}

export const softmax: Kernel<"softmax"> = ({ inputs }) =>
  logProbabilities(floatsOf(inputs, 0), rowLength(inputs, 0)).map(Math.exp);

export const logSoftmax: Kernel<"logSoftmax"> = ({ inputs }) =>
  logProbabilities(floatsOf(inputs, 0), rowLength(inputs, 0));

export const crossEntropy: Kernel<"crossEntropy"> = ({ inputs }) => {
  const width = rowLength(inputs, 0);
  const logs = logProbabilities(floatsOf(inputs, 0), width);
  return Float64Array.from(indicesOf(inputs, 1), (target, row) => {
    checkIndex("crossEntropy", target, width);
    return -logs[row * width + target]!;
  });
};

export const klDivergence: Kernel<"klDivergence"> = ({ inputs, type }) => {
  const width = rowLength(inputs, 0);
  const student = logProbabilities(floatsOf(inputs, 0), width);
  const teacher = logProbabilities(floatsOf(inputs, 1), width);
  const out = new Float64Array(sizeOf(type.shape));
  for (let row = 0; row < out.length; row++) {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const p = Math.exp(teacher[i]!);
      // p log p tends to 0 with p; computed, it would be 0 * -Infinity.
      if (p > 0) sum += p * (teacher[i]! - student[i]!);
    }
    out[row] = sum;
  }
  return out;
};
