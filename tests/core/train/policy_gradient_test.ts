/** The policy gradient: what a sequence costs, and which draws are made likelier by it. */

import assert from "node:assert/strict";
import { constant, gradients, input, scalar } from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { objective, type ObjectiveInputs, type ObjectiveOptions } from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";

const OPTIONS: ObjectiveOptions = {
  distillWeight: 0,
  distillTemperature: 1,
  sparsityWeight: 0.25,
  targetWeight: 8,
};

// Two sequences of three tokens, the last one of the second is padding; two blocks.
const tokenMask = constant(floats([2, 3], [1, 1, 1, 1, 1, 0]));
const tokenLosses = constant(floats([2, 3], [1, 2, 6, 4, 0, 1000]));
const gates = constant(floats([2, 3, 2], [1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0]));
const language = { loss: scalar(10), crossEntropy: scalar(7), tokenLosses };

const logProbability = input("logProbability", [2]);
const DRAWN = { logProbability: floats([2], [-2, -3]) };

/** Per token 5/3 of 2 blocks in the first sequence, a skip of 1/6; 1 in the second, a skip of 1/2. */
const COSTS = [
  3 + 0.25 * 5 / 3 + 8 * (1 / 6 - 0.5) ** 2,
  2 + 0.25 * 1 + 8 * (1 / 2 - 0.5) ** 2,
] as const;

/** The objective's parts, and the gradient for each sequence's log-probability. */
function partsOf(
  inputs: Partial<Record<keyof ObjectiveInputs, number>> = {},
  options: Partial<ObjectiveOptions> = {},
) {
  const given = { lossScale: 1, microShare: 1, distillShare: 0, targetSkip: 0.5 };
  const policy = { usualCost: 2.5, policyShare: 1 };
  const nodes = Object.fromEntries(
    Object.entries({ ...given, ...policy, ...inputs }).map(([name, x]) => [name, scalar(x)]),
  ) as unknown as ObjectiveInputs;
  const decision = { gates, logits: gates, logProbability };
  const parts = objective({ ...OPTIONS, ...options }, nodes, { language, tokenMask, decision });
  const [slope] = gradients(parts.loss, [logProbability]);
  const { loss, policy: value, cost, activity } = parts;
  const values = evaluate(
    { loss, policy: value!, cost: cost!, activity: activity!, slope: slope! },
    DRAWN,
  );
  return { names: Object.keys(parts), ...values };
}

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs(actual! - expected) <= 1e-6, `${actual} instead of ${expected}`);
}

Deno.test("a sequence costs the mean loss of its tokens, its depth, and missing the target", () => {
  assertNear(partsOf().cost.data[0], (COSTS[0] + COSTS[1]) / 2);
  // Each micro-batch adds its share.
  assertNear(partsOf({ microShare: 0.25 }).cost.data[0], (COSTS[0] + COSTS[1]) / 8);
});

Deno.test("a ramp on the price of depth counts in a sequence's cost as well", () => {
  // The blocks run for 2/3 and 3/3 of the first sequence's tokens, 2/2 and 0/2 of the second's.
  const { cost } = partsOf({}, { sparsityRamp: [1, 3] });
  const more = [0.25 * 2 * 1, 0];
  assertNear(cost.data[0], (COSTS[0] + more[0]! + COSTS[1] + more[1]!) / 2);
});

Deno.test("each log-probability is weighted by what its sequence cost more than is usual", () => {
  const { loss, policy, slope } = partsOf();
  const excess = COSTS.map((cost) => cost - 2.5);
  assertNear(policy.data[0], (excess[0]! * -2 + excess[1]! * -3) / 2);
  assertNear(loss.data[0], 10 + policy.data[0]!);
  excess.forEach((more, sequence) => assertNear(slope.data[sequence], more / 2));
});

Deno.test("descent makes a draw that costs more than usual less likely, and a cheaper one more", () => {
  const { slope } = partsOf();
  assert.ok(COSTS[0] > 2.5 && COSTS[1] < 2.5);
  // The loss falls against its gradient.
  assert.ok(-slope.data[0]! < 0, "the first draw was dear");
  assert.ok(-slope.data[1]! > 0, "the second draw was cheap");
});

Deno.test("as long as nobody knows what is usual, there is no policy gradient", () => {
  const { loss, slope, cost } = partsOf({ usualCost: 0, policyShare: 0 });
  assertNear(loss.data[0], 10);
  assert.deepEqual([...slope.data], [0, 0]);
  assertNear(cost.data[0], (COSTS[0] + COSTS[1]) / 2);
});

Deno.test("who pays for depth by the policy gradient does not pay for it a second time", () => {
  const { names, loss, policy } = partsOf();
  assert.deepEqual(names.sort(), ["activity", "cost", "crossEntropy", "loss", "policy"]);
  assertNear(loss.data[0], 10 + policy.data[0]!);
});

Deno.test("the gradient leaves the text's losses alone: they only weigh what was drawn", () => {
  const losses = input("tokenLosses", [2, 3]);
  const nodes = {
    lossScale: scalar(1),
    microShare: scalar(1),
    distillShare: scalar(0),
    targetSkip: scalar(0.5),
    usualCost: scalar(2.5),
    policyShare: scalar(1),
  };
  const { loss } = objective(OPTIONS, nodes, {
    language: { ...language, tokenLosses: losses },
    tokenMask,
    decision: { gates, logits: gates, logProbability },
  });
  const feeds = { ...DRAWN, tokenLosses: floats([2, 3], [1, 2, 6, 4, 0, 1000]) };
  const [slope] = evaluate(gradients(loss, [losses]), feeds);
  assert.ok(slope!.data.every((x) => x === 0));
});
