/** Values that are drawn for checks; the same each time. */

import { type ParamSpecs } from "../contracts/mod.ts";
import { initialize, type Weights } from "../nn/mod.ts";
import {
  floats,
  type FloatTensor,
  type HostTensor,
  ints,
  RandomStream,
  type Shape,
} from "../tensor/mod.ts";

/** Normal numbers. */
export function normal(shape: Shape, name: string, std = 1): FloatTensor {
  const random = new RandomStream(12, name);
  const tensor = floats(shape);
  tensor.data.forEach((_, i) => tensor.data[i] = std * random.normal());
  return tensor;
}

/** Uniform noise in (0, 1). */
export function uniform(shape: Shape, name: string): FloatTensor {
  const random = new RandomStream(13, name);
  const tensor = floats(shape);
  tensor.data.forEach((_, i) => tensor.data[i] = random.uniform());
  return tensor;
}

/** Tokens below `vocabulary`. */
export function drawTokens(shape: Shape, vocabulary: number, name = "tokens"): HostTensor {
  const random = new RandomStream(14, name);
  const tensor = ints(shape);
  tensor.data.forEach((_, i) => tensor.data[i] = random.below(vocabulary));
  return tensor;
}

/** Gates that are 1 with probability `rate`, else 0. */
export function drawGates(shape: Shape, rate: number, name: string): FloatTensor {
  const noise = uniform(shape, `gates ${name}`);
  return floats(shape, noise.data.map((u) => u < rate ? 1 : 0));
}

/** Parameters away from where they start, where much may be zero and a mistake would not show. */
export function moved(start: Weights, std: number): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(start).map(([name, { shape, data }]) => {
      const noise = normal(shape, `parameter ${name}`, std).data;
      return [name, floats(shape, data.map((x, i) => x + noise[i]!))];
    }),
  );
}

/**
 * Parameters of a size that keeps states of order one: matrices by the width that they read, and the
 * others, such as gains and biases, around where they start. Nothing that is computed is tiny then, so
 * a mistake shows.
 */
export function drawParams(specs: ParamSpecs): Record<string, FloatTensor> {
  const start = initialize(specs, 7);
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => {
      if (shape.length < 2) return [name, moved({ [name]: start[name]! }, 0.2)[name]!];
      return [name, normal(shape, `parameter ${name}`, 1 / Math.sqrt(shape.at(-1)!))];
    }),
  );
}
