/** Small sums that figures are made of. */

import { seedInterval } from "../sweep/seeds.ts";
import type { Measured } from "../../report/measures_figure.ts";

/** Seeds from which on an interval says something: of two it is thirteen times their distance. */
const SEEDS_FOR_INTERVAL = 3;

/** The mean; of none it is not a number. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The mean over seeds with the seeds themselves, and from three on its 95% interval by Student's t;
 * undefined without values.
 */
export function overSeeds(values: readonly (number | undefined)[]): Measured | undefined {
  const samples = values.filter((value) =>
    value !== undefined && Number.isFinite(value)
  ) as number[];
  if (samples.length === 0) return undefined;
  const { value, low, high } = seedInterval(samples);
  return samples.length < SEEDS_FOR_INTERVAL ? { value, samples } : { value, low, high, samples };
}

/** What {@link overSeeds} shows, for the caption of a figure. */
export function seedsCaption(seedCounts: readonly number[]): string | undefined {
  const most = Math.max(...seedCounts);
  if (most < 2) return undefined;
  return most < SEEDS_FOR_INTERVAL
    ? "circles: seeds"
    : "circles: seeds; lines: 95% intervals by Student's t, from three seeds on";
}

/** Parts of a caption, with semicolons between; undefined parts are left out. */
export function caption(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("; ");
}
