/** How sure a difference between two losses is. */

import { RandomStream } from "../tensor/mod.ts";
import { type SequenceLoss, type TextLoss } from "./text_loss.ts";

/** A value with the interval that holds it with 95% confidence. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Resamples of a bootstrap. */
export const RESAMPLES = 1000;

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
  return { value, ...percentiles(Float64Array.from({ length: RESAMPLES }, resampled)) };
}

/** The 2.5% and 97.5% percentiles of what was drawn, which is sorted for it. */
export function percentiles(drawn: Float64Array): Pick<Interval, "low" | "high"> {
  drawn.sort();
  return {
    low: drawn[Math.floor(0.025 * drawn.length)]!,
    high: drawn[Math.ceil(0.975 * drawn.length) - 1]!,
  };
}

/** 97.5% quantiles of Student's t by degrees of freedom, from 1 on (Student 1908, by later tables). */
const T = [
  12.706,
  4.303,
  3.182,
  2.776,
  2.571,
  2.447,
  2.365,
  2.306,
  2.262,
  2.228,
  2.201,
  2.179,
  2.16,
  2.145,
  2.131,
  2.12,
  2.11,
  2.101,
  2.093,
  2.086,
];

/**
 * The 97.5% quantile of Student's t. Beyond the table by its expansion around the normal one (Abramowitz
 * and Stegun 1964, 26.7.5), which is good to three digits there.
 */
export function studentQuantile(freedom: number): number {
  const z = 1.959964;
  return T[freedom - 1] ??
    z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}
