/**
 * Gradients against finite differences, in a way that a wrong rule cannot pass: in float64, so that
 * the tolerance can be tight, and along one random direction, which meets every element at once.
 */

import {
  constant,
  gradients,
  inputsOf,
  mul,
  type Node,
  reduceSum,
  shapeOf,
  topologicalOrder,
} from "../graph/mod.ts";
import { floats, RandomStream } from "../tensor/mod.ts";
import { type Evaluate, type HostFeeds } from "./oracle.ts";

/** Slopes of a loss along a random direction of one of its inputs. */
export interface Slopes {
  /** By the gradient rules. */
  readonly analytic: number;
  /** By finite differences. */
  readonly numeric: number;
  /** Magnitude of the loss, 1 at least: slopes much smaller cannot be told from rounding. */
  readonly scale: number;
}

/** Length of the step along the direction; the error of the formula below is of order step^4. */
const STEP = 1e-3;

/** Numbers in ±[0.5, 1.5]. */
function draw(name: string, size: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, name);
  const sign = () => random.below(2) === 0 ? -1 : 1;
  return Float32Array.from({ length: size }, () => sign() * (0.5 + random.uniform()));
}

/** A scalar loss to which every element of `output` adds its share: a sum with random weights. */
export function weightedSum(output: Node, seed = 3): Node {
  const shape = shapeOf(output);
  const size = shape.reduce((product, dim) => product * dim, 1);
  return reduceSum(mul(output, constant(floats(shape, draw("loss weights", size, seed)))));
}

/**
 * Slopes of the scalar `loss` along a direction of each of the inputs `names`, at `feeds`.
 *
 * @param step length of a step; a shorter one is less exact, but meets fewer kinks
 * @throws {TypeError} when the loss has no input of a name.
 */
export function slopesOf(
  loss: Node,
  names: readonly string[],
  feeds: HostFeeds,
  evaluate: Evaluate,
  { seed = 7, step = STEP }: { readonly seed?: number; readonly step?: number } = {},
): Map<string, Slopes> {
  const inputs = inputsOf(topologicalOrder([loss]));
  const leaves = names.map((name) => {
    const leaf = inputs.get(name);
    if (leaf && feeds[name]) return leaf;
    throw new TypeError(`Cannot check "${name}": the loss has no such input`);
  });
  const made = gradients(loss, leaves);
  const values = evaluate(Object.fromEntries(names.map((name, i) => [name, made[i]!])), feeds);
  const lossWith = (changed: HostFeeds): number =>
    evaluate({ loss }, { ...feeds, ...changed }).loss.data[0]!;
  const scale = Math.max(1, Math.abs(lossWith({})));
  return new Map(names.map((name) => {
    const value = feeds[name]!;
    const direction = draw(`direction of ${name}`, value.data.length, seed);
    const gradient = values[name]!.data;
    const analytic = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
    const lossAt = (by: number) => {
      const data = Float64Array.from(value.data, (x, i) => x + by * direction[i]!);
      return lossWith({ [name]: { ...value, data } });
    };
    // Five-point central difference: f' = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h + O(h^4).
    const near = lossAt(step) - lossAt(-step);
    const far = lossAt(2 * step) - lossAt(-2 * step);
    return [name, { analytic, numeric: (8 * near - far) / (12 * step), scale }];
  }));
}
