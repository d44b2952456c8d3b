/** Matrices of a program as half floats, where it was asked to keep them so. */

import { type Feeds } from "../../../../core/contracts/backend.ts";
import {
  apply,
  input,
  inputName,
  inputsOf,
  type Node,
  shapeOf,
  topologicalOrder,
} from "../../../../core/graph/mod.ts";
import { type HostTensor, ints, isRuntimeSize } from "../../../../core/tensor/mod.ts";
import { HALVES, wordsOf } from "../wgsl/halves.ts";
import { rewrite } from "./rewrite.ts";
import { type ConstantGraph } from "./weight_blocks.ts";

/** A matrix in half floats: `int32` words, of two each. */
export interface WeightHalves<Tensor = Feeds[string]> {
  readonly words: Tensor;
}

/** Gives a constant matrix in half floats; undefined where they cannot hold its numbers. */
export type ToHalves = (tensor: Feeds[string]) => Promise<WeightHalves | undefined>;

/** The graph with every constant matrix, whatever reads it, taken from half floats. */
export async function withWeightsInHalves<Output extends string>(
  { outputs, constants }: ConstantGraph<Output>,
  toHalves: ToHalves,
): Promise<ConstantGraph<Output>> {
  const all: Record<string, Feeds[string]> = { ...constants };
  const places = new Map<string, Node>();
  for (const [name, { type }] of inputsOf(topologicalOrder(Object.values<Node>(outputs)))) {
    const { dtype, shape } = type;
    const isMatrix = dtype === "float32" && shape.length === 2 && !shape.some(isRuntimeSize);
    if (!(name in constants) || !isMatrix) continue;
    const halves = await toHalves(constants[name]!);
    if (!halves) continue;
    const own = `${name}:halves`;
    all[own] = halves.words;
    places.set(name, input(own, [wordsOf(shape)], "int32"));
  }
  const replaced = rewrite(outputs, (node) => {
    const words = places.get(inputName(node) ?? "");
    return words && apply(HALVES, [words], { shape: shapeOf(node) });
  });
  return { outputs: replaced, constants: all };
}

/**
 * Numbers as half floats, rounded to nearest, ties to even, two in a word; undefined where one is
 * beyond what halves reach, 65504.
 */
export function halved(values: Float32Array): WeightHalves<HostTensor> | undefined {
  const count = wordsOf([values.length]);
  const halves = new Float16Array(2 * count);
  halves.set(values);
  if (!halves.every(Number.isFinite)) return undefined;
  return { words: ints([count], new Int32Array(halves.buffer)) };
}
