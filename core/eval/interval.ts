/** How sure a difference between two losses is. */

import { RandomStream } from "../tensor/mod.ts";
import { type SequenceLoss, type TextLoss } from "./text_loss.ts";

/** A value with the interval that holds it with 95% confidence. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 1000;

/**
 * Loss of `a` less that of `b` in nats per token, over the same text: a paired bootstrap over
 * sequences (Efron and Tibshirani 1993, chapter 13), 1,000 resamples, percentiles.
 *
 * @throws {RangeError} when the two are not over the same sequences.
 */
export function pairedDifference(
  a: Pick<TextLoss, "sequences">,
  b: Pick<TextLoss, "sequences">,
  seed = 0,
): Interval {
  const same = a.sequences.length > 0 && a.sequences.length === b.sequences.length &&
    a.sequences.every(({ tokens }, i) => tokens === b.sequences[i]!.tokens);
  if (!same) throw new RangeError("Cannot compare losses: they are not over the same sequences");
  const pairs = a.sequences.map(({ sum, tokens }, i): SequenceLoss => ({
    sum: sum - b.sequences[i]!.sum,
    tokens,
  }));
  const random = new RandomStream(seed, "paired-bootstrap");
  const meanOf = (pick: (i: number) => SequenceLoss) => {
    let [sum, tokens] = [0, 0];
    for (let i = 0; i < pairs.length; i++) {
      const pair = pick(i);
      sum += pair.sum;
      tokens += pair.tokens;
    }
    return sum / tokens;
  };
  return bootstrapInterval(
    meanOf((i) => pairs[i]!),
    () => meanOf(() => pairs[random.below(pairs.length)]!),
  );
}

/**
 * A value with the percentiles of its resamples, of which there are 1,000.
 *
 * @param resampled the value of a new resample each time
 */
export function bootstrapInterval(value: number, resampled: () => number): Interval {
  const drawn = Float64Array.from({ length: RESAMPLES }, resampled).sort();
  return {
    value,
    low: drawn[Math.floor(0.025 * RESAMPLES)]!,
    high: drawn[Math.ceil(0.975 * RESAMPLES) - 1]!,
  };
}
