/** The token-level Gumbel router: the contract, and how its noise and temperature work. */

import assert from "node:assert/strict";
import { gradients, reduceSum } from "../../../core/graph/mod.ts";
import { initialize, type Weights } from "../../../core/nn/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { tokenGumbel, type TokenGumbelOptions } from "../../../plugins/routers/token_gumbel.ts";
import { assertShare, columnShares } from "../../conformance/close.ts";
import { testRouter } from "../../conformance/router.ts";
import { decisionOf } from "../../conformance/routing_context.ts";
import { constantRouter, sigmoid } from "./constant_router.ts";

const create = (given: Partial<TokenGumbelOptions> = {}) =>
  tokenGumbel.create(tokenGumbel.options.parse(given));

testRouter(() => create(), { reads: "token" });
testRouter(() => create({ annealNoise: true }), {
  reads: "token",
  variant: "with annealed noise",
});
testRouter(() => create({ readsBudget: true }), { reads: "token", variant: "told its budget" });

const LOGITS = [-3, -1, 0, 0.5, 2];
const TOKENS = 8000;
const site = { hiddenSize: 4, anchorLayers: 1, routableLayers: LOGITS.length };

/** The router with log-odds of LOGITS for each of `tokens`. */
const knownRouter = (tokens: number, options: Partial<TokenGumbelOptions> = {}) =>
  constantRouter(tokenGumbel, options, [1, tokens], LOGITS);

/** Fails unless gates `[1, TOKENS, L']` open as often as these log-odds say. */
function assertShares(gates: HostTensor, logOdds: readonly number[]): void {
  const shares = columnShares(gates.data, logOdds.length);
  logOdds.forEach((logit, layer) => {
    assertShare(shares[layer]!, sigmoid(logit), TOKENS, `log-odds of ${logit}`);
  });
}

Deno.test("the share of gates that open at a logit is its sigmoid", () => {
  const { decision: { gates }, run } = knownRouter(TOKENS);
  assertShares(run({ gates }).gates, LOGITS);
});

Deno.test("annealed noise makes gates surer as the temperature falls, until none is left", () => {
  const { decision: { gates }, run } = knownRouter(TOKENS, { annealNoise: true });
  for (const temperature of [2, 0.5]) {
    assertShares(run({ gates }, temperature).gates, LOGITS.map((x) => x / temperature));
  }
  const shares = columnShares(run({ gates }, 1e-6).gates.data, LOGITS.length);
  LOGITS.forEach((logit, layer) => {
    // A logit of 0 is a coin toss at any temperature.
    if (logit !== 0) assert.equal(shares[layer], logit > 0 ? 1 : 0);
  });
});

Deno.test("temperature changes no gate, only the gradient, to its closed form", () => {
  const tokens = 50;
  const { bias, noise, decision: { gates }, run } = knownRouter(tokens);
  const [slope] = gradients(reduceSum(gates), [bias]);
  const at = (temperature: number) => run({ gates, slope: slope! }, temperature);
  assert.deepEqual(at(0.1).gates, at(5).gates);
  for (const temperature of [0.3, 1, 4]) {
    // d/dlogit of sigmoid((logit + logistic noise) / t), summed over tokens.
    const expected = LOGITS.map((logit, layer) => {
      let sum = 0;
      for (let token = 0; token < tokens; token++) {
        const u = noise.data[token * LOGITS.length + layer]!;
        const s = sigmoid((logit + Math.log(u) - Math.log(1 - u)) / temperature);
        sum += s * (1 - s) / temperature;
      }
      return sum;
    });
    const actual = at(temperature).slope.data;
    expected.forEach((value, layer) => {
      const error = Math.abs(actual[layer]! - value) / value;
      assert.ok(error < 1e-5, `temperature ${temperature}, layer ${layer}: error ${error}`);
    });
  }
});

