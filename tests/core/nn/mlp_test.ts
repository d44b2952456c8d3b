/** Small perceptrons: what they declare, how they start, and what they compute. */

import assert from "node:assert/strict";
import { add, gelu, input, type Node, scale } from "../../../core/graph/mod.ts";
import {
  initialize,
  inputNodes,
  mlp,
  mlpParams,
  ParamNodes,
  relu,
  taperedWidths,
  type Weights,
} from "../../../core/nn/mod.ts";
import { floats, RandomStream } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";

const WIDTHS = [5, 4, 3, 2];
const ROWS = [2, 3];

/** Parameters of order one, biases too, so that a mistake in any of them shows. */
function drawn(widths: readonly number[]): Weights {
  return Object.fromEntries(
    Object.entries(mlpParams("net", widths, { bias: 0 })).map(([name, { shape }]) => {
      const random = new RandomStream(3, name);
      const tensor = floats(shape);
      return [name, floats(shape, tensor.data.map(() => random.normal()))];
    }),
  );
}

function drawnRows(width: number) {
  const random = new RandomStream(4, "rows");
  const tensor = floats([...ROWS, width]);
  return floats(tensor.shape, tensor.data.map(() => random.normal()));
}

/** A perceptron as a graph over the input `x`. */
function graph(
  widths: readonly number[],
  activation: (x: Node) => Node,
  shift?: (x: Node) => Node,
) {
  const params = new ParamNodes(inputNodes(mlpParams("net", widths, { bias: 0 })));
  return mlp(params, "net", widths, input("x", [...ROWS, widths[0]!]), activation, shift);
}

Deno.test("layers are named and shaped as in PyTorch's Sequential with activations between them", () => {
  const specs = mlpParams("router", WIDTHS, { bias: 0 });
  assert.deepEqual(
    Object.entries(specs).map(([name, { shape }]) => [name, shape]),
    [
      ["router.0.weight", [4, 5]],
      ["router.0.bias", [4]],
      ["router.2.weight", [3, 4]],
      ["router.2.bias", [3]],
      ["router.4.weight", [2, 3]],
      ["router.4.bias", [2]],
    ],
  );
});

Deno.test("tapered widths halve twice and never reach zero", () => {
  assert.deepEqual(taperedWidths(32, 3), [32, 16, 8, 3]);
  assert.deepEqual(taperedWidths(7, 2), [7, 3, 1, 2]);
  assert.deepEqual(taperedWidths(2, 5), [2, 1, 1, 5]);
});

Deno.test("matrices start uniform within 1/√in, biases at zero but the last", () => {
  const widths = [100, 50, 40];
  const start = initialize(mlpParams("net", widths, { bias: -1.5 }), 5);
  for (const [name, fanIn] of [["net.0.weight", 100], ["net.2.weight", 50]] as const) {
    const { data } = start[name]!;
    const bound = 1 / Math.sqrt(fanIn);
    assert.ok(data.every((x) => Math.abs(x) <= bound), `${name} is within its bound`);
    assert.ok(Math.max(...data) > 0.98 * bound && Math.min(...data) < -0.98 * bound);
    // The variance of a uniform law is a third of its bound's square.
    assertNear(meanSquare(data) / bound ** 2, 1 / 3, 0.03, `variance of ${name}`);
  }
  assert.ok(start["net.0.bias"]!.data.every((x) => x === 0));
  assert.ok(start["net.2.bias"]!.data.every((x) => x === -1.5));
});

Deno.test("the last matrix starts normal where a standard deviation is given, and only it", () => {
  const widths = [100, 50, 40];
  const start = initialize(mlpParams("net", widths, { bias: 0, std: 0.02 }), 5);
  const { data } = start["net.2.weight"]!;
  assertNear(meanSquare(data) / 0.02 ** 2, 1, 0.1, "variance of the last matrix");
  assert.ok(Math.max(...data.map(Math.abs)) > 0.05, "a normal law has tails");
  const plain = initialize(mlpParams("net", widths, { bias: 0 }), 5);
  assert.deepEqual(start["net.0.weight"], plain["net.0.weight"]);
  const zero = initialize(mlpParams("net", widths, { bias: 0, std: 0 }), 5);
  assert.ok(zero["net.2.weight"]!.data.every((x) => x === 0), "0 is a standard deviation too");
});

function meanSquare(data: Float32Array): number {
  return data.reduce((sum, x) => sum + x * x, 0) / data.length;
}

function assertNear(actual: number, expected: number, within: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= within, `${what}: ${actual} instead of ${expected}`);
}

/** The same in plain loops: W x + b for each row, `activation` between layers. */
function byHand(
  weights: Weights,
  widths: readonly number[],
  rows: Float32Array,
  activation: (x: number) => number,
  shift: number,
): number[] {
  const width = widths[0]!;
  const answers: number[] = [];
  for (let at = 0; at < rows.length; at += width) {
    let row = [...rows.subarray(at, at + width)];
    for (let layer = 0; layer + 1 < widths.length; layer++) {
      const { data: matrix } = weights[`net.${2 * layer}.weight`]!;
      const { data: bias } = weights[`net.${2 * layer}.bias`]!;
      const read = layer === 0 ? row : row.map(activation);
      row = [...bias].map((b, out) =>
        read.reduce((sum, x, i) => sum + x * matrix[out * read.length + i]!, b) +
        (layer === 0 ? shift : 0)
      );
    }
    answers.push(...row);
  }
  return answers;
}

Deno.test("values are W x + b with the activation between layers and none after the last", () => {
  for (const widths of [WIDTHS, [5, 2], [5, 4, 2]]) {
    const weights = drawn(widths);
    const x = drawnRows(5);
    const [value] = evaluate([graph(widths, relu)], { ...weights, x });
    const expected = byHand(weights, widths, x.data, (x) => Math.max(x, 0), 0);
    assert.ok(expected.some((x) => x < 0), "the last layer's answers are not cut at zero");
    assert.deepEqual(value!.shape, [...ROWS, 2]);
    assertClose(
      { ...value!, data: Float64Array.from(value!.data) },
      { ...value!, data: Float64Array.from(expected) },
      CLOSE.float64,
      `values for widths ${widths}`,
    );
  }
});

Deno.test("a shift is added to what the first layer answers, before the activation", () => {
  const weights = drawn(WIDTHS);
  const x = drawnRows(5);
  const shifted = graph(WIDTHS, (x) => scale(relu(x), 3), (x) => add(x, input("half", [])));
  const [value] = evaluate([shifted], { ...weights, x, half: floats([], [0.5]) });
  const expected = byHand(weights, WIDTHS, x.data, (x) => 3 * Math.max(x, 0), 0.5);
  const plain = byHand(weights, WIDTHS, x.data, (x) => 3 * Math.max(x, 0), 0);
  assert.ok(expected.some((x, i) => Math.abs(x - plain[i]!) > 0.1), "the shift matters");
  expected.forEach((x, i) => assertNear(value!.data[i]!, x, 1e-12, `value ${i}`));
});

for (const [name, activation] of [["gelu", gelu], ["relu", relu]] as const) {
  Deno.test(`gradients agree with finite differences, with ${name} between layers`, () => {
    const loss = weightedSum(graph(WIDTHS, activation));
    const feeds = { ...drawn(WIDTHS), x: drawnRows(5) };
    for (const leaf of Object.keys(feeds)) assertGradient(loss, leaf, feeds);
  });
}
