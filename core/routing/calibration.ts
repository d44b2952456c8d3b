/** Choosing the threshold on a router's logits for a wanted budget. */

/** Where on its frontier a router is asked to work. */
export interface OperatingPoint {
  /** A block runs where its logit is above this. */
  readonly threshold: number;
  /** The share of routable token-block pairs that is meant to be skipped. */
  readonly targetSkip: number;
}

/**
 * The threshold at which a share `skip` of `logits` is skipped (a block runs where its logit is above
 * the threshold).
 *
 * Noise in training makes logits graded, but shifts the rate: what is sampled at a target of 0.30 is
 * not what comes out when the noise is taken away. The threshold, chosen on training data, closes
 * that gap, and moves one checkpoint along the whole frontier.
 *
 * @throws {RangeError} when there are no logits, or `skip` is not in [0, 1].
 */
export function calibrateThreshold(logits: Float32Array, skip: number): number {
  if (logits.length === 0) throw new RangeError("Cannot calibrate without logits");
  if (!(skip >= 0 && skip <= 1)) {
    throw new RangeError(`Cannot calibrate: skip must be in [0, 1], current value is ${skip}`);
  }
  const sorted = logits.toSorted();
  const skipped = Math.round(skip * sorted.length);
  if (skipped === 0) return sorted[0]! - 1;
  if (skipped === sorted.length) return sorted.at(-1)!;
  return (sorted[skipped - 1]! + sorted[skipped]!) / 2;
}
