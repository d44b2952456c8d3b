/** The loss against its formula, on numbers that can be followed. */

import assert from "node:assert/strict";
import { constant, scalar } from "../../../core/graph/mod.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";
import {
  languageLoss,
  objective,
  type ObjectiveInputs,
  type ObjectiveOptions,
} from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";

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
};

// Three tokens of which the last is padding; two words.
const STUDENT = [[1, 0], [0, 2], [9, -9]];
const TEACHER = [[0, 1], [0, 0], [-9, 9]];
const TARGETS = [0, 0, 1];

const logits = constant(floats([1, 3, 2], STUDENT.flat()));
const teacher = constant(floats([1, 3, 2], TEACHER.flat()));
const targets = constant(ints([1, 3], TARGETS));
const tokenMask = constant(floats([1, 3], [1, 1, 0]));

function softmax(row: readonly number[], temperature: number): number[] {
  const weights = row.map((x) => Math.exp(x / temperature));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6, `${actual} instead of ${expected}`);
}

const crossEntropy = -[0, 1]
  .map((t) => Math.log(softmax(STUDENT[t]!, 1)[TARGETS[t]!]!))
  .reduce((a, b) => a + b) / 2;

Deno.test("without a router or a teacher the loss is the cross-entropy of real tokens", () => {
  const parts = objective(
    OPTIONS,
    INPUTS,
    languageLoss(OPTIONS, INPUTS, logits, targets, tokenMask),
    tokenMask,
  );
  assert.deepEqual(Object.keys(parts).sort(), ["crossEntropy", "loss"]);
  const { loss } = evaluate({ loss: parts.loss }, {});
  assertNear(loss.data[0]!, crossEntropy);
});

Deno.test("distillation takes over its share of the loss", () => {
  const parts = languageLoss(OPTIONS, INPUTS, logits, targets, tokenMask, teacher);
  const { loss, distill } = evaluate({ loss: parts.loss, distill: parts.distill! }, {});
  let kl = 0;
  for (const t of [0, 1]) {
    const [p, q] = [softmax(TEACHER[t]!, 2), softmax(STUDENT[t]!, 2)];
    kl += p.reduce((sum, share, v) => sum + share * Math.log(share / q[v]!), 0) / 2;
  }
  assertNear(distill.data[0]!, 4 * kl);
  assertNear(loss.data[0]!, 0.75 * crossEntropy + 0.25 * 4 * kl);
});

Deno.test("a router pays for the blocks it runs, for missing its target, and its own penalty", () => {
  // Real tokens run 2 + 1 of 2 × 2 blocks: 1.5 a token, a skip ratio of 1/4.
  const gates = constant(floats([1, 3, 2], [1, 1, 1, 0, 0, 0]));
  const decision = { gates, logits: gates, penalty: scalar(0.125) };
  const inputs = { ...INPUTS, microShare: scalar(0.5) };
  const parts = objective(
    OPTIONS,
    inputs,
    languageLoss(OPTIONS, inputs, logits, targets, tokenMask),
    tokenMask,
    decision,
  );
  const { loss, sparsity, target, activity } = evaluate({
    loss: parts.loss,
    sparsity: parts.sparsity!,
    target: parts.target!,
    activity: parts.activity!,
  }, {});
  assert.deepEqual(Array.from(activity.data, (x) => Math.fround(x)), [1, 0.5]);
  assertNear(sparsity.data[0]!, 0.5 * 1.5);
  assertNear(target.data[0]!, 0.5 * (0.25 - 0.5) ** 2);
  assertNear(
    loss.data[0]!,
    crossEntropy + 0.25 * 0.5 * 1.5 + 8 * 0.5 * 0.0625 + 0.5 * 0.125,
  );
});
