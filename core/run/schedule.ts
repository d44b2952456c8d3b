/** What changes from step to step in a run. */

import { RandomStream } from "../tensor/mod.ts";
import { anneal, ramp } from "../train/mod.ts";
import { type ExperimentConfig } from "./config_schema.ts";

/** A run that is too short for its warm-ups spends a third of its steps on them. */
export function scheduleAt(config: ExperimentConfig, step: number) {
  const { objective, router, steps, seed } = config;
  const atMost = (warmup: number) => Math.min(warmup, Math.floor(steps / 3));
  const { targetSkip, targetSkipFrom = targetSkip } = objective;
  const drawn = targetSkipFrom === targetSkip
    ? 0
    : new RandomStream(seed, "budget", step).uniform();
  const target = targetSkip + drawn * (targetSkipFrom - targetSkip);
  return {
    temperature: anneal(router.temperatureStart, router.temperatureEnd, step, steps),
    distillShare: ramp(objective.distillWeight, step, atMost(objective.distillWarmupSteps)),
    targetSkip: ramp(target, step, atMost(objective.targetWarmupSteps)),
  };
}
