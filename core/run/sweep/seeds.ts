/** Means over seeds, and how sure they are. */

import { type Interval } from "../../eval/mod.ts";

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
function quantile(freedom: number): number {
  const z = 1.959964;
  return T[freedom - 1] ??
    z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}

/** Mean of values over seeds with its 95% interval by Student's t; no interval for a single value. */
export function seedInterval(values: readonly number[]): Interval {
  const count = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / count;
  if (count < 2) return { value, low: NaN, high: NaN };
  const variance = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / (count - 1);
  const half = quantile(count - 1) * Math.sqrt(variance / count);
  return { value, low: value - half, high: value + half };
}

/** `1.234 ± 0.056`; without a spread the value alone. */
export function showSeeds({ value, high }: Interval, digits: number): string {
  const mean = value.toFixed(digits);
  return Number.isNaN(high) ? mean : `${mean} ± ${(high - value).toFixed(digits)}`;
}
