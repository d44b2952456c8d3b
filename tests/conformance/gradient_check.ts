/**
 * Gradients against finite differences, in a way that a wrong rule cannot pass.
 *
 * In float64 on the reference backend, so that the tolerance can be tight; relative, because a
 * tolerance larger than the gradient accepts anything; along one random direction, which meets every
 * element at once; and refusing a loss that is flat along it, which would prove nothing.
 */

import { AssertionError } from "node:assert/strict";
import {
  constant,
  gradients,
  inputsOf,
  mul,
  type Node,
  reduceSum,
  shapeOf,
  topologicalOrder,
} from "../../core/graph/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { evaluate, type HostFeeds } from "../../plugins/backends/reference/mod.ts";

/**
 * Relative difference allowed between analytic and numeric slope. The numeric one is good to about
 * 1e-11; constants in gradient rules are float32 and may be 6e-8 off.
 */
export const GRADIENT_TOLERANCE = 1e-6;

/** A slope smaller than this share of the loss (or of 1) cannot be told from rounding. */
const FLAT = 1e-7;

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
 * Fails unless the gradient of the scalar `loss` for its input `name` agrees with central
 * differences at `feeds`.
 *
 * @throws {AssertionError} when the slopes differ, or the loss is flat along the direction.
 * @throws {TypeError} when the loss has no input of that name.
 */
export function assertGradient(loss: Node, name: string, feeds: HostFeeds, seed = 7): void {
  const leaf = inputsOf(topologicalOrder([loss])).get(name);
  const value = feeds[name];
  if (!leaf || !value) throw new TypeError(`Cannot check "${name}": the loss has no such input`);

  const direction = draw(`direction of ${name}`, value.data.length, seed);
  const [gradient] = evaluate(gradients(loss, [leaf]), feeds) as [HostTensor];
  const analytic = direction.reduce((sum, d, i) => sum + d * gradient.data[i]!, 0);

  const lossAt = (step: number): number => {
    const data = Float64Array.from(value.data, (x, i) => x + step * direction[i]!);
    return evaluate([loss], { ...feeds, [name]: { ...value, data } })[0]!.data[0]!;
  };
  // Five-point central difference: f' = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h + O(h^4).
  const near = lossAt(STEP) - lossAt(-STEP);
  const far = lossAt(2 * STEP) - lossAt(-2 * STEP);
  const numeric = (8 * near - far) / (12 * STEP);

  const scale = Math.max(1, Math.abs(lossAt(0)));
  if (!(Math.abs(numeric) > FLAT * scale)) {
    throw new AssertionError({
      message: `Cannot check the gradient for "${name}": the loss is flat along the direction ` +
        `(slope ${numeric})`,
    });
  }
  const error = Math.abs(analytic - numeric) / Math.abs(numeric);
  if (!(error <= GRADIENT_TOLERANCE)) {
    throw new AssertionError({
      message: `The gradient for "${name}" is off: analytic slope ${analytic}, numeric ` +
        `${numeric}, relative error ${error}, allowed ${GRADIENT_TOLERANCE}`,
      actual: analytic,
      expected: numeric,
    });
  }
}
