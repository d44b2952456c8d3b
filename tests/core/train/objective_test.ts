/** The loss against its formula, on numbers that can be followed. */

import assert from "node:assert/strict";
import { constant, gradients, input, type Node, scalar } from "../../../core/graph/mod.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";
import {
  hiddenDistance,
  languageLoss,
  needsTeacher,
  objective,
  type ObjectiveInputs,
  type ObjectiveOptions,
  type Outcome,
} from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { assertGradient } from "../../conformance/gradient_check.ts";
import { normal } from "../../conformance/router_setup.ts";

const OPTIONS: ObjectiveOptions = {
  distillWeight: 0.3,
  distillTemperature: 2,
  sparsityWeight: 0.25,
  targetWeight: 8,
};

const INPUTS: ObjectiveInputs = {
  lossScale: scalar(1 / 2),
  microShare: scalar(1),
  distillShare: scalar(0.25),
  targetSkip: scalar(0.5),
  usualCost: scalar(0),
  policyShare: scalar(1),
};

// Three tokens of which the last is padding; two words.
const STUDENT = [[1, 0], [0, 2], [9, -9]];
const TEACHER = [[0, 1], [0, 0], [-9, 9]];
const TARGETS = [0, 0, 1];

const logits = constant(floats([1, 3, 2], STUDENT.flat()));
const teacher = constant(floats([1, 3, 2], TEACHER.flat()));
const targets = constant(ints([1, 3], TARGETS));
const tokenMask = constant(floats([1, 3], [1, 1, 0]));
const language = languageLoss(OPTIONS, INPUTS, logits, targets, tokenMask);

function softmax(row: readonly number[], temperature: number): number[] {
  const weights = row.map((x) => Math.exp(x / temperature));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6, `${actual} instead of ${expected}`);
}

/** The parts of an objective as numbers. */
function partsOf(
  outcome: Partial<Outcome>,
  options: Partial<ObjectiveOptions> = {},
  inputs: Partial<ObjectiveInputs> = {},
): Record<string, number[]> {
  const parts = objective(
    { ...OPTIONS, ...options },
    { ...INPUTS, ...inputs },
    { language, tokenMask, ...outcome },
  );
  const values = evaluate(parts as unknown as Record<string, Node>, {});
  return Object.fromEntries(Object.entries(values).map(([name, { data }]) => [name, [...data]]));
}

const lossOf = (token: number) => -Math.log(softmax(STUDENT[token]!, 1)[TARGETS[token]!]!);
const crossEntropy = (lossOf(0) + lossOf(1)) / 2;

Deno.test("without a router or a teacher the loss is the cross-entropy of real tokens", () => {
  const parts = partsOf({});
  assert.deepEqual(Object.keys(parts).sort(), ["crossEntropy", "loss"]);
  assertNear(parts["loss"]![0]!, crossEntropy);
});

Deno.test("the loss of each token is told too, that of padding among them", () => {
  const { data, shape } = evaluate([language.tokenLosses], {})[0]!;
  assert.deepEqual(shape, [1, 3]);
  [0, 1, 2].forEach((token) => assertNear(data[token]!, lossOf(token)));
});

/** KL(teacher || student) at the temperature of 2, a mean over real tokens. */
const divergence = [0, 1].reduce((sum, token) => {
  const [p, q] = [softmax(TEACHER[token]!, 2), softmax(STUDENT[token]!, 2)];
  return sum + p.reduce((kl, share, v) => kl + share * Math.log(share / q[v]!), 0) / 2;
}, 0);

for (const distillScale of [undefined, 3]) {
  Deno.test(`distillation takes over its share of the loss, at a scale of ${distillScale ?? 1}`, () => {
    const options = { ...OPTIONS, ...(distillScale === undefined ? {} : { distillScale }) };
    const parts = languageLoss(options, INPUTS, logits, targets, tokenMask, teacher);
    const { loss, distill } = evaluate({ loss: parts.loss, distill: parts.distill! }, {});
    assertNear(distill.data[0]!, 4 * divergence);
    assertNear(loss.data[0]!, 0.75 * crossEntropy + 0.25 * 4 * divergence * (distillScale ?? 1));
  });
}

