/** Means over seeds, and how sure they are. */

import { type Interval, studentQuantile } from "../../eval/mod.ts";

/** Mean of values over seeds with its 95% interval by Student's t; no interval for a single value. */
export function seedInterval(values: readonly number[]): Interval {
  const count = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / count;
  if (count < 2) return { value, low: NaN, high: NaN };
  const variance = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / (count - 1);
  const half = studentQuantile(count - 1) * Math.sqrt(variance / count);
  return { value, low: value - half, high: value + half };
}

/** `1.234 ± 0.056`; without a spread the value alone. */
export function showSeeds({ value, high }: Interval, digits: number): string {
  const mean = value.toFixed(digits);
  return Number.isNaN(high) ? mean : `${mean} ± ${(high - value).toFixed(digits)}`;
}
