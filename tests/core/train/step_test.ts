/** The compiled training step: it repeats, micro-batches add up, and dropout comes from the seed. */

import assert from "node:assert/strict";
import { type Backend } from "../../../core/contracts/mod.ts";
import { inputsOf, topologicalOrder } from "../../../core/graph/mod.ts";
import { dropoutMasks, type LoraOptions, type Weights } from "../../../core/nn/mod.ts";
import { bytes, floats, type HostTensor, ints, sizeOf } from "../../../core/tensor/mod.ts";
import {
  type Batch,
  stepGraph,
  type StepOptions,
  type StepSchedule,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
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

const OBJECTIVE = {
  distillWeight: 0.4,
  distillTemperature: 2,
  sparsityWeight: 0.1,
  targetWeight: 3,
};
const SCHEDULE: StepSchedule = { temperature: 0.8, distillShare: 0.3, targetSkip: 0.3 };
const ROUTED: Pick<StepOptions, "lora" | "router"> = {
  lora: LORA,
  router: { router: ROUTER, anchorLayers: ANCHOR_LAYERS },
};

type Outcome = Awaited<ReturnType<TrainingStep["run"]>>;

/** A step on batches of this shape, for as long as `body` runs. */
async function withStep<T>(
  backend: Backend,
  [batchSize, sequenceLength]: readonly [number, number],
  what: Pick<StepOptions, "lora" | "router" | "checkpointing">,
  body: (step: TrainingStep) => Promise<T>,
  trainable: Weights = {
    ...(what.lora ? drawAdapter(what.lora) : {}),
    ...(what.router ? drawRouter() : {}),
  },
): Promise<T> {
  await using own = backend;
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, own.upload(tensor)]),
  );
  const options = { model: MODEL, batchSize, sequenceLength, objective: OBJECTIVE, ...what };
  await using step = await TrainingStep.compile(own, options, frozen, trainable);
  return await body(step);
}

const onnx = () => onnxBackend({ threads: 1 });

Deno.test("the same arguments give the same bits, in one program and in the next", async () => {
  const what = { ...ROUTED, lora: { ...LORA, dropout: 0.25 } };
  const batch = drawBatch([6, 4]);
  const run = () =>
    withStep(onnx(), [2, 6], what, async (step) => [
      await step.run([batch], SCHEDULE, 9, 3),
      await step.run([batch], SCHEDULE, 9, 3),
    ]);
  const [first, again] = await run();
  assert.deepEqual(again, first);
  const [other] = await run();
  assert.deepEqual(other, first);
});

Deno.test("another seed or another step draws other noise", async () => {
  await withStep(onnx(), [2, 6], ROUTED, async (step) => {
    const batch = drawBatch([6, 6]);
    const first = await step.run([batch], SCHEDULE, 9, 3);
    for (const [seed, number] of [[8, 3], [9, 4]] as const) {
      const other = await step.run([batch], SCHEDULE, seed, number);
      assert.notDeepEqual(other.gradients, first.gradients);
    }
    // Micro-batches of one step must not share their noise either.
    const [whole, twice] = [first, await step.run([batch, batch], SCHEDULE, 9, 3)];
    assert.notEqual(twice.losses.loss, whole.losses.loss);
  });
});

for (const dropout of [0, 0.25]) {
  Deno.test(`checkpointing changes no number, at a dropout of ${dropout}`, async () => {
    const what = { ...ROUTED, lora: { ...LORA, dropout } };
    const batch = drawBatch([6, 4]);
    const run = (backend: Backend, checkpointing: boolean) =>
      withStep(backend, [2, 6], { ...what, checkpointing }, async (step) => ({
        outcome: await step.run([batch], SCHEDULE, 9, 3),
        flops: step.flops,
      }));
    for (const make of [referenceBackend, onnx]) {
      const kept = await run(make(), false);
      const again = await run(make(), true);
      assertSameStep(again.outcome, kept.outcome, 1e-6);
      // What is computed twice is needed once.
      assert.equal(again.flops, kept.flops);
    }
  });
}

Deno.test("checkpointing computes every block a second time", () => {
  const products = (checkpointing: boolean) => {
    const options = { model: MODEL, batchSize: 1, sequenceLength: 4, objective: OBJECTIVE };
    const outputs = stepGraph({ ...options, ...ROUTED, checkpointing });
    const order = topologicalOrder(Object.values(outputs));
    return order.filter(({ op }) => op.name === "matmul").length;
  };
  const forward = topologicalOrder(
    [
      stepGraph({
        model: MODEL,
        batchSize: 1,
        sequenceLength: 4,
        objective: { ...OBJECTIVE, distillWeight: 0 },
        ...ROUTED,
      }).crossEntropy,
    ],
  ).filter(({ op }) => op.name === "matmul").length;
  const [kept, again] = [products(false), products(true)];
  // All of the student's forward pass but the head, the router, and each block's last product, of
  // which gradients need the operands only.
  assert.ok(again - kept > 0.7 * forward && again - kept < forward, `${again - kept}`);
});

