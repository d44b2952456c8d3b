/** Training by policy gradient: what is usual, when it counts, and that it teaches a router. */

import assert from "node:assert/strict";
import { leadingPrompt } from "../../../core/routing/mod.ts";
import {
  type Batch,
  type StepOptions,
  type StepSchedule,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import {
  ANCHOR_LAYERS,
  drawAdapter,
  drawBatch,
  drawRouter,
  drawWeights,
  LORA,
  MODEL,
  POLICY_ROUTER,
  ROUTER,
} from "../../support/tiny_student.ts";
import { inFolder } from "../io/support.ts";
import { fresh, train } from "./support.ts";

const START = { step: 0, usualCost: undefined };
const SCHEDULE: StepSchedule = { temperature: 1, distillShare: 0, targetSkip: 0.3 };
const OBJECTIVE = {
  distillWeight: 0,
  distillTemperature: 1,
  sparsityWeight: 0.1,
  targetWeight: 3,
};

/** A step in float64 on batches of 2 x 6, for as long as `body` runs. */
async function withStep<T>(
  body: (step: TrainingStep) => Promise<T>,
  router = POLICY_ROUTER,
  options: Partial<StepOptions> = {},
): Promise<T> {
  await using backend = referenceBackend();
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  await using step = await TrainingStep.compile(
    backend,
    {
      model: MODEL,
      lora: LORA,
      router: { router, anchorLayers: ANCHOR_LAYERS },
      batchSize: 2,
      sequenceLength: 6,
      objective: OBJECTIVE,
      ...options,
    },
    frozen,
    { ...drawAdapter(), ...drawRouter(3, router) },
  );
  return await body(step);
}

const ofRouter = (name: string) => name.startsWith("router.");

Deno.test("only a router that tells the probability of its gates is trained by policy", async () => {
  assert.ok(await withStep((step) => Promise.resolve(step.learnsByPolicy)));
  assert.ok(!await withStep((step) => Promise.resolve(step.learnsByPolicy), ROUTER));
});

Deno.test("while it is unknown what is usual a router learns nothing, and adapters learn the same", async () => {
  await withStep(async (step) => {
    const run = (usualCost?: number) =>
      step.run([drawBatch([6, 5])], { ...SCHEDULE, usualCost }, 1, 0);
    const [unknown, known] = [await run(), await run(1)];
    for (const [name, { data }] of Object.entries(unknown.gradients)) {
      if (ofRouter(name)) assert.ok(data.every((x) => x === 0), name);
      else assert.deepEqual(known.gradients[name]!.data, data, name);
    }
    const moved = Object.entries(known.gradients).filter(([name, { data }]) =>
      ofRouter(name) && data.some((x) => x !== 0)
    );
    assert.equal(moved.length, 4);
    assert.equal(known.losses.cost, unknown.losses.cost);
    assert.ok(known.losses.cost > 0);
    assert.equal(unknown.losses.policy, 0);
    assert.notEqual(known.losses.policy, 0);
  });
});

Deno.test("micro-batches share what they cost and teach in equal parts", async () => {
  await withStep(async (step) => {
    const batches = [drawBatch([6, 6], 6, 1), drawBatch([6, 6], 6, 2)];
    const schedule = { ...SCHEDULE, usualCost: 2 };
    const both = await step.run(batches, schedule, 4, 10);
    // Step 10 of two micro-batches draws the noise of draws 20 and 21.
    const parts = [
      await step.run([batches[0]!], schedule, 4, 20),
      await step.run([batches[1]!], schedule, 4, 21),
    ];
    const near = (actual: number, expected: number, what: string) =>
      assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} instead of ${expected}`);
    for (const part of ["cost", "policy"] as const) {
      const [a, b] = parts.map(({ losses }) => losses[part]);
      near(both.losses[part], (a! + b!) / 2, part);
    }
    for (const [name, { data }] of Object.entries(both.gradients).filter(([n]) => ofRouter(n))) {
      const [a, b] = parts.map(({ gradients }) => gradients[name]!.data);
      data.forEach((x, i) => near(x, (a![i]! + b![i]!) / 2, name));
    }
  });
});

Deno.test("a batch's prompt is as long as its router counts on, where it says nothing", async () => {
  await withStep(async (step) => {
    const batch = drawBatch([6, 6]);
    const run = (promptMask?: Batch["promptMask"]) =>
      step.run([{ ...batch, ...(promptMask ? { promptMask } : {}) }], SCHEDULE, 1, 0);
    const unsaid = await run();
    assert.deepEqual(await run(leadingPrompt(2, 6, 2)), unsaid);
    assert.notEqual((await run(leadingPrompt(2, 6, 4))).losses.loss, unsaid.losses.loss);
    // A prompt runs every block.
    const allPrompt = await run(leadingPrompt(2, 6, 6));
    assert.deepEqual(allPrompt.losses.activity.map((share) => Math.abs(share - 1) < 1e-6), [
      true,
      true,
      true,
    ]);
  });
});

Deno.test("what is usual is the first step's cost, and follows the others by a tenth", async () => {
  await inFolder(async (folder) => {
    const { reports, usualCost } = await train(fresh(folder, 2, POLICY_ROUTER), START, 4);
    const seen = reports.map(({ schedule }) => schedule.usualCost);
    assert.equal(seen[0], undefined);
    let usual = reports[0]!.losses.cost;
    reports.forEach(({ losses }, i) => {
      if (i > 0) assert.ok(Math.abs(seen[i]! - usual) < 1e-9, `step ${i}`);
      usual = 0.9 * usual + 0.1 * losses.cost;
    });
    assert.ok(Math.abs(usualCost! - usual) < 1e-9);
  });
});

Deno.test("a router that is not trained by policy has no usual cost", async () => {
  await inFolder(async (folder) => {
    const { reports, usualCost } = await train(fresh(folder), START, 2);
    assert.equal(usualCost, undefined);
    assert.ok(reports.every(({ losses }) => losses.cost === 0 && losses.policy === 0));
  });
});

Deno.test("where depth has a price worth avoiding, a policy router learns to skip", async () => {
  await inFolder(async (folder) => {
    const steps = 60;
    const share = async (sparsityWeight: number) => {
      const run = fresh(folder, 2, POLICY_ROUTER);
      const { reports } = await train(run, START, steps, {
        steps,
        sparsityWeight,
        rate: { learningRate: 0.03, schedule: "constant", warmupSteps: 0, finalRate: 1 },
        schedule: () => SCHEDULE,
        batch: () => drawBatch([5, 5], 5, 1),
      });
      const mean = (from: number) => {
        const part = reports.slice(from, from + 15).flatMap(({ losses }) => losses.activity);
        return part.reduce((sum, x) => sum + x) / part.length;
      };
      return { before: mean(0), after: mean(steps - 15) };
    };
    const dear = await share(5);
    assert.ok(dear.after < dear.before - 0.15, `${dear.before} to ${dear.after}`);
    // The two tokens of five that are the prompt run every block.
    assert.ok(dear.after < 0.6, `${dear.after}`);
  });
});
