/** Grouped-query attention over a memory of keys and values. */

import { type Memory } from "../contracts/mod.ts";
import {
  add,
  constant,
  matmul,
  type Node,
  reshape,
  shapeOf,
  softmax,
  transpose,
} from "../graph/mod.ts";
import { floats } from "../tensor/mod.ts";

/** What a score gets where a row may not look: small enough that its weight is exactly 0. */
export const MASKED = -1e9;

/** `[1, 1, T, T]`: 0 on and below the diagonal, {@link MASKED} above it. */
export function causalMask(length: number): Node {
  const mask = floats([1, 1, length, length]);
  for (let row = 0; row < length; row++) {
    for (let column = row + 1; column < length; column++) {
      mask.data[row * length + column] = MASKED;
    }
  }
  return constant(mask);
}

/** `[B, T, heads * headDim]` to `[B, heads, T, headDim]`. */
export function splitHeads(x: Node, heads: number): Node {
  const [batch, length, width] = shapeOf(x) as [number, number, number];
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/**
 * softmax(Q K^T / sqrt(headDim) + mask) V, where `heads / kvHeads` query heads share one head of
 * keys and values (Ainslie et al. 2023, arXiv 2305.13245).
 *
 * @param queries `[B, R, heads * headDim]`, positions already rotated in
 * @returns `[B, R, heads * headDim]`
 */
export function attention(queries: Node, memory: Memory, heads: number): Node {
  const [batch, rows, width] = shapeOf(queries) as [number, number, number];
  const [, kvHeads, positions, headDim] = shapeOf(memory.keys) as [number, number, number, number];
  // Query heads that share keys are stacked as rows of one product: no key is repeated.
  const groups = batch * kvHeads;
  const stacked = (heads / kvHeads) * rows;
  const q = reshape(splitHeads(queries, heads), [groups, stacked, headDim]); // [BG, hR, d]
  const k = reshape(memory.keys, [groups, positions, headDim]); // [BG, S, d]
  const v = reshape(memory.values, [groups, positions, headDim]); // [BG, S, d]
  const scores = matmul(q, k, { transB: true, alpha: 1 / Math.sqrt(headDim) }); // [BG, hR, S]
  const masked = add(reshape(scores, [batch, heads, rows, positions]), memory.mask);
  const weights = reshape(softmax(masked), [groups, stacked, positions]);
  const mixed = reshape(matmul(weights, v), [batch, heads, rows, headDim]);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, rows, width]);
}
