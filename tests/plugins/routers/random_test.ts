/** Chance as a router: its rate, and what is tossed for together. */

import assert from "node:assert/strict";
import { calibrateThreshold } from "../../../core/routing/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { type RandomOptions, randomRouter } from "../../../plugins/routers/random.ts";
import { assertShare, columnShares } from "../../conformance/close.ts";
import { testRouter } from "../../conformance/router.ts";
import { uniform } from "../../conformance/router_setup.ts";
import { decisionOf, partsOf } from "../../conformance/routing_context.ts";

const create = (given: Partial<RandomOptions> = {}) =>
  randomRouter.create(randomRouter.options.parse(given));

testRouter(() => create(), { reads: "nothing" });
testRouter(
  () => create({ per: "sequence" }),
  { reads: "nothing", variant: "by sequence" },
);

const SITE = { hiddenSize: 4, anchorLayers: 2, routableLayers: 3 };
const [ROWS, LENGTH] = [2000, 4];
const NOISE = uniform([ROWS, LENGTH, 3], "random");

/** The answer in training at a wanted share, or in evaluation at a threshold. */
function answers(per: RandomOptions["per"], mode: "train" | "eval", at: number) {
  const decision = decisionOf(create({ per }), mode, [ROWS, LENGTH], SITE);
  const fed = floats([], [at]);
  const values = evaluate(partsOf(decision), { noise: NOISE, targetSkip: fed, threshold: fed });
  return { gates: values["gates"]!, logits: values["logits"] };
}

for (const per of ["token", "sequence"] as const) {
  const tosses = per === "token" ? ROWS * LENGTH : ROWS;

  Deno.test(`tossing per ${per}, training skips what is wanted, in every layer`, () => {
    for (const wanted of [0.25, 0.7]) {
      const { gates } = answers(per, "train", wanted);
      for (const share of columnShares(gates.data, 3)) assertShare(1 - share, wanted, tosses);
    }
    assert.ok(answers(per, "train", 0).gates.data.every((gate) => gate === 1));
    assert.ok(answers(per, "train", 1).gates.data.every((gate) => gate === 0));
  });

  Deno.test(`tossing per ${per}, evaluation skips what its threshold is calibrated to`, () => {
    const logits = Float32Array.from(answers(per, "eval", 0).logits!.data);
    const threshold = calibrateThreshold(logits, 0.3);
    // Logistic noise has its 0.3-quantile at log(0.3 / 0.7).
    assert.ok(Math.abs(threshold - Math.log(0.3 / 0.7)) < 0.15, `${threshold}`);
    const { data } = answers(per, "eval", threshold).gates;
    const skipped = data.filter((gate) => gate === 0).length / data.length;
    assert.ok(Math.abs(skipped - 0.3) <= 1 / data.length, `${skipped}`);
  });
}

Deno.test("tossed once, gates are one row for a whole sequence; else each token has its own", () => {
  const rows = (per: RandomOptions["per"]) => {
    const { shape, data } = answers(per, "train", 0.5).gates;
    return { shape, first: [...data.slice(0, 3 * 40)] };
  };
  assert.deepEqual(rows("sequence").shape, [ROWS, 1, 3]);
  const { shape, first } = rows("token");
  assert.deepEqual(shape, [ROWS, LENGTH, 3]);
  const patterns = Array.from({ length: LENGTH }, (_, t) => first.slice(3 * t, 3 * t + 3).join());
  assert.ok(new Set(patterns).size > 1);
});

Deno.test("training gives no logits, so that depth has no price", () => {
  assert.equal(answers("token", "train", 0.5).logits, undefined);
});

Deno.test("another way of tossing, or options unknown, are refused", () => {
  for (const wrong of [{ per: "layer" }, { skip: 0.5 }]) {
    const result = randomRouter.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});
