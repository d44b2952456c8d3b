/** Whole models on the webgpu backend: training, reading and writing, against the reference. */

import assert from "node:assert/strict";
import { type Backend } from "../../../../core/contracts/mod.ts";
import { continueSpeculatively, continueTexts, Passes } from "../../../../core/inference/mod.ts";
import { type BasePrecision, initialize, type Weights } from "../../../../core/nn/mod.ts";
import { type HostTensor } from "../../../../core/tensor/mod.ts";
import {
  AdamW,
  clipByNorm,
  DeviceAdamW,
  loadFrozen,
  type StepOptions,
  trainableParams,
  Trainer,
  TrainingStep,
} from "../../../../core/train/mod.ts";
import { referenceBackend } from "../../../../plugins/backends/reference/mod.ts";
import { llama } from "../../../../plugins/models/llama/mod.ts";
import { randomWeights } from "../../../../scripts/bench/step_workload.ts";
import { assertClose } from "../../../conformance/close.ts";
import { tinyModel } from "../../../core/eval/scoring/support.ts";
import { type RouterName } from "../../../core/eval/support.ts";
import { collect, promptsOf } from "../../../core/inference/support.ts";
import {
  ANCHOR_LAYERS,
  drawAdapter,
  drawBatch,
  drawRouter,
  drawWeights,
  LORA,
  MODEL,
  ROUTER,
} from "../../../support/tiny_student.ts";
import { adapterTest, tunedTest } from "./support.ts";

const OBJECTIVE = {
  distillWeight: 0.4,
  distillTemperature: 2,
  hiddenWeight: 0.2,
  sparsityWeight: 0.1,
  targetWeight: 3,
};

const STUDENT: Omit<StepOptions, "checkpointing"> = {
  model: MODEL,
  lora: { ...LORA, dropout: 0.2 },
  router: { router: ROUTER, anchorLayers: ANCHOR_LAYERS },
  objective: OBJECTIVE,
  batchSize: 2,
  sequenceLength: 6,
};

/** Losses of three steps, and what was trained by them. */
async function trainThree(
  backend: Backend,
  options: StepOptions,
  frozen: Readonly<Record<string, ReturnType<Backend["upload"]>>>,
): Promise<{ losses: number[]; trained: Weights }> {
  const trained = { ...drawAdapter(options.lora), ...drawRouter() };
  const optimizer = new AdamW(trained, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-4,
    weightDecay: 0.01,
  });
  await using step = await TrainingStep.compile(backend, options, frozen, trained);
  const losses: number[] = [];
  for (let number = 1; number <= 3; number++) {
    const batches = [drawBatch([6, 4], 6, number), drawBatch([5, 6], 6, 10 + number)];
    const schedule = { temperature: 1 / number, distillShare: 0.3, targetSkip: 0.3 };
    const { losses: { loss, activity }, gradients } = await step.run(batches, schedule, 9, number);
    losses.push(loss, ...activity);
    clipByNorm(gradients, 1);
    optimizer.step(gradients, 0.01, number);
  }
  return { losses, trained };
}

for (const checkpointing of [false, true]) {
  const how = checkpointing ? ", computing blocks twice," : "";
  adapterTest(`webgpu trains${how} as the reference does`, async (backend) => {
    const train = (own: Backend) => {
      const frozen = Object.fromEntries(
        Object.entries(drawWeights()).map(([name, tensor]) => [name, own.upload(tensor)]),
      );
      return trainThree(own, { ...STUDENT, checkpointing }, frozen);
    };
    await using reference = referenceBackend({ round: true });
    assertSameTraining(await train(backend), await train(reference));
  });
}

function assertSameTraining(
  actual: Awaited<ReturnType<typeof trainThree>>,
  expected: Awaited<ReturnType<typeof trainThree>>,
): void {
  actual.losses.forEach((loss, i) => {
    assert.ok(Math.abs(loss - expected.losses[i]!) < 1e-4, `${actual.losses}, ${expected.losses}`);
  });
  for (const [name, tensor] of Object.entries(expected.trained)) {
    assertClose(actual.trained[name]!, tensor, { relative: 1e-3, absolute: 1e-4 }, name);
  }
}

adapterTest(
  "webgpu goes on from what it gave the host with the bits of an unbroken run",
  async (backend) => {
    const frozen = Object.fromEntries(
      Object.entries(drawWeights()).map(([name, tensor]) => [name, backend.upload(tensor)]),
    );
    /** Four steps, whose state goes to the host and back after each of these. */
    const train = async (breaks: readonly number[]) => {
      const optimizer = new AdamW({ ...drawAdapter(STUDENT.lora), ...drawRouter() }, {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.01,
      });
      await using step = await TrainingStep.compile(backend, STUDENT, frozen, optimizer.params);
      const options = { accumulation: 2, clipNorm: 1 };
      let done = 0;
      for (const until of [...breaks, 4]) {
        await using device = await DeviceAdamW.open(backend, optimizer, options);
        const trainer = new Trainer(step, optimizer, {
          ...options,
          steps: until,
          rate: { learningRate: 0.01, schedule: "constant", warmupSteps: 0, finalRate: 1 },
          schedule: () => ({ temperature: 1, distillShare: 0.3, targetSkip: 0.3 }),
          batch: (index) => drawBatch([6, 4], 6, index),
          seed: 9,
        }, device);
        trainer.step = done;
        while (!trainer.done) await trainer.next();
        await trainer.sync();
        done = until;
      }
      return [optimizer.params, optimizer.first, optimizer.second];
    };
    const unbroken = await train([]);
    assert.deepEqual(await train([1, 3]), unbroken);
    assert.notDeepEqual(unbroken[0], { ...drawAdapter(STUDENT.lora), ...drawRouter() });
  },
);