/** Logits of a router as it is drawn, for states of normal numbers times `size`. */
function startingLogits(
  options: Partial<TokenGumbelOptions>,
  { size = 1, targetSkip = 0, params = {} as Weights } = {},
): number[] {
  const router = create(options);
  const random = new RandomStream(18, "state");
  const state = floats([1, 40, site.hiddenSize]);
  state.data.forEach((_, i) => state.data[i] = size * random.normal());
  const { logits } = decisionOf(router, "eval", [1, 40], site);
  const drawn = { ...initialize(router.params(site), 1), ...params };
  const feeds = { ...drawn, state, targetSkip: floats([], [targetSkip]) };
  return [...evaluate([logits!], feeds)[0]!.data];
}

Deno.test("logits start around initialBias, spread by initialStd", () => {
  assert.ok(startingLogits({ initialBias: -3, initialStd: 0 }).every((logit) => logit === -3));
  const spread = startingLogits({ initialBias: 1, initialStd: 0.5 });
  assert.ok(new Set(spread).size > spread.length / 2);
  assert.ok(spread.every((logit) => Math.abs(logit - 1) < 3));
});

Deno.test("normalize takes the size of the state out of the decision", () => {
  const change = (normalize: boolean) => {
    const [small, large] = [1, 50].map((size) =>
      startingLogits({ normalize, initialStd: 0.5 }, { size })
    );
    return Math.max(...small!.map((logit, i) => Math.abs(logit - large![i]!)));
  };
  assert.ok(change(true) < 1e-4, `with: ${change(true)}`);
  assert.ok(change(false) > 0.1, `without: ${change(false)}`);
});

const BUDGET = ["router.budget.first", "router.budget.last"];

Deno.test("a router that is not told its budget has no parameters for it, and does not read it", () => {
  const names = Object.keys(create().params(site));
  assert.deepEqual(names.filter((name) => name.includes("budget")), []);
  const told = create({ readsBudget: true }).params(site);
  assert.deepEqual(Object.keys(told), [...names, ...BUDGET]);
  assert.deepEqual(startingLogits({}, { targetSkip: 0.9 }), startingLogits({}));
});

Deno.test("a budget changes nothing at first, and moves the log-odds by either of its parameters", () => {
  const options = { readsBudget: true, initialStd: 0.5 };
  const at = (targetSkip: number, params: Weights = {}) =>
    startingLogits(options, { targetSkip, params });
  assert.deepEqual(at(0.9), at(0));
  assert.deepEqual(at(0.9), startingLogits({ initialStd: 0.5 }));

  // The last layer's adds the budget times a number of each block's own.
  const last = floats([LOGITS.length], [1, -2, 0, 0, 3]);
  const moved = at(0.5, { "router.budget.last": last });
  const start = at(0.5);
  moved.forEach((logit, i) => {
    const expected = start[i]! + 0.5 * last.data[i % LOGITS.length]!;
    assert.ok(Math.abs(logit - expected) < 1e-9);
  });

  // The first layer's goes through the rest of the network, so it moves tokens differently.
  const first = { "router.budget.first": floats([2], [3, -3]) };
  const changes = at(0.5, first).map((logit, i) => logit - start[i]!);
  assert.ok(new Set(changes.map((change) => change.toFixed(6))).size > LOGITS.length);
  assert.deepEqual(at(0, first), at(0));
});

Deno.test("options out of range or unknown are refused by their name", () => {
  for (const wrong of [{ initialBias: 11 }, { initialStd: -1 }, { initalBias: 1 }]) {
    const result = tokenGumbel.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});

Deno.test("the widths are the state's, a half, a quarter, and one output per block", () => {
  const shapes = (hiddenSize: number) =>
    Object.values(create().params({ ...site, hiddenSize })).map(({ shape }) => shape);
  assert.deepEqual(shapes(16), [[8, 16], [8], [4, 8], [4], [5, 4], [5]]);
  assert.ok(shapes(2).flat().every((size) => size >= 1), "even the narrowest has a unit");
});
