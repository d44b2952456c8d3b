/** Steps that are taken on a device: those of the host, and nothing else. */

import assert from "node:assert/strict";
import { type Weights } from "../../../core/nn/mod.ts";
import {
  AdamW,
  DeviceAdamW,
  Trainer,
  TrainingDiverged,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { type KeepingBackend, keepingBackend } from "../../support/keeping_backend.ts";
import {
  copyOf,
  drawAdapter,
  drawBatch,
  drawRouter,
  drawWeights,
  ROUTER,
} from "../../support/tiny_student.ts";
import { ADAMW, DROPPED, studentWith } from "./support.ts";

const OBJECTIVE = {
  distillWeight: 0.4,
  distillTemperature: 2,
  sparsityWeight: 0.1,
  targetWeight: 3,
};

/** An optimizer whose router learns three times as fast, and whose adapter begins with the second step. */
function freshOptimizer(): AdamW {
  const router = drawRouter();
  const params: Weights = { ...drawAdapter(DROPPED), ...router };
  return new AdamW(
    params,
    { ...ADAMW, epsilon: 1e-4, weightDecay: 0.1 },
    ({ shape }) => shape.length > 1,
    (name, step) => name in router ? 3 : step > 1 ? 1 : 0,
  );
}

interface Outcome {
  readonly optimizer: AdamW;
  readonly reports: readonly { readonly loss: number; readonly norm: number }[];
  /** What was still held when all was disposed of. */
  readonly held: number;
}

/** A trainer of steps of two micro-batches, and what it needs. */
async function openTrainer(
  backend: KeepingBackend,
  optimizer: AdamW,
  { onDevice = true, clipNorm = 0, learningRate = 0.05 } = {},
): Promise<AsyncDisposable & { readonly trainer: Trainer }> {
  await using opening = new AsyncDisposableStack();
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [
      name,
      opening.use(backend.upload(tensor)),
    ]),
  );
  const options = { ...studentWith(ROUTER), objective: OBJECTIVE };
  const step = opening.use(
    await TrainingStep.compile(backend, options, frozen, optimizer.params),
  );
  const device = onDevice
    ? opening.use(await DeviceAdamW.open(backend, optimizer, { accumulation: 2, clipNorm }))
    : undefined;
  const trainer = new Trainer(step, optimizer, {
    steps: 3,
    accumulation: 2,
    clipNorm,
    rate: { learningRate, schedule: "constant", warmupSteps: 0, finalRate: 1 },
    schedule: () => ({ temperature: 1, distillShare: 0.3, targetSkip: 0.3 }),
    batch: (index) => drawBatch([5, 4], 5, index),
    seed: 5,
  }, device);
  const opened = opening.move();
  return { trainer, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Three steps of two micro-batches. */
async function train(onDevice: boolean, clipNorm: number, learningRate = 0.05): Promise<Outcome> {
  await using backend = keepingBackend(referenceBackend({ round: true }));
  const optimizer = freshOptimizer();
  const reports: { loss: number; norm: number }[] = [];
  {
    await using opened = await openTrainer(backend, optimizer, {
      onDevice,
      clipNorm,
      learningRate,
    });
    const { trainer } = opened;
    while (!trainer.done) {
      const { losses: { loss }, gradientNorm: norm } = await trainer.next();
      reports.push({ loss, norm });
    }
    await trainer.sync();
  }
  return { optimizer, reports, held: backend.held };
}

for (const clipNorm of [0, 0.5, 100]) {
  Deno.test(`a device takes the steps of the host, clipped at ${clipNorm}`, async () => {
    const [host, device] = [await train(false, clipNorm), await train(true, clipNorm)];
    device.reports.forEach(({ loss, norm }, i) => {
      const expected = host.reports[i]!;
      assert.ok(Math.abs(loss - expected.loss) < 1e-5, `loss ${loss} of ${expected.loss}`);
      assert.ok(Math.abs(norm - expected.norm) < 1e-4 * expected.norm, `${norm}, ${expected.norm}`);
    });
    const fresh = freshOptimizer();
    for (const kept of ["params", "first", "second"] as const) {
      for (const [name, tensor] of Object.entries(host.optimizer[kept])) {
        const tolerance = { relative: 1e-4, absolute: 1e-6 };
        assertClose(device.optimizer[kept][name]!, tensor, tolerance, `${kept} ${name}`);
        assert.notDeepEqual(tensor.data, fresh[kept][name]!.data, `${kept} ${name} did not move`);
      }
    }
    assert.equal(device.held, 0);
  });
}

Deno.test("what a device has is old on the host until it is asked for", async () => {
  await using backend = keepingBackend(referenceBackend({ round: true }));
  const optimizer = freshOptimizer();
  const before = copyOf(optimizer.params);
  await using device = await DeviceAdamW.open(backend, optimizer, { accumulation: 1, clipNorm: 0 });
  const gradients = Object.fromEntries(
    Object.entries(optimizer.params).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  const update = await device.prepare([gradients], 0.1, 2);
  // A step that is left changes nothing.
  device.discard(update);
  await device.sync();
  assert.deepEqual(copyOf(optimizer.params), before);
  const again = Object.fromEntries(
    Object.entries(optimizer.params).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  device.accept(await device.prepare([again], 0.1, 2));
  assert.deepEqual(copyOf(optimizer.params), before);
  await device.sync();
  assert.notDeepEqual(copyOf(optimizer.params), before);
});

Deno.test("a device that diverges leaves parameters as they were", async () => {
  await using backend = keepingBackend(referenceBackend({ round: true }));
  const optimizer = freshOptimizer();
  const [name] = Object.keys(optimizer.params) as [string];
  optimizer.params[name]!.data.fill(NaN);
  const before = copyOf(optimizer.first);
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  const options = { ...studentWith(ROUTER), objective: OBJECTIVE };
  await using step = await TrainingStep.compile(backend, options, frozen, optimizer.params);
  await using device = await DeviceAdamW.open(backend, optimizer, { accumulation: 1, clipNorm: 1 });
  const trainer = new Trainer(step, optimizer, {
    steps: 1,
    accumulation: 1,
    clipNorm: 1,
    rate: { learningRate: 0.1, schedule: "constant", warmupSteps: 0, finalRate: 1 },
    schedule: () => ({ temperature: 1, distillShare: 0.3, targetSkip: 0.3 }),
    batch: (index) => drawBatch([5, 4], 5, index),
    seed: 5,
  }, device);
  await assert.rejects(trainer.next(), TrainingDiverged);
  assert.equal(trainer.step, 0);
  await trainer.sync();
  assert.deepEqual(copyOf(optimizer.first), before);
});

for (const [runs, what] of [[1, "the second micro-batch"], [2, "the step itself"]] as const) {
  Deno.test(`gradients are let go of where ${what} fails on the device`, async () => {
    await using backend = keepingBackend(referenceBackend({ round: true }));
    await using program = await openTrainer(backend, freshOptimizer());
    const before = backend.held;
    backend.failAfter(runs);
    await assert.rejects(program.trainer.next(), /The device failed/);
    assert.equal(backend.held, before);
  });
}
