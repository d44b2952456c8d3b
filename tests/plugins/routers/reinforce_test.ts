/** The policy-gradient router: the contract, its probabilities, and what is learned from them. */

import assert from "node:assert/strict";
import {
  add,
  constant,
  gradients,
  input,
  inputsOf,
  mul,
  reshape,
  scalar,
  scale,
  slice,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { objective } from "../../../core/train/mod.ts";
import { reinforce, type ReinforceOptions } from "../../../plugins/routers/reinforce.ts";
import { assertClose, assertShare, columnShares } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";
import { testRouter } from "../../conformance/router.ts";
import { BATCH, LENGTH, ofToken, sequenceOf, Setup } from "../../conformance/router_setup.ts";
import { constantRouter, sigmoid } from "./constant_router.ts";

const create = (given: Partial<ReinforceOptions> = {}) =>
  reinforce.create(reinforce.options.parse(given));

testRouter(() => create(), { reads: "prompt" });
testRouter(() => create({ normalize: false }), {
  reads: "prompt",
  variant: "on states as they are",
});

Deno.test("the log-probability is that of the gates that were drawn, after the prompt", () => {
  const setup = new Setup(create());
  const { gates, logits, logProbability } = setup.train;
  const values = setup.values({ gates, logits: logits!, logProbability: logProbability! });
  const expected = Array.from({ length: BATCH }, (_, sequence) => {
    const last = (sequence + 1) * LENGTH - 1;
    assert.equal(sequenceOf(last), sequence);
    const [open, odds] = [ofToken(values.gates, last), ofToken(values.logits, last)];
    return open.reduce(
      (sum, gate, i) => sum + Math.log(sigmoid(gate === 1 ? odds[i]! : -odds[i]!)),
      0,
    );
  });
  const wanted = { ...values.logProbability, data: Float64Array.from(expected) };
  assertClose(values.logProbability, wanted, { relative: 1e-9, absolute: 1e-9 }, "log p");
});

Deno.test("the log-probability's gradient agrees with finite differences, gates held", () => {
  const setup = new Setup(create());
  const loss = weightedSum(setup.train.logProbability!);
  for (const name of setup.params) assertGradient(loss, name, setup.feeds);
});

Deno.test("no gradient passes the gates", () => {
  const setup = new Setup(create());
  const loss = weightedSum(setup.train.gates);
  const inputs = inputsOf(topologicalOrder([loss]));
  const slopes = gradients(loss, setup.params.map((name) => inputs.get(name)!));
  for (const { data } of Object.values(setup.values(Object.fromEntries(slopes.entries())))) {
    assert.ok(data.every((x) => x === 0));
  }
});

Deno.test("gates are drawn with the sigmoid of their log-odds, whatever the temperature", () => {
  const [sequences, logits] = [5000, [-2, 0, 1]];
  const { decision: { gates }, run } = constantRouter(reinforce, {}, [sequences, 1], logits);
  const shares = columnShares(run({ gates }).gates.data, logits.length);
  logits.forEach((logit, layer) => assertShare(shares[layer]!, sigmoid(logit), sequences));
  assert.deepEqual(run({ gates }, 0.1).gates, run({ gates }).gates);
});

/** A bandit: two gates, so four arms, and what each costs. Depth has its price too. */
const ODDS = [0.4, -0.7];
const ARMS = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;
const PRICES = { distillWeight: 0, distillTemperature: 1, sparsityWeight: 0.25, targetWeight: 4 };
const costOf = ([a, b]: readonly [number, number]) =>
  2 + 1.5 * a - b + 2.5 * a * b + 0.25 * (a + b) + 4 * (1 - (a + b) / 2 - 0.5) ** 2;
const chanceOf = (arm: readonly number[], odds: readonly number[]) =>
  arm.reduce((chance, gate, i) => chance * sigmoid(gate === 1 ? odds[i]! : -odds[i]!), 1);
const expectedCost = (odds: readonly number[]) =>
  ARMS.reduce((sum, arm) => sum + chanceOf(arm, odds) * costOf(arm), 0);

/** The objective's gradient for the log-odds, a mean over many sequences. */
function policyGradient(sequences: number, usualCost: number): ArrayLike<number> {
  const { decision, bias, run } = constantRouter(reinforce, {}, [sequences, 1], ODDS);
  const gate = (layer: number) =>
    reshape(slice(decision.gates, 2, layer, layer + 1), [sequences, 1]);
  const [a, b] = [gate(0), gate(1)];
  // The part of the cost that comes from the text.
  const tokenLosses = [scale(a, 1.5), scale(b, -1), scale(mul(a, b), 2.5)].reduce(
    (sum, part) => add(sum, part),
    constant(floats([sequences, 1], new Float32Array(sequences).fill(2))),
  );
  const inputs = {
    lossScale: scalar(1),
    microShare: scalar(1),
    distillShare: scalar(0),
    targetSkip: scalar(0.5),
    usualCost: scalar(usualCost),
    policyShare: scalar(1),
  };
  const { loss } = objective(PRICES, inputs, {
    language: { loss: scalar(0), crossEntropy: scalar(0), tokenLosses },
    tokenMask: input("tokenMask", [sequences, 1]),
    decision,
  });
  return run({ slope: gradients(loss, [bias])[0]! }).slope.data;
}

for (const usual of [0, 3]) {
  Deno.test(`the policy gradient is that of the expected cost, where ${usual} is usual`, () => {
    const sequences = 20_000;
    const slope = policyGradient(sequences, usual);
    ODDS.forEach((odds, layer) => {
      const at = (step: number) => expectedCost(ODDS.with(layer, odds + step));
      const derivative = (at(1e-5) - at(-1e-5)) / 2e-5;
      // One sequence adds (cost - usual) d log p, where d log p / d odds = gate - p.
      const variance = ARMS.reduce((sum, arm) => {
        const part = (costOf(arm) - usual) * (arm[layer]! - sigmoid(odds));
        return sum + chanceOf(arm, ODDS) * (part - derivative) ** 2;
      }, 0);
      const deviation = Math.sqrt(variance / sequences);
      const error = Math.abs(slope[layer]! - derivative);
      assert.ok(error <= 4 * deviation, `${slope[layer]} instead of ${derivative}`);
      assert.ok(Math.abs(derivative) > 8 * deviation, "there is something to be seen");
    });
  });
}

Deno.test("the widths are the state's, a half, and one output per block, which starts at a toss", () => {
  const site = { hiddenSize: 16, anchorLayers: 1, routableLayers: 5 };
  const specs = create().params(site);
  const shapes = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, shape]),
  );
  assert.deepEqual(shapes, {
    "router.0.weight": [8, 16],
    "router.0.bias": [8],
    "router.2.weight": [5, 8],
    "router.2.bias": [5],
  });
  assert.deepEqual(specs["router.2.bias"]!.init, { kind: "constant", value: 0 });
  const open = create({ initialBias: 2 }).params(site);
  assert.deepEqual(open["router.2.bias"]!.init, { kind: "constant", value: 2 });
});

Deno.test("options out of range or unknown are refused by their name", () => {
  for (const wrong of [{ promptTokens: 0 }, { initialBias: 11 }, { pool: "sequence" }]) {
    const result = reinforce.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});
