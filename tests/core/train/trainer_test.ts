/** The training loop: what it asks for, what it reports, and what it does when a loss diverges. */

import assert from "node:assert/strict";
import { type Weights } from "../../../core/nn/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import {
  AdamW,
  Trainer,
  type TrainerOptions,
  TrainingDiverged,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import {
  copyOf,
  drawAdapter,
  drawBatch,
  drawWeights,
  LORA,
  MODEL,
} from "../../support/tiny_student.ts";

const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const OPTIONS: TrainerOptions = {
  steps: 4,
  accumulation: 1,
  clipNorm: 1,
  rate: { learningRate: 0.01, schedule: "constant", warmupSteps: 0, finalRate: 1 },
  schedule: () => ({ temperature: 1, distillShare: 0, targetSkip: 0 }),
  batch: () => drawBatch([5, 5]),
  seed: 1,
};

/** A trainer of adapters on these frozen weights, for as long as `body` runs. */
async function withTrainer(
  body: (trainer: Trainer, trainable: Weights) => Promise<void>,
  options: Partial<TrainerOptions> = {},
  weights: Weights = drawWeights(),
): Promise<void> {
  await using backend = onnxBackend({ threads: 1 });
  const trainable = drawAdapter();
  await using step = await TrainingStep.compile(
    backend,
    {
      model: MODEL,
      lora: LORA,
      batchSize: 2,
      sequenceLength: 5,
      objective: { distillWeight: 0, distillTemperature: 1, sparsityWeight: 0, targetWeight: 0 },
    },
    Object.fromEntries(
      Object.entries(weights).map(([name, tensor]) => [name, backend.upload(tensor)]),
    ),
    trainable,
  );
  await body(new Trainer(step, new AdamW(trainable, ADAMW), { ...OPTIONS, ...options }), trainable);
}

Deno.test("training on one batch lowers its loss", async () => {
  await withTrainer(async (trainer) => {
    const losses: number[] = [];
    while (!trainer.done) losses.push((await trainer.next()).losses.loss);
    assert.equal(losses.length, 4);
    assert.ok(losses[3]! < losses[2]! && losses[2]! < losses[1]! && losses[1]! < losses[0]!);
  });
});

Deno.test("a step takes the next micro-batches, schedule and rate, and says what it did", async () => {
  const asked: string[] = [];
  await withTrainer(async (trainer) => {
    trainer.step = 2;
    const report = await trainer.next();
    assert.deepEqual(asked, ["schedule 2", "batch 6", "batch 7", "batch 8"]);
    assert.equal(report.step, 3);
    assert.equal(report.tokens, 3 * 2 * 5);
    assert.equal(report.schedule.temperature, 2);
    assert.equal(report.learningRate, 0.01 * 0.5);
    assert.ok(report.gradientNorm > 0 && report.seconds > 0 && report.flops > 0);
    assert.ok(!trainer.done);
    await trainer.next();
    assert.ok(trainer.done);
  }, {
    accumulation: 3,
    rate: { learningRate: 0.01, schedule: "linear", warmupSteps: 0, finalRate: 0 },
    schedule: (step) => {
      asked.push(`schedule ${step}`);
      return { temperature: step, distillShare: 0, targetSkip: 0 };
    },
    batch: (index) => {
      asked.push(`batch ${index}`);
      return drawBatch([5, 5], 5, index);
    },
  });
});

/** Fails unless the next step is refused and leaves parameters and optimizer as they are. */
async function assertDiverges(trainer: Trainer, trainable: Weights, step: number): Promise<void> {
  const { first, second } = trainer.optimizer;
  const before = [trainable, first, second].map(copyOf);
  await assert.rejects(trainer.next(), (error: Error) => {
    assert.ok(error instanceof TrainingDiverged, `${error}`);
    assert.equal(error.step, step);
    assert.match(error.message, new RegExp(`diverged at step ${step}`));
    return true;
  });
  assert.deepEqual([trainable, first, second].map(copyOf), before);
  assert.equal(trainer.step, step - 1);
}

Deno.test("a weight that is not a number stops the first step, parameters untouched", async () => {
  const weights = copyOf(drawWeights());
  weights["model.norm.weight"]!.data[0] = NaN;
  await withTrainer((trainer, trainable) => assertDiverges(trainer, trainable, 1), {}, weights);
});

Deno.test("a learning rate far too high stops the second step", async () => {
  const rate = { ...OPTIONS.rate, learningRate: 1e30 };
  await withTrainer(async (trainer, trainable) => {
    await trainer.next();
    await assertDiverges(trainer, trainable, 2);
  }, { rate });
});

Deno.test("a gradient that overflows stops the step although its loss is finite", async () => {
  const trainable = { w: floats([2], [1, 2]) };
  const gradients: Record<string, HostTensor> = { w: floats([2], [1, Infinity]) };
  const losses = { loss: 1, crossEntropy: 1, distill: 0, sparsity: 0, target: 0, activity: [] };
  // Only what a trainer uses of a step.
  const step = { flops: 0, run: () => Promise.resolve({ losses, gradients }) };
  const trainer = new Trainer(
    step as unknown as TrainingStep,
    new AdamW(trainable, ADAMW),
    OPTIONS,
  );
  await assertDiverges(trainer, trainable, 1);
});
