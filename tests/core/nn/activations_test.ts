/** Activations and norms against the formulas that they are known by. */

import assert from "node:assert/strict";
import { input, type Node } from "../../../core/graph/mod.ts";
import { ACTIVATIONS, geluTanh, layerNorm, relu, softcap } from "../../../core/nn/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";

const X = [-30, -3, -1, -0.25, 0, 0.5, 1, 2.5, 40];

function each(f: (x: Node) => Node, x: readonly number[] = X): number[] {
  return [...evaluate({ y: f(input("x", [x.length])) }, { x: floats([x.length], x) }).y.data];
}

function assertNear(actual: readonly number[], expected: readonly number[], within = 1e-6): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((y, i) => {
    const off = Math.abs(y - expected[i]!);
    assert.ok(off <= within, `element ${i} is ${y}, expected ${expected[i]}`);
  });
}

Deno.test("relu keeps what is above zero and nothing else", () => {
  assert.deepEqual(each(relu, [-2, 0, 0.5, 3]).map((y) => y + 0), [0, 0, 0.5, 3]);
});

Deno.test("GELU's approximation is the formula with tanh, by all its names", () => {
  const formula = X.map((x) =>
    0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
  );
  assertNear(each(geluTanh), formula);
  for (const name of ["gelu_new", "gelu_fast", "gelu_pytorch_tanh"] as const) {
    assert.equal(ACTIVATIONS[name], geluTanh);
  }
  // Near the exact one, and not the same.
  const exact = each(ACTIVATIONS.gelu);
  assertNear(exact, formula, 1e-3);
  assert.ok(Math.max(...exact.map((y, i) => Math.abs(y - formula[i]!))) > 1e-4);
});

Deno.test("softcap leaves small values as they are and holds large ones", () => {
  assertNear(each((x) => softcap(x, 3)), X.map((x) => 3 * Math.tanh(x / 3)));
});

Deno.test("layer norm takes out mean and deviation, then scales and shifts", () => {
  const x = [3, -1, 4, 10, 2, 2, 2, 2.5];
  const [weight, bias] = [[1, -2, 0.5, 3], [0.1, 0.2, 0.3, 0.4]];
  const expected = [x.slice(0, 4), x.slice(4)].flatMap((row) => {
    const mean = row.reduce((a, b) => a + b) / 4;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4;
    return row.map((value, i) =>
      weight[i]! * (value - mean) / Math.sqrt(variance + 0.01) + bias[i]!
    );
  });
  const nodes = [input("x", [2, 4]), input("weight", [4]), input("bias", [4])] as const;
  const feeds = { x: floats([2, 4], x), weight: floats([4], weight), bias: floats([4], bias) };
  const outputs = {
    whole: layerNorm(...nodes, 0.01),
    unshifted: layerNorm(nodes[0], nodes[1], undefined, 0.01),
  };
  const { whole, unshifted } = evaluate(outputs, feeds);
  assertNear([...whole.data], expected);
  assertNear([...unshifted.data], expected.map((y, i) => y - bias[i % 4]!));
});