/** A Llama whose matrices are whole blocks of four bits. */
const IN_BLOCKS = llama({
  vocabSize: 32,
  hiddenSize: 64,
  numLayers: 2,
  numHeads: 2,
  numKeyValueHeads: 1,
  headDim: 32,
  maxPositions: 32,
  intermediateSize: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  initializerRange: 0.1,
});

for (const precision of ["int4", "nf4"] as const satisfies BasePrecision[]) {
  const name = `webgpu trains on a base in ${precision} as the reference does`;
  tunedTest(name, { tiles: "shared" }, async (backend) => {
    const options: StepOptions = {
      model: IN_BLOCKS,
      lora: LORA,
      objective: { ...OBJECTIVE, hiddenWeight: 0 },
      batchSize: 2,
      sequenceLength: 6,
      basePrecision: precision,
    };
    const trained = initialize(trainableParams(options), 1);
    const losses = async (own: Backend) => {
      const frozen = loadFrozen(randomWeights(IN_BLOCKS), IN_BLOCKS, own, precision);
      await using step = await TrainingStep.compile(own, options, frozen, trained);
      const schedule = { temperature: 1, distillShare: 0, targetSkip: 0 };
      return (await step.run([drawBatch([6, 4])], schedule, 1, 1)).losses.crossEntropy;
    };
    await using reference = referenceBackend({ round: true });
    const [own, expected] = [await losses(backend), await losses(reference)];
    assert.ok(Math.abs(own - expected) < 1e-5, `${own} instead of ${expected}`);
  });
}

tunedTest("webgpu reads and writes texts with attention in one kernel", {
  tiles: "shared",
}, async (backend) => {
  const weights = initialize(IN_BLOCKS.params(), 3);
  const own = { student: { model: IN_BLOCKS }, depth: "base", weights } as const;
  await using passes = new Passes({ ...own, backend });
  await using reference = new Passes({ ...own, backend: referenceBackend() });
  const prompts = promptsOf(9, 20);
  const inputs = {
    sequences: prompts,
    rows: prompts.map((prompt, row) => [row, prompt.length - 1] as const),
    answers: "logits",
  } as const;
  const [actual, expected] = [await passes.run(inputs), await reference.run(inputs)];
  assertCloseWhereReal(actual["logits"]!, expected["logits"]!, "logits", prompts);
  const write = (own: Passes) =>
    collect(continueTexts(own, prompts, { maxTokens: 4, chunk: 8 }), 2);
  assert.deepEqual(await write(passes), await write(reference));
});

/** Prompts of several lengths, and one by itself. */
const PROMPTS = [promptsOf(9, 4, 12), promptsOf(7)];

const ROUTED: readonly (RouterName | undefined)[] = [
  undefined,
  "token-gumbel",
  "sequence-gumbel",
  "static without a layer",
];

for (const router of ROUTED) {
  adapterTest(
    `webgpu reads and writes texts as the reference does, ${router ?? "dense"}`,
    async (backend) => {
      const model = tinyModel(router ? "routed" : "fullDepth", router);
      await using reference = new Passes(model);
      for (const bakesWeights of [false, true]) {
        await using passes = new Passes({ ...model, backend }, { bakesWeights });
        for (const prompts of PROMPTS) {
          const inputs = {
            sequences: prompts,
            rows: prompts.map((prompt, row) => [row, prompt.length - 1] as const),
            answers: "logits",
            keepsMemory: true,
          } as const;
          const actual = await passes.run(inputs);
          const expected = await reference.run(inputs);
          assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
          for (const [name, tensor] of Object.entries(expected)) {
            assertCloseWhereReal(actual[name]!, tensor, name, prompts);
          }
          const write = (own: Passes) =>
            collect(continueTexts(own, prompts, { maxTokens: 5 }), prompts.length);
          const [mine, theirs] = [await write(passes), await write(reference)];
          assert.deepEqual(mine, theirs);
        }
      }
    },
  );
}

/** Logits as they are; of the memory, what belongs to tokens and not to padding. */
function assertCloseWhereReal(
  actual: HostTensor,
  expected: HostTensor,
  name: string,
  prompts: readonly Int32Array[],
): void {
  assert.deepEqual(actual.shape, expected.shape, name);
  const isMemory = name.startsWith("memory.");
  const [, heads = 1, length = 1, width = 1] = expected.shape;
  expected.data.forEach((value, i) => {
    const text = Math.floor(i / (heads * length * width));
    const token = Math.floor(i / width) % length;
    if (isMemory && token >= prompts[text]!.length) return;
    const off = Math.abs(actual.data[i]! - value);
    assert.ok(off < 1e-4, `${name}, element ${i}: ${actual.data[i]} instead of ${value}`);
  });
}

adapterTest("webgpu drafts and confirms texts as the reference does", async (backend) => {
  const prompts = promptsOf(9, 4);
  const write = async (own: Backend) => {
    await using draft = new Passes({ ...tinyModel("routed"), backend: own });
    await using full = new Passes({ ...tinyModel("fullDepth"), backend: own });
    const options = { maxTokens: 6, draftTokens: 2 };
    return await collect(continueSpeculatively(draft, full, prompts, options), prompts.length);
  };
  assert.deepEqual(await write(backend), await write(referenceBackend()));
});
