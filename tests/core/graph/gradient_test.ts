/** gradients() itself: which nodes it reaches, how paths add up, what it refuses. */

import assert from "node:assert/strict";
import * as g from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";

const x = g.input("x", [3]);
const y = g.input("y", [3]);
const feeds = { x: floats([3], [1, 2, -3]), y: floats([3], [5, -1, 2]) };

function numbers(nodes: readonly g.Node[]): number[][] {
  return evaluate(nodes, feeds).map(({ data }) => [...data]);
}

Deno.test("gradients() gives zeros for a node that the loss does not depend on", () => {
  const [forX, forY] = g.gradients(g.reduceSum(g.mul(x, x)), [x, y]);
  assert.deepEqual(numbers([forX!, forY!]), [[2, 4, -6], [0, 0, 0]]);
});

Deno.test("gradients() adds up the paths through a shared node", () => {
  const shared = g.mul(x, y);
  const loss = g.reduceSum(g.add(g.mul(shared, x), g.sub(shared, x)));
  // d/dx (x^2 y + x y - x) = 2 x y + y - 1, and for the shared node itself x + 1.
  const [forX, forShared] = g.gradients(loss, [x, shared]);
  assert.deepEqual(numbers([forX!, forShared!]), [[14, -6, -11], [2, 3, -2]]);
});

Deno.test("gradients() answers in the order asked, also for a node asked for twice", () => {
  const loss = g.reduceSum(g.mul(x, y));
  assert.deepEqual(numbers(g.gradients(loss, [y, x, y])), [[1, 2, -3], [5, -1, 2], [1, 2, -3]]);
});

Deno.test("gradients() of the loss for itself is 1", () => {
  const loss = g.reduceSum(x);
  assert.deepEqual(numbers(g.gradients(loss, [loss])), [[1]]);
});

Deno.test("gradients() goes on past a wanted node to another below it", () => {
  const middle = g.mul(x, x);
  const loss = g.reduceSum(g.mul(middle, y));
  assert.deepEqual(numbers(g.gradients(loss, [middle, x])), [[5, -1, 2], [10, -4, -12]]);
});

Deno.test("gradients() refuses a loss that is not a scalar", () => {
  assert.throws(
    () => g.gradients(g.mul(x, y), [x]),
    { name: "TypeError", message: "Cannot differentiate a loss of shape [3]: it needs []" },
  );
  assert.throws(() => g.gradients(g.reshape(g.reduceSum(x), [1]), [x]), /shape \[1\]/);
});

Deno.test("gradients() leaves frozen branches alone", () => {
  const frozen = g.softmax(g.exp(y));
  const [slope] = g.gradients(g.reduceSum(g.mul(x, frozen)), [x]);
  const operations = g.topologicalOrder([slope!]).map((node) => node.op.name);
  // The gradient is 1 * frozen: nothing of the backward pass of softmax or exp.
  assert.deepEqual(operations.filter((name) => name === "exp" || name === "softmax").length, 2);
  assert.ok(!operations.includes("sub"));
});

Deno.test("gradients() blames the operation whose rule gives a wrong shape", () => {
  const broken = g.defineOp({
    name: "broken",
    infer: (inputs) => inputs[0]!,
    gradient: ({ cotangent }) => [g.reduceSum(cotangent)],
  });
  const loss = g.reduceSum(g.apply(broken, [x], {}));
  assert.throws(() => g.gradients(loss, [x]), /internal: the gradient of broken for input 0/);
});

Deno.test("pullBack() takes a gradient from where it is given, and stops at the ends", () => {
  const middle = g.mul(x, x);
  const output = g.mul(middle, g.mul(x, y));
  const [forX, forMiddle] = g.pullBack(output, y, [x, middle], new Set([middle]));
  // Through middle, x would count once more: d/dx is y times (x^2 y), d/dmiddle y times (x y).
  assert.deepEqual(numbers([forX!, forMiddle!]), [[25, 4, 36], [25, 2, -12]]);
});