/** The rows of two batches as one. */
function joined(one: Batch, other: Batch): Batch {
  const both = (key: "tokens" | "targets" | "tokenMask"): HostTensor => {
    const [a, b] = [one[key], other[key]];
    const shape = [a.shape[0]! + b.shape[0]!, a.shape[1]!];
    const make = a.dtype === "int32" ? ints : floats;
    return make(shape, [...a.data, ...b.data]);
  };
  return { tokens: both("tokens"), targets: both("targets"), tokenMask: both("tokenMask") };
}

function assertSameStep(actual: Outcome, expected: Outcome, relative: number): void {
  for (const part of ["loss", "crossEntropy", "distill"] as const) {
    const [a, e] = [actual.losses[part], expected.losses[part]];
    assert.ok(Math.abs(a - e) <= relative * Math.abs(e), `${part}: ${a} instead of ${e}`);
  }
  assert.deepEqual(Object.keys(actual.gradients), Object.keys(expected.gradients));
  for (const [name, gradient] of Object.entries(expected.gradients)) {
    const largest = Math.max(...Array.from(gradient.data, Math.abs));
    const tolerance = { relative, absolute: relative * largest };
    assertClose(actual.gradients[name]!, gradient, tolerance, name);
  }
}

for (
  const [masks, one, other] of [
    ["equal", drawBatch([6, 6], 6, 1), drawBatch([6, 6], 6, 2)],
    ["unequal", drawBatch([6, 2], 6, 1), drawBatch([1, 4], 6, 2)],
  ] as const
) {
  Deno.test(`two micro-batches with ${masks} masks are one batch of double size`, async () => {
    // Without a router: its noise is drawn anew for each micro-batch.
    const lora = { lora: LORA };
    const micro = await withStep(
      onnx(),
      [2, 6],
      lora,
      (step) => step.run([one, other], SCHEDULE, 1, 0),
    );
    const whole = await withStep(
      onnx(),
      [4, 6],
      lora,
      (step) => step.run([joined(one, other)], SCHEDULE, 1, 0),
    );
    assert.ok(whole.losses.distill > 0);
    assertSameStep(micro, whole, 1e-5);
  });
}

