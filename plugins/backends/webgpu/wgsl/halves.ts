/** Half floats in memory, two in a word. */

import { defineOp, type Node } from "../../../../core/graph/mod.ts";
import { type Shape, sizeOf, type TensorType } from "../../../../core/tensor/mod.ts";
import { type KernelWriter } from "./writer.ts";

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

/** What gives elements of values, in one kernel. */
interface Elements {
  readonly kernel: KernelWriter;
  atFlat(node: Node, flat: string): string;
}

/** The element of {@link HALVES} at a place in memory order, as an expression. */
export function halfAt(all: Elements, node: Node, flat: string): string {
  const start = `16u * (${flat} % 2u)`;
  return `unpack2x16float(${wordAt(all, node, flat)} >> (${start})).x`;
}

/** As {@link halfAt}, with the next one: they are in one word if `flat` is even. */
export function pairAt(all: Elements, node: Node, flat: string): readonly [string, string] {
  const pair = all.kernel.let(`unpack2x16float(${wordAt(all, node, flat)})`);
  return [`${pair}.x`, `${pair}.y`];
}

function wordAt(all: Elements, node: Node, flat: string): string {
  const [words] = node.inputs as [Node];
  return `bitcast<u32>(${all.atFlat(words, all.kernel.let(`${flat} / 2u`))})`;
}
