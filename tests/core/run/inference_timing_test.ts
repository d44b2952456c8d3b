/** Timing ways of running a model: what is counted of each, whatever its router. */

import assert from "node:assert/strict";
import {
  InferenceTiming,
  thresholdKeeping,
  type TimedWay,
} from "../../../core/run/inference_timing.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { MODEL } from "../../support/tiny_student.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { ROUTER_NAMES, type RouterName } from "../eval/support.ts";

const { numLayers } = MODEL.dims;
const backend = onnxBackend({ threads: 1 });
const SHAPE = { length: 8, weightFormat: "float32" } as const;

const dense: TimedWay = { how: "dense", kind: "dense", model: { ...tinyModel("base"), backend } };
const under = (router: RouterName, threshold?: number): TimedWay => {
  const own = { ...tinyModel("routed", router), backend };
  const point = { targetSkip: 0, threshold: threshold ?? own.point!.threshold };
  return { how: `${router} ${threshold}`, kind: "routed", model: { ...own, point } };
};

for (const router of ROUTER_NAMES) {
  Deno.test(`a model under ${router} is timed in both phases, beside dense`, async () => {
    await using timing = new InferenceTiming([dense, under(router)], SHAPE);
    for (const batch of [1, 3]) {
      for (const times of [await timing.prefill(batch, 1), await timing.decode(batch, 1)]) {
        const [first, second] = times as [typeof times[0], typeof times[0]];
        assert.deepEqual([first!.flopShare, first!.timeShare, first!.realized], [1, 1, null]);
        assert.equal(first!.activeLayers, numLayers);
        assert.ok(second!.ms > 0 && second!.activeLayers <= numLayers);
        assert.ok(second!.flopShare <= 1 && second!.batch === batch);
      }
    }
  });
}

Deno.test("what is kept is counted: all, none but the anchors, and what is blended as what it could save", async () => {
  const ways = [dense, under("random", thresholdKeeping(1)), under("random", thresholdKeeping(0))];
  const blended = { ...ways[2]!, blended: true };
  await using timing = new InferenceTiming([...ways, blended], SHAPE);
  const prefill = await timing.prefill(2, 1);
  assert.deepEqual(prefill.map(({ activeLayers }) => activeLayers), [numLayers, numLayers, 1, 1]);
  assert.equal(prefill[1]!.flopShare, 1);
  assert.equal(prefill[3]!.flopShare, prefill[2]!.flopShare);
  const { flopShare, timeShare, realized } = prefill[2]!;
  assert.equal(realized, (1 - timeShare) / (1 - flopShare));
  // Nothing is blended where one token is written.
  assert.equal((await timing.decode(2, 1)).length, 3);
});

Deno.test("a threshold keeps the share that it is for", () => {
  const kept = (share: number) => 1 / (1 + Math.exp(thresholdKeeping(share)));
  for (const share of [0, 0.2, 0.5, 0.8, 1]) assert.ok(Math.abs(kept(share) - share) < 1e-12);
});
