/** How fast a run was, in words. */

import { type ExperimentConfig } from "./config_schema.ts";
import { type readMetrics } from "./metrics_csv.ts";
import { formatDuration } from "./progress.ts";

/** The middle value (the mean of the two middle ones). @throws {RangeError} for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * A line on the speed of the steps, and for a run that was cut short one on how long the whole
 * experiment would take.
 *
 * @param plannedSteps the experiment's, where nobody shortens it
 */
export function speedLines(
  rows: ReturnType<typeof readMetrics>,
  { steps, batchSize, sequenceLength, accumulation }: ExperimentConfig,
  plannedSteps: number,
): string[] {
  const numbers = (column: string) =>
    rows.map((row) => row[column]).filter((value): value is number => typeof value === "number");
  const tokensPerSecond = median(numbers("tokens_per_second"));
  const rate = median(numbers("gflops_per_second"));
  const peak = Math.max(...numbers("peak_memory_mb")) / 1024;
  const lines = [
    `speed       ${tokensPerSecond.toFixed(0)} tokens/s, ${rate.toFixed(0)} GFLOP/s (medians); ` +
    `${peak.toFixed(1)} GiB of memory at most`,
  ];
  if (steps < plannedSteps) {
    const seconds = plannedSteps * batchSize * sequenceLength * accumulation / tokensPerSecond;
    lines.push(
      `estimate    ${
        formatDuration(seconds)
      } for the ${plannedSteps} steps of the whole experiment`,
    );
  }
  return lines;
}
