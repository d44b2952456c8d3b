/**
 * The gradient check of the kits as an assertion: relative, because a tolerance larger than the
 * gradient accepts anything, and refusing a loss that is flat, which would prove nothing.
 */

import { AssertionError } from "node:assert/strict";
import { slopesOf } from "../../core/conformance/gradient_check.ts";
import { type Node } from "../../core/graph/mod.ts";
import { evaluate, type HostFeeds } from "../../plugins/backends/reference/mod.ts";

export { weightedSum } from "../../core/conformance/gradient_check.ts";

/**
 * Relative difference allowed between analytic and numeric slope. The numeric one is good to about
 * 1e-11; constants in gradient rules are float32 and may be 6e-8 off.
 */
export const GRADIENT_TOLERANCE = 1e-6;

/** A slope smaller than this share of the loss (or of 1) cannot be told from rounding. */
const FLAT = 1e-7;

/**
 * Fails unless the gradient of the scalar `loss` for its input `name` agrees with central
 * differences at `feeds`.
 *
 * @throws {AssertionError} when the slopes differ, or the loss is flat along the direction.
 * @throws {TypeError} when the loss has no input of that name.
 */
export function assertGradient(loss: Node, name: string, feeds: HostFeeds, seed = 7): void {
  const { analytic, numeric, scale } = slopesOf(loss, [name], feeds, evaluate, { seed }).get(name)!;
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