Deno.test("a router pays for the blocks it runs, for missing its target, and its own penalty", () => {
  // Real tokens run 2 + 1 of 2 × 2 blocks: 1.5 a token, a skip ratio of 1/4.
  const gates = constant(floats([1, 3, 2], [1, 1, 1, 0, 0, 0]));
  const decision = { gates, logits: gates, penalty: scalar(0.125) };
  const parts = partsOf({ decision }, {}, { microShare: scalar(0.5) });
  assert.deepEqual(parts["activity"]!.map(Math.fround), [1, 0.5]);
  assertNear(parts["sparsity"]![0]!, 0.5 * 1.5);
  assertNear(parts["target"]![0]!, 0.5 * (0.25 - 0.5) ** 2);
  assertNear(
    parts["loss"]![0]!,
    crossEntropy + 0.25 * 0.5 * 1.5 + 8 * 0.5 * 0.0625 + 0.5 * 0.125,
  );
  // The second block counts three times as much.
  const ramped = partsOf({ decision }, { sparsityRamp: [1, 3] });
  assertNear(ramped["sparsity"]![0]!, 1 + 3 * 0.5);
});

Deno.test("gates with nothing graded behind them pay nothing, and tell their activity", () => {
  const decision = { gates: constant(floats([1, 1, 2], [1, 0])) };
  const parts = partsOf({ decision });
  assert.deepEqual(Object.keys(parts).sort(), ["activity", "crossEntropy", "loss"]);
  assert.deepEqual(parts["activity"]!.map(Math.fround), [1, 0]);
  assertNear(parts["loss"]![0]!, crossEntropy);
});

Deno.test("the distance of states is relative to the teacher's, a mean over real tokens", () => {
  const own = constant(floats([1, 3, 2], [1, 2, 0, 3, 100, 100]));
  const taught = constant(floats([1, 3, 2], [3, 4, 1, 0, 0, 1]));
  const hidden = hiddenDistance(own, taught, tokenMask, scalar(1 / 2));
  // |(-2, -2)|² / |(3, 4)|², and |(-1, 3)|² / |(1, 0)|²
  const distance = (8 / 25 + 10 / 1) / 2;
  assert.ok(Math.abs(evaluate([hidden], {})[0]!.data[0]! - distance) < 1e-4);
  const parts = partsOf({ hidden }, { hiddenWeight: 0.5 });
  assertNear(parts["hidden"]![0]!, evaluate([hidden], {})[0]!.data[0]!);
  assertNear(parts["loss"]![0]!, crossEntropy + 0.5 * parts["hidden"]![0]!);
});

Deno.test("the distance of states is finite where the teacher's are zero, and has its gradient", () => {
  const shape = [2, 3, 4];
  const states = input("states", shape);
  const mask = constant(floats([2, 3], [1, 1, 1, 1, 0, 0]));
  const to = (teacher: ReturnType<typeof normal>) =>
    hiddenDistance(states, constant(teacher), mask, scalar(1 / 4));
  const feeds = { states: normal(shape, "own states") };
  assertGradient(to(normal(shape, "taught states")), "states", feeds);
  assert.ok(Number.isFinite(evaluate([to(floats(shape))], feeds)[0]!.data[0]));
  // Padding has no part in it.
  const [slope] = evaluate(gradients(to(normal(shape, "taught states")), [states]), feeds);
  assert.ok(slope!.data.slice(4 * 4).every((x) => x === 0));
});

Deno.test("a teacher is needed for distillation and for the distance of states, else not", () => {
  const none = { ...OPTIONS, distillWeight: 0 };
  assert.ok(!needsTeacher(none));
  assert.ok(!needsTeacher({ ...none, hiddenWeight: 0 }));
  assert.ok(needsTeacher(OPTIONS));
  assert.ok(needsTeacher({ ...none, hiddenWeight: 0.1 }));
});
