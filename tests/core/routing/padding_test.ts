/** Padding enters no loss, no distillation, no gate statistic and no gradient. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { type Router } from "../../../core/contracts/mod.ts";
import { constant } from "../../../core/graph/mod.ts";
import {
  activityPenalty,
  layerActivity,
  leadingPrompt,
  targetPenalty,
} from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { stepGraph, type StepOptions } from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import {
  sequenceGumbel,
  type SequenceGumbelOptions,
} from "../../../plugins/routers/sequence_gumbel.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";
import {
  ANCHOR_LAYERS,
  drawAdapter,
  drawBatch,
  drawNoise,
  drawRouter,
  drawWeights,
  LORA,
  MODEL,
  POLICY_ROUTER,
  ROUTER,
} from "../../support/tiny_student.ts";

const bySequence = (options: Partial<SequenceGumbelOptions>) =>
  sequenceGumbel.create(sequenceGumbel.options.parse({ promptTokens: 2, ...options }));

const ROUTERS: readonly [what: string, router: Router][] = [
  ["for tokens", ROUTER],
  ["for sequences", bySequence({})],
  ["over whole sequences", bySequence({ pool: "sequence" })],
  ["trained by policy gradient", POLICY_ROUTER],
];

/** Every output of a training step on sequences of these lengths, filled up to `width`. */
function step(
  router: Router,
  lengths: readonly number[],
  width: number,
): Record<string, HostTensor> {
  const options: StepOptions = {
    model: MODEL,
    lora: LORA,
    router: { router, anchorLayers: ANCHOR_LAYERS },
    batchSize: lengths.length,
    sequenceLength: width,
    objective: {
      distillWeight: 0.4,
      distillTemperature: 2,
      hiddenWeight: 0.5,
      sparsityWeight: 0.1,
      targetWeight: 3,
    },
  };
  const realTokens = lengths.reduce((sum, length) => sum + length);
  return evaluate(stepGraph(options), {
    ...drawWeights(),
    ...drawAdapter(),
    ...drawRouter(3, router),
    ...drawBatch(lengths, width) as unknown as Record<string, HostTensor>,
    noise: drawNoise(lengths.length, width, MODEL.dims.numLayers - ANCHOR_LAYERS),
    promptMask: leadingPrompt(lengths.length, width, router.promptTokens ?? 0),
    lossScale: floats([], [1 / realTokens]),
    microShare: floats([], [1]),
    temperature: floats([], [0.7]),
    distillShare: floats([], [0.4]),
    targetSkip: floats([], [0.3]),
    usualCost: floats([], [2]),
    policyShare: floats([], [1]),
  });
}

for (const [what, router] of ROUTERS) {
  Deno.test(`adding padding changes no number of a step with a router ${what}`, () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 4 }), (real, padding) => {
        const width = Math.max(...real);
        const plain = step(router, real, width);
        const padded = step(router, real, width + padding);
        assert.deepEqual(Object.keys(padded), Object.keys(plain));
        for (const [name, value] of Object.entries(plain)) {
          // Sums of other lengths may be taken in another order, so not the same bits.
          assertClose(padded[name]!, value, { relative: 1e-9, absolute: 1e-12 }, name);
        }
        for (const part of ["distill", "hidden"]) assert.ok(plain[part]!.data[0]! > 0, part);
        const ownPart = router === POLICY_ROUTER ? "cost" : "sparsity";
        assert.ok(plain[ownPart]!.data[0]! > 0, "there is a router");
      }),
      { seed: 7, numRuns: 8 },
    );
  });
}

Deno.test("activity is the share of real tokens, and the penalties are what they say", () => {
  const gates = constant(floats([1, 3, 2], [1, 0, 1, 1, 0, 1]));
  const activity = layerActivity(gates, constant(floats([1, 3], [1, 1, 0])));
  const [shares, blocks, gap] = evaluate([
    activity,
    activityPenalty(activity),
    targetPenalty(activity, constant(floats([], [0.5]))),
  ], {});
  assertClose(shares!, floats([2], [1, 0.5]), CLOSE.constants, "activity");
  assertClose(blocks!, floats([], [1.5]), CLOSE.constants, "blocks run per token");
  assertClose(gap!, floats([], [0.0625]), CLOSE.constants, "(1/4 - 1/2)^2");
});

Deno.test("with a ramp the price of a block goes in equal steps from the first to the last", () => {
  const activity = constant(floats([3], [0.5, 1, 0.25]));
  const cost = (first: number, last: number) =>
    evaluate([activityPenalty(activity, [first, last])], {})[0]!.data[0]!;
  assert.equal(cost(1, 1), 1.75);
  assert.equal(cost(1, 3), 0.5 + 2 + 0.75);
  assert.equal(cost(2, 0), 1 + 1);
  const alone = constant(floats([1], [0.5]));
  assert.equal(evaluate([activityPenalty(alone, [3, 7])], {})[0]!.data[0]!, 1.5);
});

Deno.test("one gate for a whole sequence counts once for each of its real tokens", () => {
  const gates = constant(floats([2, 1, 1], [1, 0]));
  const activity = layerActivity(gates, constant(floats([2, 3], [1, 1, 1, 1, 0, 0])));
  assertClose(evaluate([activity], {})[0]!, floats([1], [0.75]), CLOSE.constants, "activity");
});
