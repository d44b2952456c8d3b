/** The same layers for every token: all, or all but some. */

import assert from "node:assert/strict";
import { constantValue } from "../../../core/graph/mod.ts";
import { UserError } from "../../../core/contracts/mod.ts";
import { type StaticOptions, staticRouter } from "../../../plugins/routers/static.ts";
import { testRouter } from "../../conformance/router.ts";
import { decisionOf } from "../../conformance/routing_context.ts";

const create = (given: Partial<StaticOptions> = {}) =>
  staticRouter.create(staticRouter.options.parse(given));

testRouter(() => create(), { reads: "nothing" });
testRouter(() => create({ skipLayers: [3] }), { reads: "nothing", variant: "without a layer" });

const SITE = { hiddenSize: 4, anchorLayers: 2, routableLayers: 4 };

/** Gates of layers 2 to 5, as they are known when the graph is built. */
function gatesWithout(skipLayers: readonly number[], mode: "train" | "eval"): number[] {
  const { gates } = decisionOf(create({ skipLayers: [...skipLayers] }), mode, [2, 3], SITE);
  return [...constantValue(gates)!.data];
}

Deno.test("layers are counted over the whole model, and known to be left out beforehand", () => {
  for (const mode of ["train", "eval"] as const) {
    assert.deepEqual(gatesWithout([], mode), [1, 1, 1, 1]);
    assert.deepEqual(gatesWithout([2], mode), [0, 1, 1, 1]);
    assert.deepEqual(gatesWithout([5, 3], mode), [1, 0, 1, 0]);
    assert.deepEqual(gatesWithout([2, 3, 4, 5], mode), [0, 0, 0, 0]);
  }
});

Deno.test("a layer that always runs, or is not there, is refused with what can be left out", () => {
  for (const layer of [0, 1, 6, 99]) {
    assert.throws(() => create({ skipLayers: [3, layer] }).params(SITE), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, new RegExp(`router.skipLayers has ${layer}, .*2 to 5`));
      return true;
    });
  }
  for (const layer of [2, 5]) assert.deepEqual(create({ skipLayers: [layer] }).params(SITE), {});
});

Deno.test("nothing graded stands behind the gates", () => {
  const decision = decisionOf(create({ skipLayers: [2] }), "train", [2, 3], SITE);
  assert.deepEqual(Object.keys(decision), ["gates"]);
});

Deno.test("layers that are no whole numbers from 0, or options unknown, are refused", () => {
  for (const wrong of [{ skipLayers: [-1] }, { skipLayers: [1.5] }, { skip: [1] }]) {
    const result = staticRouter.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});