Deno.test("the router's parts are means over micro-batches, and activity with them", async () => {
  await withStep(referenceBackend(), [2, 5], ROUTED, async (step) => {
    const batches = [drawBatch([5, 5], 5, 1), drawBatch([5, 3], 5, 2)];
    const both = await step.run(batches, SCHEDULE, 4, 10);
    // Step 10 of two micro-batches draws the noise of draws 20 and 21.
    const parts = [
      await step.run([batches[0]!], SCHEDULE, 4, 20),
      await step.run([batches[1]!], SCHEDULE, 4, 21),
    ];
    const near = (actual: number, expected: number, what: string) =>
      assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} instead of ${expected}`);
    for (const part of ["sparsity", "target"] as const) {
      const [a, b] = parts.map(({ losses }) => losses[part]);
      near(both.losses[part], (a! + b!) / 2, part);
    }
    assert.equal(both.losses.activity.length, 3);
    both.losses.activity.forEach((share, layer) => {
      const [a, b] = parts.map(({ losses }) => losses.activity[layer]!);
      near(share, (a! + b!) / 2, `activity of layer ${layer}`);
    });
  });
});

Deno.test("a step without a router reports no activity, and nothing for its parts", async () => {
  await withStep(onnx(), [1, 4], { lora: LORA }, async (step) => {
    const { losses } = await step.run([drawBatch([4])], SCHEDULE, 1, 0);
    assert.deepEqual(losses.activity, []);
    assert.equal(losses.sparsity, 0);
    assert.equal(losses.target, 0);
    assert.ok(step.flops > 0);
  });
});

const DROPOUT_INPUTS = [
  ["tokens", { shape: [2, 3] }],
  ["dropout:one", { shape: [300, 101] }],
  ["dropout:two", { shape: [300, 101] }],
] as const;

Deno.test("dropout masks are those of their seed, projection and step", () => {
  const draw = (seed: number, step: number) => dropoutMasks(DROPOUT_INPUTS, 0.3, seed, step);
  const masks = draw(5, 7);
  assert.deepEqual(Object.keys(masks), ["dropout:one", "dropout:two"]);
  assert.deepEqual(draw(5, 7), masks);
  assert.notDeepEqual(draw(5, 8)["dropout:one"], masks["dropout:one"]);
  assert.notDeepEqual(draw(6, 7)["dropout:one"], masks["dropout:one"]);
  assert.notDeepEqual(masks["dropout:two"]!.data, masks["dropout:one"]!.data);
});

Deno.test("dropout drops its share of entries, in even and in odd places", () => {
  for (const dropout of [0.05, 0.3, 0.9]) {
    const { data, dtype } = dropoutMasks(DROPOUT_INPUTS, dropout, 1, 1)["dropout:one"]!;
    assert.equal(dtype, "uint8");
    for (const parity of [0, 1]) {
      const own = Array.from(data).filter((_, i) => i % 2 === parity);
      const share = own.filter((kept) => kept === 0).length / own.length;
      const allowed = 4 * Math.sqrt(dropout * (1 - dropout) / own.length);
      assert.ok(Math.abs(share - dropout) <= allowed, `${share} instead of ${dropout}`);
    }
    assert.ok(data.every((kept) => kept === 0 || kept === 1));
    // Neighbours fall together as often as strangers: two masks come from one random word.
    const pairs = Array.from(
      { length: data.length / 2 },
      (_, i) => data[2 * i]! + data[2 * i + 1]!,
    );
    const both = pairs.filter((kept) => kept === 0).length / pairs.length;
    const chance = dropout ** 2;
    const allowed = 4 * Math.sqrt(chance * (1 - chance) / pairs.length);
    assert.ok(Math.abs(both - chance) <= allowed, `${both} instead of ${chance}`);
  }
});

Deno.test("dropout asks for masks in training, and a dropout of 0 for none", async () => {
  const inputsWith = async (dropout: number) => {
    const asked: string[] = [];
    const backend = referenceBackend();
    const spy: Backend = {
      ...backend,
      compile: async (outputs) => {
        const program = await backend.compile(outputs);
        asked.push(...program.inputs.keys());
        return program;
      },
    };
    await withStep(spy, [1, 3], { lora: { ...LORA, dropout } }, () => Promise.resolve());
    return asked.filter((name) => name.startsWith("dropout:"));
  };
  assert.equal((await inputsWith(0.1)).length, 4 * LORA.targets.length);
  assert.deepEqual(await inputsWith(0), []);
});

Deno.test("dropout scales what it keeps by 1 / (1 - dropout), and what it drops adds nothing", () => {
  const batch = drawBatch([4, 4]) as unknown as Record<string, HostTensor>;
  /** The losses of a step whose dropout masks are all `kept`. */
  const losses = (lora: LoraOptions, kept: number) => {
    const outputs = stepGraph({
      model: MODEL,
      lora,
      batchSize: 2,
      sequenceLength: 4,
      objective: OBJECTIVE,
    });
    const { loss, distill } = outputs;
    const inputs = inputsOf(topologicalOrder([loss, distill!])).entries();
    const masks = inputs.filter(([name]) => name.startsWith("dropout:")).map(([name, { type }]) =>
      [name, bytes(type.shape, new Uint8Array(sizeOf(type.shape)).fill(kept))] as const
    );
    return evaluate({ loss, distill: distill! }, {
      ...drawWeights(),
      ...drawAdapter(),
      ...batch,
      ...Object.fromEntries(masks),
      lossScale: floats([], [1 / 8]),
      distillShare: floats([], [0.3]),
    });
  };
  const close = { relative: 1e-6, absolute: 1e-9 };
  const half = losses({ ...LORA, dropout: 0.5 }, 1);
  const stronger = losses({ ...LORA, alpha: 2 * LORA.alpha }, 1);
  assertClose(half.loss, stronger.loss, close, "loss with everything kept");
  const none = losses({ ...LORA, dropout: 0.5 }, 0);
  assert.ok(Math.abs(none.distill.data[0]!) < 1e-9, "the student is the teacher");
  assert.ok(half.distill.data[0]! > 1e-3, "the adapter changes something");
});

Deno.test("a step changes none of its parameters", async () => {
  const trainable = { ...drawAdapter(), ...drawRouter() };
  const before = copyOf(trainable);
  await withStep(
    onnx(),
    [1, 4],
    ROUTED,
    (step) => step.run([drawBatch([4])], SCHEDULE, 1, 0),
    trainable,
  );
  assert.deepEqual(trainable, before);
});
