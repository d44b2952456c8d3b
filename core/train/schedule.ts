/** Quantities that change over a run, as functions of the step (counted from 0). */

/** How the learning rate moves. */
export interface RateSchedule {
  readonly learningRate: number;
  readonly schedule: "cosine" | "linear" | "constant";
  /** Steps over which it rises from nearly 0. */
  readonly warmupSteps: number;
  /** Share of the peak that is left at the end. */
  readonly finalRate: number;
}

/** Learning rate of a step: linear warm-up, then down to `finalRate` of the peak. */
export function learningRateAt(options: RateSchedule, step: number, steps: number): number {
  const { learningRate, schedule, warmupSteps, finalRate } = options;
  if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
  if (schedule === "constant") return learningRate;
  const progress = Math.min((step - warmupSteps) / Math.max(steps - warmupSteps, 1), 1);
  const share = schedule === "cosine" ? (1 + Math.cos(Math.PI * progress)) / 2 : 1 - progress;
  return learningRate * (finalRate + (1 - finalRate) * share);
}

/** From 0 at step 0 to `value` at step `over`, in a straight line; `value` at once for `over` 0. */
export function ramp(value: number, step: number, over: number): number {
  return over <= 0 ? value : value * Math.min(step / over, 1);
}

/** From `start` to `end` in equal ratios over the whole run: temperature annealing. */
export function anneal(start: number, end: number, step: number, steps: number): number {
  return start * (end / start) ** (step / Math.max(steps - 1, 1));
}
