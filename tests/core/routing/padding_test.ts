/** Padding enters no loss, no distillation, no gate statistic and no gradient. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { constant } from "../../../core/graph/mod.ts";
import { activityPenalty, layerActivity, targetPenalty } from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { stepGraph, type StepOptions } from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
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
  ROUTER,
} from "../../support/tiny_student.ts";

const parameters = { ...drawWeights(), ...drawAdapter(), ...drawRouter() };

/** Every output of a training step on sequences of these lengths, filled up to `width`. */
function step(lengths: readonly number[], width: number): Record<string, HostTensor> {
  const options: StepOptions = {
    model: MODEL,
    lora: LORA,
    router: { router: ROUTER, anchorLayers: ANCHOR_LAYERS },
    batchSize: lengths.length,
    sequenceLength: width,
    objective: {
      distillWeight: 0.4,
      distillTemperature: 2,
      sparsityWeight: 0.1,
      targetWeight: 3,
    },
  };
  const realTokens = lengths.reduce((sum, length) => sum + length);
  return evaluate(stepGraph(options), {
    ...parameters,
    ...drawBatch(lengths, width) as unknown as Record<string, HostTensor>,
    noise: drawNoise(lengths.length, width, MODEL.dims.numLayers - ANCHOR_LAYERS),
    lossScale: floats([], [1 / realTokens]),
    microShare: floats([], [1]),
    temperature: floats([], [0.7]),
    distillShare: floats([], [0.4]),
    targetSkip: floats([], [0.3]),
  });
}

Deno.test("adding padding changes no loss, gate statistic or gradient of a training step", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 4 }), (real, padding) => {
      const width = Math.max(...real);
      const plain = step(real, width);
      const padded = step(real, width + padding);
      assert.deepEqual(Object.keys(padded), Object.keys(plain));
      for (const [name, value] of Object.entries(plain)) {
        // Sums of other lengths may be taken in another order, so not the same bits.
        assertClose(padded[name]!, value, { relative: 1e-9, absolute: 1e-12 }, name);
      }
      assert.ok(plain["distill"]!.data[0]! > 0, "there is a teacher");
      assert.ok(plain["sparsity"]!.data[0]! > 0, "there is a router");
    }),
    { seed: 7, numRuns: 8 },
  );
});

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

Deno.test("one gate for a whole sequence counts once for each of its real tokens", () => {
  const gates = constant(floats([2, 1, 1], [1, 0]));
  const activity = layerActivity(gates, constant(floats([2, 3], [1, 1, 1, 1, 0, 0])));
  assertClose(evaluate([activity], {})[0]!, floats([1], [0.75]), CLOSE.constants, "activity");
});
