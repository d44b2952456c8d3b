/** The token-level Gumbel router: the contract, and how its noise and temperature work. */

import assert from "node:assert/strict";
import { gradients, input, type Node, reduceSum } from "../../../core/graph/mod.ts";
import { initialize, inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { tokenGumbel, type TokenGumbelOptions } from "../../../plugins/routers/token_gumbel.ts";
import { testRouter } from "../../conformance/router.ts";

const optionsOf = (given: Partial<TokenGumbelOptions> = {}) => tokenGumbel.options.parse(given);

testRouter(() => tokenGumbel.create(optionsOf()), { reads: "token" });
testRouter(
  () => tokenGumbel.create(optionsOf({ annealNoise: true })),
  { reads: "token", variant: "with annealed noise" },
);

const LOGITS = [-3, -1, 0, 0.5, 2];
const TOKENS = 8000;
const site = { hiddenSize: 4, routableLayers: LOGITS.length };

/** The router with parameters of zero but for the last bias: its logits are LOGITS for any state. */
function constantRouter(tokens: number, options: Partial<TokenGumbelOptions> = {}) {
  const router = tokenGumbel.create(optionsOf(options));
  const specs = router.params(site);
  const nodes = inputNodes(specs);
  const values: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, floats(shape)]),
  );
  values["router.4.bias"] = floats([LOGITS.length], LOGITS);
  const random = new RandomStream(17, "gumbel");
  const noise = floats([1, tokens, LOGITS.length]);
  noise.data.forEach((_, i) => noise.data[i] = random.uniform());
  const { gates } = router.decide(
    new ParamNodes(nodes),
    input("state", [1, tokens, site.hiddenSize]),
    site,
    {
      mode: "train",
      temperature: input("temperature", []),
      noise: input("noise", noise.shape),
      tokenMask: input("tokenMask", [1, tokens]),
    },
  );
  const run = (outputs: Readonly<Record<string, Node>>, temperature: number) =>
    evaluate(outputs, {
      ...values,
      noise,
      state: floats([1, tokens, site.hiddenSize]),
      temperature: floats([], [temperature]),
    });
  return { nodes, noise, gates, run };
}

/** Fails unless gates `[1, TOKENS, L']` open as often as these log-odds say. */
function assertShares(gates: HostTensor, logOdds: readonly number[]): void {
  logOdds.forEach((logit, layer) => {
    const own = Array.from(gates.data).filter((_, i) => i % logOdds.length === layer);
    const share = own.filter((gate) => gate === 1).length / TOKENS;
    const expected = 1 / (1 + Math.exp(-logit));
    // Four standard deviations of a share of that many tosses.
    const allowed = 4 * Math.sqrt(expected * (1 - expected) / TOKENS);
    assert.ok(
      Math.abs(share - expected) <= allowed,
      `at log-odds ${logit} the share is ${share}, expected ${expected} within ${allowed}`,
    );
  });
}

Deno.test("the share of gates that open at a logit is its sigmoid", () => {
  const { gates, run } = constantRouter(TOKENS);
  assertShares(run({ gates }, 1)["gates"]!, LOGITS);
});

Deno.test("annealed noise makes gates surer as the temperature falls, until none is left", () => {
  const { gates, run } = constantRouter(TOKENS, { annealNoise: true });
  for (const temperature of [2, 0.5]) {
    assertShares(run({ gates }, temperature)["gates"]!, LOGITS.map((x) => x / temperature));
  }
  const still = run({ gates }, 1e-6)["gates"]!.data;
  LOGITS.forEach((logit, layer) => {
    // A logit of 0 is a coin toss at any temperature.
    if (logit === 0) return;
    const own = Array.from(still).filter((_, i) => i % LOGITS.length === layer);
    assert.ok(own.every((gate) => gate === (logit > 0 ? 1 : 0)));
  });
});

Deno.test("temperature changes no gate, only the gradient, to its closed form", () => {
  const tokens = 50;
  const { nodes, noise, gates, run } = constantRouter(tokens);
  const [slope] = gradients(reduceSum(gates), [nodes["router.4.bias"]!]);
  const at = (temperature: number) => run({ gates, slope: slope! }, temperature);
  assert.deepEqual(at(0.1)["gates"], at(5)["gates"]);
  for (const temperature of [0.3, 1, 4]) {
    // d/dlogit of sigmoid((logit + logistic noise) / t), summed over tokens.
    const expected = LOGITS.map((logit, layer) => {
      let sum = 0;
      for (let token = 0; token < tokens; token++) {
        const u = noise.data[token * LOGITS.length + layer]!;
        const s = 1 / (1 + Math.exp(-(logit + Math.log(u) - Math.log(1 - u)) / temperature));
        sum += s * (1 - s) / temperature;
      }
      return sum;
    });
    const actual = at(temperature)["slope"]!.data;
    expected.forEach((value, layer) => {
      const error = Math.abs(actual[layer]! - value) / value;
      assert.ok(error < 1e-5, `temperature ${temperature}, layer ${layer}: error ${error}`);
    });
  }
});

/** Logits of a router as it is drawn, for states of normal numbers times `size`. */
function startingLogits(options: Partial<TokenGumbelOptions>, size = 1): number[] {
  const router = tokenGumbel.create(optionsOf(options));
  const specs = router.params(site);
  const random = new RandomStream(18, "state");
  const state = floats([1, 40, site.hiddenSize]);
  state.data.forEach((_, i) => state.data[i] = size * random.normal());
  const { logits } = router.decide(
    new ParamNodes(inputNodes(specs)),
    input("state", state.shape),
    site,
    { mode: "eval", threshold: input("threshold", []), tokenMask: input("tokenMask", [1, 40]) },
  );
  return [...evaluate([logits], { ...initialize(specs, 1), state })[0]!.data];
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
      startingLogits({ normalize, initialStd: 0.5 }, size)
    );
    return Math.max(...small!.map((logit, i) => Math.abs(logit - large![i]!)));
  };
  assert.ok(change(true) < 1e-4, `with: ${change(true)}`);
  assert.ok(change(false) > 0.1, `without: ${change(false)}`);
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
    Object.values(tokenGumbel.create(optionsOf()).params({ hiddenSize, routableLayers: 5 }))
      .map(({ shape }) => shape);
  assert.deepEqual(shapes(16), [[8, 16], [8], [4, 8], [4], [5, 4], [5]]);
  assert.ok(shapes(2).flat().every((size) => size >= 1), "even the narrowest has a unit");
});
