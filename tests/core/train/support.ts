/** A small run: student, optimizer, checkpoints, and some steps. */

import { type Router } from "../../../core/contracts/mod.ts";
import { type Weights } from "../../../core/nn/mod.ts";
import {
  AdamW,
  CheckpointStore,
  type StepReport,
  Trainer,
  type TrainerOptions,
  type TrainerState,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import {
  ANCHOR_LAYERS,
  copyOf,
  drawAdapter,
  drawBatch,
  drawRouter,
  drawWeights,
  LORA,
  MODEL,
  ROUTER,
} from "../../support/tiny_student.ts";

/** An adapter with dropout, so that a run depends on its random numbers. */
export const DROPPED = { ...LORA, dropout: 0.2 };

export const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

export const ROUTER_FILE = {
  name: "token-gumbel",
  options: { initialBias: 0.5 },
  anchorLayers: ANCHOR_LAYERS,
  reads: "state" as const,
  bypassRank: 0,
};

export function studentWith(router: Router) {
  return {
    model: MODEL,
    lora: DROPPED,
    router: { router, anchorLayers: ANCHOR_LAYERS },
    batchSize: 2,
    sequenceLength: 5,
  };
}

/** A student as a run starts it, and its checkpoints in `folder`. */
export function fresh(folder: string, seed = 2, router = ROUTER) {
  const params: Weights = { ...drawAdapter(DROPPED, seed), ...drawRouter(seed, router) };
  const optimizer = new AdamW(params, ADAMW);
  const store = new CheckpointStore(folder, {
    student: studentWith(router),
    router: { ...ROUTER_FILE, name: router.name },
    optimizer,
    baseModel: "tiny",
  });
  return { router, params, optimizer, store };
}

export type FreshRun = ReturnType<typeof fresh>;

/** Copies of all that an optimizer holds. */
export const snapshot = ({ params, first, second }: AdamW) => [params, first, second].map(copyOf);

/** What a step reports, but for the time it took. */
export type Report = Omit<StepReport, "seconds">;

/** Trains from where `from` stands to step `until` of 6, unless told otherwise, and gives what each step reported. */
export async function train(
  { router, params, optimizer }: Pick<FreshRun, "router" | "params" | "optimizer">,
  from: Pick<TrainerState, "step" | "usualCost">,
  until: number,
  { sparsityWeight = 0.1, ...options }: Partial<TrainerOptions> & { sparsityWeight?: number } = {},
): Promise<{ reports: Report[]; usualCost: number | undefined }> {
  await using backend = onnxBackend({ threads: 1 });
  const objective = {
    distillWeight: 0.4,
    distillTemperature: 2,
    sparsityWeight,
    targetWeight: 3,
  };
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  const student = studentWith(router);
  await using step = await TrainingStep.compile(backend, { ...student, objective }, frozen, params);
  const trainer = new Trainer(step, optimizer, {
    steps: 6,
    accumulation: 2,
    clipNorm: 1,
    rate: { learningRate: 0.01, schedule: "cosine", warmupSteps: 2, finalRate: 0 },
    schedule: (step) => ({
      temperature: 2 / (1 + step),
      distillShare: 0.05 * step,
      targetSkip: 0.3,
    }),
    batch: (index) => drawBatch([5, 4], 5, index),
    seed: 21,
    ...options,
  });
  trainer.step = from.step;
  trainer.usualCost = from.usualCost;
  const reports: Report[] = [];
  while (trainer.step < until) {
    const { seconds: _seconds, ...report } = await trainer.next();
    reports.push(report);
  }
  return { reports, usualCost: trainer.usualCost };
}
