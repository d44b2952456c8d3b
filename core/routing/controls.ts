/**
 * Gates that skip as much as a router does, without its judgement.
 *
 * A router earns its place only against these: `random` spends the same total, `rate-matched` also
 * spends it on the same layers, and `shuffled` even uses the very same patterns of layers, only for
 * other tokens. What is lost from the learned gates to the shuffled ones is what looking at the token
 * is worth.
 */

import { floats, type FloatTensor, RandomStream, type Shape } from "../tensor/mod.ts";

/** Gates `[B, T, L']` of independent draws at one rate for all layers. */
export function randomGates(
  shape: Shape,
  activeShare: number,
  random: RandomStream,
): FloatTensor {
  const gates = floats(shape);
  return floats(shape, gates.data.map(() => random.uniform() < activeShare ? 1 : 0));
}

/** Gates of independent draws at each layer's own rate, `[L']`. */
export function rateMatchedGates(
  shape: Shape,
  activity: readonly number[],
  random: RandomStream,
): FloatTensor {
  const gates = floats(shape);
  const layers = activity.length;
  return floats(shape, gates.data.map((_, i) => random.uniform() < activity[i % layers]! ? 1 : 0));
}

/** The same gates, those of each sequence given to another sequence of the batch. */
export function swappedGates(gates: FloatTensor, random: RandomStream): FloatTensor {
  const [rows, length, layers] = gates.shape as [number, number, number];
  const order = random.shuffle(Array.from({ length: rows }, (_, row) => row));
  const swapped = floats(gates.shape);
  const size = length * layers;
  order.forEach((from, to) => {
    swapped.data.set(gates.data.subarray(from * size, (from + 1) * size), to * size);
  });
  return swapped;
}

/** The same gates, each real token's whole pattern given to another real token of the batch. */
export function shuffledGates(
  gates: FloatTensor,
  counts: (token: number) => boolean,
  random: RandomStream,
): FloatTensor {
  const layers = gates.shape[2]!;
  const tokens = Array.from({ length: gates.data.length / layers }, (_, token) => token);
  const real = tokens.filter(counts);
  const order = random.shuffle([...real]);
  const shuffled = floats(gates.shape, gates.data.slice());
  order.forEach((from, i) => {
    const to = real[i]!;
    shuffled.data.set(gates.data.subarray(from * layers, (from + 1) * layers), to * layers);
  });
  return shuffled;
}
