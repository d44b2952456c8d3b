/** The gradient checker itself: it must refuse wrong rules and losses that prove nothing. */

import assert from "node:assert/strict";
import {
  apply,
  defineOp,
  input,
  matmulRows,
  mul,
  type Node,
  ops,
  scale,
  sigmoid,
  stopGradient,
  sub,
} from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";
import { assertGradient, weightedSum } from "./gradient_check.ts";

const x = input("x", [2, 3]);
const feeds = { x: floats([2, 3], [0.5, -0.7, 1.2, -1.1, 0.9, -0.4]) };

/** Computed as the true operation of that name, but with another gradient rule. */
function withRule(
  name: "sigmoid" | "tanh" | "neg",
  rule: (y: Node, cotangent: Node) => Node,
): Node {
  const op = defineOp({
    name,
    infer: ops[name].infer,
    gradient: ({ node, cotangent }) => [rule(node, cotangent)],
  });
  return apply(op, [x], {});
}

Deno.test("the gradient check accepts the right rule of the sigmoid", () => {
  assertGradient(weightedSum(sigmoid(x)), "x", feeds);
});

Deno.test("the gradient check refuses y^2 as the derivative of the sigmoid", () => {
  const wrong = withRule("sigmoid", (y, ct) => mul(ct, mul(y, y)));
  assert.throws(() => assertGradient(weightedSum(wrong), "x", feeds), /"x" is off: analytic/);
});

Deno.test("the gradient check refuses y - y^2 as the derivative of tanh", () => {
  const wrong = withRule("tanh", (y, ct) => mul(ct, sub(y, mul(y, y))));
  assert.throws(() => assertGradient(weightedSum(wrong), "x", feeds), /"x" is off: analytic/);
});

Deno.test("the gradient check refuses a rule that is wrong by a hundredth of a percent", () => {
  const wrong = withRule("neg", (_y, ct) => scale(ct, -1.0001));
  assert.throws(
    () => assertGradient(weightedSum(wrong), "x", feeds),
    /relative error 0.0001|9\.99/,
  );
});

Deno.test("the gradient check refuses a loss that is flat along the input", () => {
  const flat = weightedSum(scale(x, 0));
  assert.throws(() => assertGradient(flat, "x", feeds), /the loss is flat/);
});

Deno.test("the gradient check refuses a gradient that was cut off", () => {
  assert.throws(() => assertGradient(weightedSum(stopGradient(x)), "x", feeds), /is off/);
});

Deno.test("the gradient check refuses NaN", () => {
  const nan = { x: floats([2, 3], [NaN, 1, 1, 1, 1, 1]) };
  assert.throws(() => assertGradient(weightedSum(sigmoid(x)), "x", nan), /flat|off/);
});

Deno.test("the gradient check names an input that the loss does not have", () => {
  const loss = weightedSum(matmulRows(x, input("w", [2, 3])));
  assert.throws(
    () => assertGradient(loss, "weight", feeds),
    /"weight": the loss has no such input/,
  );
});
