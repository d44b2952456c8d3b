/** Stochastic depth: rates by layer in training, full depth in evaluation, survival scaling. */

import assert from "node:assert/strict";
import { constantValue } from "../../../core/graph/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { stochastic, type StochasticOptions } from "../../../plugins/routers/stochastic.ts";
import { assertShare, columnShares } from "../../conformance/close.ts";
import { testRouter } from "../../conformance/router.ts";
import { uniform } from "../../conformance/router_setup.ts";
import { decisionOf } from "../../conformance/routing_context.ts";

const create = (given: Partial<StochasticOptions> = {}) =>
  stochastic.create(stochastic.options.parse(given));

testRouter(() => create(), { reads: "nothing" });
testRouter(
  () => create({ schedule: "linear", survivalScaling: true }),
  { reads: "nothing", variant: "with a linear schedule and survival scaling" },
);

const SITE = { hiddenSize: 4, anchorLayers: 2, routableLayers: 5 };
const SEQUENCES = 6000;

/** Share of sequences that leave each routable layer out in training. */
function skipShares(options: Partial<StochasticOptions>): number[] {
  const { gates } = decisionOf(create(options), "train", [SEQUENCES, 2], SITE);
  const noise = uniform([SEQUENCES, 2, SITE.routableLayers], "stochastic");
  const { data } = evaluate([gates], { noise })[0]!;
  return columnShares(data, SITE.routableLayers).map((share) => 1 - share);
}

Deno.test("the constant schedule leaves every layer out as often", () => {
  for (const share of skipShares({ skip: 0.3 })) assertShare(share, 0.3, SEQUENCES);
});

Deno.test("the linear schedule rises from 0 at the first routable layer to skip at the last", () => {
  const shares = skipShares({ skip: 0.8, schedule: "linear" });
  [0, 0.2, 0.4, 0.6, 0.8].forEach((p, layer) => assertShare(shares[layer]!, p, SEQUENCES));
  // A single layer is the first, and is never left out.
  const alone = { ...SITE, routableLayers: 1 };
  const router = create({ skip: 0.8, schedule: "linear" });
  const { gates } = decisionOf(router, "train", [100, 1], alone);
  const { data } = evaluate([gates], { noise: uniform([100, 1, 1], "alone") })[0]!;
  assert.ok(data.every((gate) => gate === 1));
});

Deno.test("one toss holds for a whole sequence, and another for the next", () => {
  const { gates } = decisionOf(create(), "train", [40, 3], SITE);
  assert.deepEqual(gates.type.shape, [40, 1, 5]);
  const { data } = evaluate([gates], { noise: uniform([40, 3, 5], "sequences") })[0]!;
  const patterns = Array.from({ length: 40 }, (_, row) => data.slice(5 * row, 5 * row + 5).join());
  assert.ok(new Set(patterns).size > 10);
});

Deno.test("evaluation runs every layer at its own size, and says so beforehand", () => {
  const { gates, ...others } = decisionOf(
    create({ skip: 0.9, survivalScaling: true }),
    "eval",
    [2, 3],
    SITE,
  );
  assert.deepEqual([...constantValue(gates)!.data], [1, 1, 1, 1, 1]);
  assert.deepEqual(others, {});
});

Deno.test("survival scaling divides what a layer adds by how often it runs", () => {
  const scales = (options: Partial<StochasticOptions>) =>
    decisionOf(create(options), "train", [2, 3], SITE).survivalScale;
  assert.equal(scales({ skip: 0.5 }), undefined);
  const expected = [1, 1 / 0.8, 1 / 0.6, 1 / 0.4, 1 / 0.2].map(Math.fround);
  const linear = scales({ skip: 0.8, schedule: "linear", survivalScaling: true })!;
  assert.deepEqual([...constantValue(linear)!.data], expected);
  const constant = scales({ skip: 0.75, survivalScaling: true })!;
  assert.deepEqual([...constantValue(constant)!.data], [4, 4, 4, 4, 4]);
});

Deno.test("a probability outside [0, 1), another schedule, or options unknown are refused", () => {
  for (const wrong of [{ skip: 1 }, { skip: -0.1 }, { schedule: "cosine" }, { rate: 0.5 }]) {
    const result = stochastic.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});
