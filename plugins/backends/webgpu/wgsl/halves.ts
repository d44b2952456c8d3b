/** Half floats in memory, two in a word. */

import { defineOp } from "../../../../core/graph/mod.ts";
import { type Shape, sizeOf, type TensorType } from "../../../../core/tensor/mod.ts";

/** Settings of {@link HALVES}. */
export interface HalvesAttrs {
  /** The shape of what the words hold. */
  readonly shape: Shape;
}

/**
 * The numbers of words `int32[N]` that hold two half floats each, the first in the lower half. It is
 * worked out where it is read; no gradient flows through it.
 */
export const HALVES = defineOp({
  name: "halves",
  infer: (_words, { shape }: HalvesAttrs): TensorType => ({ dtype: "float32", shape }),
  gradient: () => [null],
});

/** How many words hold the numbers of a shape. */
export function wordsOf(shape: Shape): number {
  return Math.ceil(sizeOf(shape) / 2);
}
