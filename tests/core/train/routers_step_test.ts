/** The training step under routers of other kinds: known gates, gates of chance, and what is fed. */

import assert from "node:assert/strict";
import { type Router } from "../../../core/contracts/mod.ts";
import { leadingPrompt } from "../../../core/routing/mod.ts";
import { floats, RandomStream, type TensorType } from "../../../core/tensor/mod.ts";
import {
  gateNoise,
  promptFeed,
  type StepOptions,
  type StepSchedule,
  trainableParams,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { randomRouter } from "../../../plugins/routers/random.ts";
import { staticRouter } from "../../../plugins/routers/static.ts";
import { stochastic } from "../../../plugins/routers/stochastic.ts";
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

const SCHEDULE: StepSchedule = { temperature: 0.8, distillShare: 0, targetSkip: 0.4 };
const OBJECTIVE = {
  distillWeight: 0,
  distillTemperature: 1,
  sparsityWeight: 0.1,
  targetWeight: 3,
};
const optionsWith = (router: Router, options: Partial<StepOptions> = {}): StepOptions => ({
  model: MODEL,
  lora: LORA,
  router: { router, anchorLayers: ANCHOR_LAYERS },
  batchSize: 2,
  sequenceLength: 6,
  objective: OBJECTIVE,
  ...options,
});

/** What a step gives with this router, and the operations it takes. */
async function outcomeWith(
  router: Router,
  options: Partial<StepOptions> = {},
  backend = onnxBackend({ threads: 1 }),
) {
  await using own = backend;
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, own.upload(tensor)]),
  );
  const trainable = { ...drawAdapter(), ...drawRouter(3, router) };
  await using step = await TrainingStep.compile(
    own,
    optionsWith(router, options),
    frozen,
    trainable,
  );
  return { flops: step.flops, ...await step.run([drawBatch([6, 4])], SCHEDULE, 7, 2) };
}

const without = (...skipLayers: number[]) =>
  staticRouter.create(staticRouter.options.parse({ skipLayers }));

Deno.test("a layer left out for all takes no work, and its adapter learns nothing", async () => {
  const [whole, less] = [await outcomeWith(without()), await outcomeWith(without(2))];
  const [open, gap] = [whole, less].map(({ losses }) => losses.activity.map(Math.round));
  assert.deepEqual(open, [1, 1, 1]);
  assert.deepEqual(gap, [1, 0, 1]);
  assert.ok(less.flops < 0.85 * whole.flops, `${less.flops} of ${whole.flops}`);
  assert.notEqual(less.losses.loss, whole.losses.loss);
  for (const [name, { data }] of Object.entries(less.gradients)) {
    const learns = data.some((x) => x !== 0);
    assert.equal(learns, !name.startsWith("model.layers.2."), name);
  }
  // Nothing graded stands behind such gates, so depth has no price.
  assert.equal(whole.losses.sparsity, 0);
  assert.equal(whole.losses.loss, whole.losses.crossEntropy);
});

const KINDS: readonly (readonly [string, Router])[] = [
  ["static", without(2)],
  [
    "stochastic",
    stochastic.create(stochastic.options.parse({ schedule: "linear", survivalScaling: true })),
  ],
  ["random", randomRouter.create(randomRouter.options.parse({ per: "sequence" }))],
  ["reinforce", POLICY_ROUTER],
];

for (const [name, router] of KINDS) {
  Deno.test(`a step with ${name} gates repeats, and checkpointing changes none of its numbers`, async () => {
    const first = await outcomeWith(router, {}, referenceBackend());
    assert.deepEqual(await outcomeWith(router, {}, referenceBackend()), first);
    const again = await outcomeWith(router, { checkpointing: true }, referenceBackend());
    assert.equal(again.flops, first.flops);
    assert.ok(Math.abs(again.losses.loss - first.losses.loss) < 1e-12);
    for (const [parameter, { data }] of Object.entries(first.gradients)) {
      const gap = Math.max(
        ...Array.from(data, (x, i) => Math.abs(x - again.gradients[parameter]!.data[i]!)),
      );
      assert.ok(gap < 1e-9, `${parameter} differs by ${gap}`);
    }
  });
}

Deno.test("the distance of last states asks for a teacher, without distillation too", async () => {
  const hiddenWeight = 0.5;
  const objective = { ...OBJECTIVE, hiddenWeight };
  const plain = await outcomeWith(ROUTER);
  const taught = await outcomeWith(ROUTER, { objective });
  assert.equal(plain.losses.hidden, 0);
  assert.ok(taught.losses.hidden > 0);
  assert.equal(taught.losses.distill, 0);
  const expected = plain.losses.loss + hiddenWeight * taught.losses.hidden;
  assert.ok(Math.abs(taught.losses.loss - expected) < 1e-5 * expected);
  // A pass more, but none of its head.
  assert.ok(taught.flops > plain.flops);
  const distilled = { ...objective, distillWeight: 0.4 };
  const both = await outcomeWith(ROUTER, { objective: distilled });
  assert.ok(both.losses.distill > 0 && both.flops > taught.flops);
  assert.equal(both.losses.hidden, taught.losses.hidden);
});

Deno.test("what is trained is the adapters and what the router declares; a rule declares nothing", () => {
  const names = (router: Router) => Object.keys(trainableParams(optionsWith(router)));
  const adapters = Object.keys(drawAdapter());
  assert.deepEqual(names(without(2)), adapters);
  assert.deepEqual(names(POLICY_ROUTER), [
    ...adapters,
    ...["0.weight", "0.bias", "2.weight", "2.bias"].map((name) => `router.${name}`),
  ]);
});

const program = (name: string, shape: readonly number[]) => ({
  inputs: new Map<string, TensorType>([[name, { dtype: "float32", shape }]]),
});

Deno.test("noise is fed to a program that asks for it: uniform, and that of its stream", () => {
  const draw = (index: number) =>
    gateNoise(program("noise", [2, 3, 4]), new RandomStream(1, "test", index))["noise"]!;
  assert.deepEqual(draw(5), draw(5));
  assert.notDeepEqual(draw(6).data, draw(5).data);
  assert.deepEqual(draw(5).shape, [2, 3, 4]);
  assert.ok(draw(5).data.every((x) => x > 0 && x < 1));
  assert.equal(new Set(draw(5).data).size, 24);
  assert.deepEqual(gateNoise(program("tokens", [2, 3]), new RandomStream(1, "test")), {});
});

Deno.test("a prompt is fed to a program that asks for it: the batch's own, or the router's length", () => {
  const asking = program("promptMask", [2, 6]);
  const batch = drawBatch([6, 4]);
  const feed = (router: Router, own = batch) => promptFeed(asking, optionsWith(router), own);
  assert.deepEqual(feed(POLICY_ROUTER)["promptMask"], leadingPrompt(2, 6, 2));
  assert.deepEqual(feed(ROUTER)["promptMask"], floats([2, 6]));
  const promptMask = leadingPrompt(2, 6, 5);
  assert.deepEqual(feed(POLICY_ROUTER, { ...batch, promptMask }), { promptMask });
  const other = program("tokens", [2, 6]);
  assert.deepEqual(promptFeed(other, optionsWith(POLICY_ROUTER), { ...batch, promptMask }), {});
});
