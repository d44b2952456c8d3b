/** Walks over graphs: order, inputs, listing, work. */

import assert from "node:assert/strict";
import * as g from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";

Deno.test("topologicalOrder() puts each node after its inputs, once", () => {
  const a = g.input("a", [2]);
  const shared = g.exp(a);
  const left = g.mul(shared, a);
  const right = g.add(shared, left);
  const order = g.topologicalOrder([right, left]);
  assert.equal(order.length, 4);
  assert.equal(new Set(order).size, 4);
  for (const [step, node] of order.entries()) {
    for (const input of node.inputs) assert.ok(order.indexOf(input) < step, node.op.name);
  }
});

Deno.test("topologicalOrder() and gradients() walk a graph of 20,000 nodes", () => {
  const x = g.input("x", []);
  let node: g.Node = x;
  for (let depth = 0; depth < 20_000; depth++) node = g.neg(node);
  assert.equal(g.topologicalOrder([node]).length, 20_001);
  const [slope] = g.gradients(node, [x]);
  assert.equal(g.topologicalOrder([slope!]).length, 20_001);
});

Deno.test("inputsOf() finds the inputs, and takes two of one name and type for one", () => {
  const sum = g.add(g.input("a", [2]), g.mul(g.input("b", [2]), g.input("a", [2])));
  assert.deepEqual([...g.inputsOf(g.topologicalOrder([sum])).keys()], ["a", "b"]);
});

Deno.test("inputsOf() refuses one name for two types", () => {
  const twice = [g.input("a", [2]), g.input("a", [3]), g.input("a", [2], "int32")] as const;
  assert.throws(
    () => g.inputsOf([twice[0], twice[1]]),
    { name: "TypeError", message: 'Cannot use input "a" both as float32[2] and float32[3]' },
  );
  assert.throws(() => g.inputsOf([twice[0], twice[2]]), /float32\[2\] and int32\[2\]/);
});

Deno.test("printGraph() writes one line a node, and leaves the values of constants out", () => {
  const x = g.input("x", [4, 8]);
  const w = g.constant(floats([2, 8], new Float32Array(16).fill(0.5)));
  const y = g.neg(g.matmul(x, w, { transB: true }));
  assert.deepEqual(g.printGraph([y]).split("\n"), [
    '%0 = input() {"name":"x","type":{"dtype":"float32","shape":[4,8]}}: float32[4, 8]',
    "%1 = constant(): float32[2, 8]",
    '%2 = matmul(%0, %1) {"transA":false,"transB":true,"alpha":1}: float32[4, 2]',
    "%3 = neg(%2): float32[4, 2]",
  ]);
});

Deno.test("matmulFlops() counts two for each multiply-add, and shared products once", () => {
  const x = g.input("x", [3, 5, 7]);
  const w = g.input("w", [3, 11, 7]);
  const product = g.matmul(x, w, { transB: true });
  assert.equal(g.matmulFlops([product]), 2 * 3 * 5 * 7 * 11);
  assert.equal(g.matmulFlops([g.add(product, product), g.exp(product)]), 2 * 3 * 5 * 7 * 11);
  assert.equal(g.matmulFlops([g.softmax(x)]), 0);
});

Deno.test("matmulFlops() sees that a backward pass costs twice the forward one", () => {
  const x = g.input("x", [6, 4]);
  const w = g.input("w", [8, 4]);
  const product = g.matmulRows(x, w);
  const slopes = g.gradients(g.reduceSum(g.mul(product, product)), [x, w]);
  assert.equal(g.matmulFlops([product, ...slopes]), 3 * g.matmulFlops([product]));
  // A frozen weight needs no gradient of its own.
  assert.equal(g.matmulFlops([product, slopes[0]!]), 2 * g.matmulFlops([product]));
});

Deno.test("matmulFlops() counts once what is computed a second time to save memory", () => {
  const [x, w] = [g.input("x", [6, 4]), g.input("w", [4, 4])];
  const layer = (rows: g.Node) => g.tanh(g.matmulRows(rows, w));
  const stack = (kept: (value: g.Node, rows: g.Node) => g.Node) => {
    const first = kept(layer(x), x);
    const loss = g.reduceSum(kept(layer(first), first));
    return [loss, ...g.gradients(loss, [x, w])];
  };
  const plain = stack((value) => value);
  const again = stack((value, rows) => g.checkpoint(value, [rows]));
  const products = (outputs: g.Node[]) =>
    g.topologicalOrder(outputs).filter(({ op }) => op.name === "matmul").length;
  assert.equal(products(again), products(plain) + 2);
  assert.equal(g.matmulFlops(again), g.matmulFlops(plain));
});

Deno.test("rebuild() applies again what depends on what is replaced, and shares the rest", () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => g.input(name, [2])) as [g.Node, g.Node, g.Node];
  const shared = g.exp(b);
  const sum = g.add(g.mul(a, shared), a);
  const [made, same] = g.rebuild([sum, shared], new Map([[a, c]]));
  assert.equal(made, g.add(g.mul(c, shared), c));
  assert.equal(same, shared);
});

Deno.test("rebuild() does not look behind what is replaced", () => {
  const a = g.input("a", [2]);
  const inner = g.exp(a);
  const [made] = g.rebuild([g.neg(inner)], new Map([[inner, a], [a, inner]]));
  assert.equal(made, g.neg(a));
});
