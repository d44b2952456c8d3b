/** Kernels that work on one element at a time. */

import { sameShape, sizeOf } from "../../../../core/tensor/mod.ts";
import { erf } from "../erf.ts";
import { type Call, floatsOf, shapeAt } from "../kernel.ts";
import { broadcastStrides, offsets } from "../strided.ts";

function unary(f: (x: number) => number) {
  return ({ inputs }: Call<unknown>) => floatsOf(inputs, 0).map(f);
}

function binary(f: (a: number, b: number) => number) {
  return ({ inputs, type }: Call<unknown>) => {
    const a = floatsOf(inputs, 0);
    const b = floatsOf(inputs, 1);
    const out = new Float64Array(sizeOf(type.shape));
    if (sameShape(shapeAt(inputs, 0), shapeAt(inputs, 1))) {
      for (let i = 0; i < out.length; i++) out[i] = f(a[i]!, b[i]!);
      return out;
    }
    const atA = offsets(type.shape, broadcastStrides(shapeAt(inputs, 0), type.shape));
    const atB = offsets(type.shape, broadcastStrides(shapeAt(inputs, 1), type.shape));
    for (let i = 0; i < out.length; i++) out[i] = f(a[atA[i]!]!, b[atB[i]!]!);
    return out;
  };
}

/** 1 / (1 + e^-x); where e^-x overflows, the quotient is the right 0. */
function sigmoidOf(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

export const add = binary((a, b) => a + b);
export const sub = binary((a, b) => a - b);
export const mul = binary((a, b) => a * b);
export const div = binary((a, b) => a / b);
export const greater = binary((a, b) => a > b ? 1 : 0);

export const neg = unary((x) => -x);
export const exp = unary(Math.exp);
export const log = unary(Math.log);
export const sqrt = unary(Math.sqrt);
export const erfOf = unary(erf);
export const sigmoid = unary(sigmoidOf);
export const tanh = unary(Math.tanh);
export const silu = unary((x) => x * sigmoidOf(x));
