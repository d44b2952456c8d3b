/** What the builders leave out: work that would not change the value. */

import assert from "node:assert/strict";
import * as g from "../../../core/graph/mod.ts";
import { layerNorm } from "../../../core/nn/mod.ts";

Deno.test("reshape() of a reshape forgets the shape in between, and vanishes where it ends as it began", () => {
  const x = g.input("x", [2, 3, 4]);
  const flat = g.reshape(x, [6, 4]);
  assert.equal(g.reshape(flat, [2, 3, 4]), x);
  assert.equal(g.reshape(flat, [24]), g.reshape(x, [24]));
});

Deno.test("scale() of a product scales the smaller factor, whichever side it is on", () => {
  const rows = g.input("rows", [8, 5]);
  const column = g.input("column", [8, 1]);
  const right = g.scale(g.mul(rows, column), 0.5);
  assert.equal(g.printGraph([right]), g.printGraph([g.mul(rows, g.scale(column, 0.5))]));
  const left = g.scale(g.mul(column, rows), 0.5);
  assert.equal(g.printGraph([left]), g.printGraph([g.mul(g.scale(column, 0.5), rows)]));
});

Deno.test("scale() of a product of equals multiplies the product", () => {
  const product = g.mul(g.input("a", [3]), g.input("b", [3]));
  assert.equal(g.scale(product, 2).inputs[0], product);
});

Deno.test("the same operation with an equal number is the same node, on whichever side it stands", () => {
  const x = g.input("x", [3]);
  assert.equal(g.mul(x, g.scalar(0.5)), g.mul(x, g.scalar(0.5)));
  assert.equal(g.sub(g.scalar(1), x), g.sub(g.scalar(1), x));
  assert.notEqual(g.mul(x, g.scalar(0.5)), g.mul(x, g.scalar(0.25)));
  assert.notEqual(g.sub(g.scalar(1), x), g.sub(x, g.scalar(1)));
  assert.notEqual(g.div(x, g.scalar(0)), g.div(x, g.scalar(-0)));
  const y = g.input("x", [3]);
  assert.notEqual(g.mul(x, g.scalar(0.5)), g.mul(y, g.scalar(0.5)));
  // So what is made of several operations is shared like one operation.
  const weight = g.input("weight", [3]);
  const norm = () => layerNorm(x, weight, undefined, 1e-5);
  assert.equal(norm(), norm());
  assert.equal(g.gelu(x), g.gelu(x));
});
