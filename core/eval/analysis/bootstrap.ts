/**
 * How sure a number over tokens is, when tokens of one sequence are not independent: the bootstrap
 * over whole sequences (Efron and Tibshirani 1993, chapter 8), 1,000 resamples, percentiles.
 */

import { RandomStream } from "../../tensor/mod.ts";
import { percentiles, RESAMPLES } from "../interval.ts";

/** A number and, where it can be told, the interval that holds it with 95% confidence. */
export interface Estimate {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Of fewer sequences than this, resamples are too much alike to tell anything. */
const FEWEST = 10;

/** Share of the resamples that must have a value; the rest lack what it is about. */
const ENOUGH = 0.95;

/**
 * Values with their intervals. All are computed from the same resamples, so that differences between
 * them may be among them.
 *
 * @param sequences how many there are
 * @param statistics the values when sequence s counts `weights[s]` times; NaN where there is none.
 *   The array is overwritten for the next resample.
 * @returns undefined for a value that does not exist; without an interval where there are too few
 *   sequences, or too few carry it
 */
export function bootstrapOverSequences(
  sequences: number,
  seed: number,
  statistics: (weights: Float64Array) => readonly number[],
): (Estimate | undefined)[] {
  const weights = new Float64Array(sequences).fill(1);
  const values = statistics(weights);
  const draws = values.map(() => new Float64Array(RESAMPLES));
  const random = new RandomStream(seed, "sequence-bootstrap");
  for (let resample = 0; resample < RESAMPLES && sequences >= FEWEST; resample++) {
    weights.fill(0);
    for (let i = 0; i < sequences; i++) weights[random.below(sequences)]!++;
    statistics(weights).forEach((value, i) => draws[i]![resample] = value);
  }
  return values.map((value, i) => {
    if (!Number.isFinite(value)) return undefined;
    if (sequences < FEWEST) return { value };
    const drawn = draws[i]!.filter(Number.isFinite);
    return drawn.length < ENOUGH * RESAMPLES ? { value } : { value, ...percentiles(drawn) };
  });
}

/** Sums over the tokens of each sequence, in several columns. */
export class SequenceSums {
  /** `[S, columns]` */
  readonly #sums: Float64Array;
  readonly #totals: Float64Array;

  constructor(private readonly sequences: number, private readonly columns: number) {
    this.#sums = new Float64Array(sequences * columns);
    this.#totals = new Float64Array(columns);
  }

  /** Adds to a column of a sequence. */
  add(sequence: number, column: number, value: number): void {
    this.#sums[sequence * this.columns + column]! += value;
  }

  /** Sums over all tokens when sequence s counts `weights[s]` times; overwritten by the next call. */
  totals(weights: Float64Array): Float64Array {
    const { columns } = this;
    const [sums, totals] = [this.#sums, this.#totals.fill(0)];
    for (let s = 0; s < this.sequences; s++) {
      const weight = weights[s]!;
      if (weight === 0) continue;
      for (let c = 0; c < columns; c++) totals[c]! += weight * sums[s * columns + c]!;
    }
    return totals;
  }
}
