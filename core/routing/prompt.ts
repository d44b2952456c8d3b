/**
 * Decisions about a whole sequence that no token can see the future through: they are made from the
 * prompt and hold from its end on. The prompt's own tokens run every block.
 */

import {
  add,
  div,
  mul,
  type Node,
  reduceSum,
  reshape,
  scalar,
  scale,
  shapeOf,
  sub,
} from "../graph/mod.ts";
import { floats, type FloatTensor } from "../tensor/mod.ts";

/** Log-odds that stand for certainty; far above any threshold, and finite. */
export const CERTAIN = 1e4;

/**
 * Mean state of the tokens that count, `[B, 1, D]`; zeros for a sequence without any.
 *
 * @param states `[B, T, D]`
 * @param counts float32 `[B, T]`, 0 or 1
 */
export function pooledState(states: Node, counts: Node): Node {
  const [batch, length] = shapeOf(counts) as [number, number];
  const column = reshape(counts, [batch, length, 1]);
  // Without any the sum is zero too; a tiny number keeps it from being 0 / 0.
  const total = add(reduceSum(column, [1], true), scalar(1e-9));
  return div(reduceSum(mul(states, column), [1], true), total);
}

/**
 * What was decided for sequences, as values for their tokens: `always` within the prompt, the
 * sequence's own value after it.
 *
 * @param decided `[B, 1, L']`
 * @param promptMask float32 `[B, T]`
 * @returns `[B, T, L']`
 */
export function afterPrompt(decided: Node, promptMask: Node, always: number): Node {
  const [batch, length] = shapeOf(promptMask) as [number, number];
  const prompt = reshape(promptMask, [batch, length, 1]);
  return add(scale(prompt, always), mul(sub(scalar(1), prompt), decided));
}

/** Marks the first `count` tokens of every sequence as its prompt: float32 `[B, T]`. */
export function leadingPrompt(batch: number, length: number, count: number): FloatTensor {
  const mask = floats([batch, length]);
  mask.data.forEach((_, i) => mask.data[i] = i % length < count ? 1 : 0);
  return mask;
}
