/** Training an example's router on nano for a few steps. */

import { type Router } from "../../core/contracts/mod.ts";
import { loadParts } from "../../core/run/parts.ts";
import { resolveConfig } from "../../core/run/config.ts";
import { RunRepositories } from "../../core/run/repositories.ts";
import { initialize } from "../../core/nn/mod.ts";
import {
  AdamW,
  type StepReport,
  trainableParams,
  Trainer,
  TrainingStep,
} from "../../core/train/mod.ts";
import { builtinPlugins } from "../../plugins/mod.ts";

/** What a router was trained for. */
export interface Wanted {
  readonly steps: number;
  readonly targetSkip: number;
  /** 0.01 unless told. */
  readonly learningRate?: number;
  /** Weight of (skip ratio - target)²; 0 leaves the price of depth to the router. */
  readonly targetWeight: number;
}

/** What came of each step, and how the router's parameters changed. */
export interface Trained {
  readonly reports: readonly StepReport[];
  /** The share of skipped token-block pairs, by step. */
  readonly skipRatios: readonly number[];
  /** Names of the router's parameters that are still what they were. */
  readonly untouched: readonly string[];
}

const ANCHOR_LAYERS = 4;

/** Trains `router` beside adapters on nano, on short stretches of microworld. */
export async function trainOnNano(
  router: Router,
  { steps, targetSkip, targetWeight, learningRate = 0.01 }: Wanted,
): Promise<Trained> {
  const plugins = builtinPlugins();
  const config = await resolveConfig({
    defaults: {
      name: "example",
      router: { name: "static", anchorLayers: ANCHOR_LAYERS },
      steps,
      batchSize: 4,
      sequenceLength: 32,
      backend: { threads: 1 },
      lora: { rank: 2 },
      evaluation: { finalBatches: 1, batches: 1 },
    },
    routerOptions: plugins.routerOptions,
  });
  await using parts = await loadParts(
    config,
    plugins,
    new RunRepositories(),
    true,
  );
  const student = {
    ...parts.student,
    router: { router, anchorLayers: ANCHOR_LAYERS },
  };
  const trainable = initialize(trainableParams(student), 5);
  const before = structuredClone(trainable);
  const objective = {
    distillWeight: 0,
    distillTemperature: 1,
    sparsityWeight: 0,
    targetWeight,
  };
  await using step = await TrainingStep.compile(
    parts.backend,
    { ...student, objective },
    parts.frozen,
    trainable,
  );
  const trainer = new Trainer(
    step,
    new AdamW(trainable, {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    }),
    {
      steps,
      accumulation: 1,
      clipNorm: 1,
      rate: {
        learningRate,
        schedule: "constant",
        warmupSteps: 0,
        finalRate: 1,
      },
      schedule: () => ({ temperature: 1, distillShare: 0, targetSkip }),
      batch: parts.trainingBatch,
      seed: 1,
    },
  );
  const reports: StepReport[] = [];
  while (!trainer.done) reports.push(await trainer.next());
  return {
    reports,
    skipRatios: reports.map(({ losses: { activity } }) =>
      1 - activity.reduce((sum, share) => sum + share, 0) / activity.length
    ),
    untouched: Object.keys(trainable).filter((name) =>
      !name.includes("lora_") &&
      trainable[name]!.data.every((value, i) => value === before[name]!.data[i])
    ),
  };
}

/** The mean of the last `count` numbers. */
export function lastMean(values: readonly number[], count: number): number {
  return values.slice(-count).reduce((sum, value) => sum + value, 0) / count;
}
