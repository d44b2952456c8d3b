/** The FlexiDepth example: a router like any other, and one that learns what it is paid for. */

import assert from "node:assert/strict";
import { initialize } from "../../core/nn/mod.ts";
import { floats, RandomStream } from "../../core/tensor/mod.ts";
import plugin, {
  flexidepth,
  type FlexidepthOptions,
} from "../../examples/flexidepth_router/flexidepth.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";
import { testRouter } from "../conformance/router.ts";
import { decisionOf } from "../conformance/routing_context.ts";
import { lastMean, trainOnNano } from "./training.ts";

const create = (given: Partial<FlexidepthOptions> = {}) =>
  flexidepth.create(flexidepth.options.parse(given));

testRouter(() => create(), { reads: "token" });
testRouter(() => create({ skipWeight: 0.01 }), {
  reads: "token",
  variant: "with a price",
});

const SITE = { hiddenSize: 4, anchorLayers: 1, routableLayers: 3 };

Deno.test("the flexidepth plugin brings its router", () => {
  assert.deepEqual(plugin.routers, [flexidepth]);
});

Deno.test("flexidepth charges the squared sum of a token's sigmoids, a mean over real tokens", () => {
  const [batch, length] = [2, 3];
  const router = create({ skipWeight: 0.5, initialBias: 0.3 });
  const { logits, penalty } = decisionOf(
    router,
    "train",
    [batch, length],
    SITE,
  );
  const random = new RandomStream(3, "state");
  const state = floats([batch, length, SITE.hiddenSize]);
  state.data.forEach((_, i) => state.data[i] = random.normal());
  const real = [1, 1, 0, 1, 0, 0];
  const values = evaluate({ logits: logits!, penalty: penalty! }, {
    ...initialize(router.params(SITE), 1),
    state,
    tokenMask: floats([batch, length], real),
  });
  const soft = Array.from(
    values.logits.data,
    (logit) => 1 / (1 + Math.exp(-logit)),
  );
  let expected = 0;
  for (const [token, counts] of real.entries()) {
    const gates = soft.slice(
      token * SITE.routableLayers,
      (token + 1) * SITE.routableLayers,
    );
    expected += counts * gates.reduce((sum, gate) => sum + gate) ** 2 / 3;
  }
  assert.ok(Math.abs(values.penalty.data[0]! - 0.5 * expected) < 1e-6);
});

Deno.test("flexidepth decides the same in training as at a threshold of even odds", () => {
  const router = create({ initialBias: 0 });
  const shape = [1, 20] as const;
  const random = new RandomStream(4, "state");
  const state = floats([...shape, SITE.hiddenSize]);
  state.data.forEach((_, i) => state.data[i] = random.normal());
  const { a, b } = evaluate({
    a: decisionOf(router, "train", shape, SITE).gates,
    b: decisionOf(router, "eval", shape, SITE).gates,
  }, {
    ...initialize(router.params(SITE), 2),
    state,
    threshold: floats([], [0]),
  });
  assert.deepEqual(a, b);
  assert.equal(new Set(a.data).size, 2);
});

Deno.test("flexidepth learns to skip what it is asked to, and every parameter takes part", async () => {
  const { skipRatios, untouched } = await trainOnNano(create(), {
    steps: 40,
    targetSkip: 0.4,
    targetWeight: 20,
  });
  assert.ok(skipRatios[0]! < 0.05, "gates start open");
  const reached = lastMean(skipRatios, 10);
  assert.ok(Math.abs(reached - 0.4) < 0.1, `skipped ${reached}`);
  assert.deepEqual(untouched, []);
});

Deno.test("flexidepth skips by its price alone", async () => {
  const skipped = async (skipWeight: number) => {
    const { skipRatios } = await trainOnNano(create({ skipWeight }), {
      steps: 20,
      targetSkip: 0,
      targetWeight: 0,
    });
    return lastMean(skipRatios, 5);
  };
  const [free, priced] = [await skipped(0), await skipped(0.1)];
  assert.ok(priced > free + 0.2, `with a price ${priced}, without ${free}`);
});
