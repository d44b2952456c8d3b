/**
 * Every operation in use: ordinary shapes first, then the edges (axes of size 1, broadcasting,
 * scalars, no rows, repeated indices). Backends are compared on these cases and gradients are
 * checked on them. A new operation does not compile without a case.
 */

import * as g from "../../graph/mod.ts";
import { bytes, floats, ints } from "../../tensor/mod.ts";
import { type OperationCase, positive, signed, testCase } from "./cases.ts";
import { indexCases } from "./index.ts";
import { memoryCases } from "./memory.ts";
import { movementCases } from "./movement.ts";
import { rowCases } from "./rows.ts";
import { selectionCases } from "./selection.ts";

type Binary = (a: g.Node, b: g.Node) => g.Node;
type Unary = (x: g.Node) => g.Node;

function binaryCases(f: Binary): OperationCase[] {
  return [
    testCase("same shape", { a: signed(2, 3), b: signed(2, 3) }, ({ a, b }) => f(a, b)),
    testCase("a row each", { a: signed(2, 3), b: signed(3) }, ({ a, b }) => f(a, b)),
    testCase("a column each", { a: signed(2, 1), b: signed(2, 3) }, ({ a, b }) => f(a, b)),
    testCase("scalars", { a: signed(), b: signed() }, ({ a, b }) => f(a, b)),
    testCase("a scalar left", { a: signed(), b: signed(2, 3) }, ({ a, b }) => f(a, b)),
    testCase("a constant", { a: signed(2, 3) }, ({ a }) => f(a, g.scalar(0.75))),
    testCase("both broadcast", { a: signed(2, 1, 3), b: signed(4, 1) }, ({ a, b }) => f(a, b)),
    testCase("axes of size 1", { a: signed(1, 1), b: signed(1) }, ({ a, b }) => f(a, b)),
    testCase("a shared value", { x: signed(2, 3), y: signed(2, 3) }, ({ x, y }) => {
      const shared = g.mul(x, y);
      return f(shared, g.mul(shared, x));
    }, { wrt: ["x"] }),
    testCase("no rows", { a: floats([0, 3]), b: signed(3) }, ({ a, b }) => f(a, b), { wrt: [] }),
  ];
}

function unaryCases(f: Unary, values: typeof signed = signed): OperationCase[] {
  return [
    testCase("a matrix", { x: values(3, 4) }, ({ x }) => f(x)),
    testCase("a scalar", { x: values() }, ({ x }) => f(x)),
    testCase("four axes", { x: values(2, 1, 2, 3) }, ({ x }) => f(x)),
  ];
}

/** Values far out, where formulas overflow, and at zero. No slope to speak of. */
function extremes(f: Unary, values: readonly number[]): OperationCase {
  const x = floats([values.length], values);
  return testCase("far out and at zero", { x }, ({ x }) => f(x), { wrt: [] });
}

export const operations: Readonly<Record<g.OpName, readonly OperationCase[]>> = {
  input: [
    testCase("an input as it is", { x: signed(2, 3) }, ({ x }) => x),
    testCase("int32", { x: ints([3], [4, -5, 6]) }, ({ x }) => x),
    testCase("uint8", { x: bytes([3], [0, 1, 255]) }, ({ x }) => x),
  ],
  constant: [
    testCase("alone", {}, () => g.constant(floats([2, 2], [1, 2, 3, 4]))),
    testCase("int32", {}, () => g.constant(ints([2], [7, -7]))),
    testCase("uint8", {}, () => g.constant(bytes([2], [0, 200]))),
    testCase("in a sum", { x: signed(2, 2) }, ({ x }) => g.add(x, g.constant(floats([2], [5, 6])))),
  ],

  add: binaryCases(g.add),
  sub: binaryCases(g.sub),
  mul: [
    ...binaryCases(g.mul),
    testCase("a square", { x: signed(2, 3) }, ({ x }) => g.mul(x, x)),
  ],
  div: binaryCases(g.div),
  greater: [
    testCase("some", { a: signed(4, 3), b: signed(4, 3) }, ({ a, b }) => g.greater(a, b), {
      detached: ["a", "b"],
    }),
    testCase("broadcast", { a: signed(4, 1), b: signed(3) }, ({ a, b }) => g.greater(a, b), {
      detached: ["a", "b"],
    }),
    testCase("equal is not greater", { x: floats([3], [-1, 0, 2]) }, ({ x }) => g.greater(x, x), {
      detached: ["x"],
    }),
    testCase("against zero", { x: floats([3], [-1, 0, 2]) }, ({ x }) => g.greater(x, g.scalar(0)), {
      detached: ["x"],
    }),
  ],

  neg: unaryCases(g.neg),
  exp: [...unaryCases(g.exp), extremes(g.exp, [-100, 0, 20])],
  log: unaryCases(g.log, positive),
  sqrt: unaryCases(g.sqrt, positive),
  erf: [...unaryCases(g.erf), extremes(g.erf, [-9, -3.5, -2.5, 0, 1e-3, 2.5, 6.5])],
  sigmoid: [...unaryCases(g.sigmoid), extremes(g.sigmoid, [-90, -20, 0, 20, 90])],
  tanh: [...unaryCases(g.tanh), extremes(g.tanh, [-90, -3, 0, 3, 90])],
  silu: [...unaryCases(g.silu), extremes(g.silu, [-80, -20, 0, 20, 90])],

  reduceSum: [
    testCase("all axes", { x: signed(2, 3) }, ({ x }) => g.reduceSum(x)),
    testCase("the first axis", { x: signed(2, 3) }, ({ x }) => g.reduceSum(x, [0])),
    testCase("the last axis", { x: signed(2, 3, 4) }, ({ x }) => g.reduceSum(x, [-1])),
    testCase("a middle axis, kept", { x: signed(2, 3, 4) }, ({ x }) => g.reduceSum(x, [1], true)),
    testCase("outer and inner", { x: signed(2, 3, 4) }, ({ x }) => g.reduceSum(x, [2, 0])),
    testCase("all, kept", { x: signed(2, 3) }, ({ x }) => g.reduceSum(x, [0, 1], true)),
    testCase("an axis of size 1", { x: signed(2, 1, 3) }, ({ x }) => g.reduceSum(x, [1])),
    testCase("no axes: nothing is summed", { x: signed(2, 3) }, ({ x }) => g.reduceSum(x, [])),
    testCase("a scalar", { x: signed() }, ({ x }) => g.reduceSum(x)),
    testCase("no rows sum to 0", { x: floats([0, 3]) }, ({ x }) => g.reduceSum(x, [0]), {
      wrt: [],
    }),
  ],

  matmul: [
    testCase("a plain product", { a: signed(2, 3), b: signed(3, 4) }, ({ a, b }) => g.matmul(a, b)),
    testCase(
      "the left transposed",
      { a: signed(3, 2), b: signed(3, 4) },
      ({ a, b }) => g.matmul(a, b, { transA: true }),
    ),
    testCase(
      "the right transposed",
      { a: signed(2, 3), b: signed(4, 3) },
      ({ a, b }) => g.matmul(a, b, { transB: true }),
    ),
    testCase(
      "both transposed",
      { a: signed(3, 2), b: signed(4, 3) },
      ({ a, b }) => g.matmul(a, b, { transA: true, transB: true }),
    ),
    testCase(
      "a factor",
      { a: signed(2, 3), b: signed(3, 4) },
      ({ a, b }) => g.matmul(a, b, { alpha: 0.25 }),
    ),
    testCase(
      "a factor, both transposed",
      { a: signed(3, 2), b: signed(4, 3) },
      ({ a, b }) => g.matmul(a, b, { transA: true, transB: true, alpha: -1.5 }),
    ),
    testCase("a batch", { a: signed(3, 2, 5), b: signed(3, 5, 4) }, ({ a, b }) => g.matmul(a, b)),
    testCase(
      "a batch, right transposed",
      { a: signed(3, 2, 5), b: signed(3, 4, 5) },
      ({ a, b }) => g.matmul(a, b, { transB: true, alpha: 0.5 }),
    ),
    testCase(
      "a batch, left transposed",
      { a: signed(3, 5, 2), b: signed(3, 5, 4) },
      ({ a, b }) => g.matmul(a, b, { transA: true }),
    ),
    testCase(
      "a batch, left transposed, more rows than columns",
      { a: signed(3, 5, 6), b: signed(3, 5, 4) },
      ({ a, b }) => g.matmul(a, b, { transA: true, alpha: 0.5 }),
    ),
    testCase(
      "two batch axes, both transposed, more rows than columns",
      { a: signed(2, 3, 5, 6), b: signed(2, 3, 4, 5) },
      ({ a, b }) => g.matmul(a, b, { transA: true, transB: true }),
    ),
    testCase(
      "two batch axes",
      { a: signed(2, 3, 2, 5), b: signed(2, 3, 4, 5) },
      ({ a, b }) => g.matmul(a, b, { transB: true, alpha: 0.5 }),
    ),
    testCase(
      "a batch of 1",
      { a: signed(1, 2, 3), b: signed(1, 3, 4) },
      ({ a, b }) => g.matmul(a, b),
    ),
    testCase("row by column", { a: signed(1, 7), b: signed(7, 1) }, ({ a, b }) => g.matmul(a, b)),
    testCase(
      "an outer product",
      { a: signed(3, 1), b: signed(1, 4) },
      ({ a, b }) => g.matmul(a, b),
    ),
    testCase(
      "a matrix by itself",
      { x: signed(3, 4) },
      ({ x }) => g.matmul(x, x, { transB: true }),
    ),
    testCase(
      "one matrix for all of a batch",
      { a: signed(2, 3, 2, 5), b: signed(5, 4) },
      ({ a, b }) => g.matmul(a, b, { alpha: 0.5 }),
    ),
    testCase(
      "one matrix for all of a batch, transposed",
      { a: signed(3, 2, 5), b: signed(4, 5) },
      ({ a, b }) => g.matmul(a, b, { transB: true }),
    ),
    testCase(
      "rows of three axes",
      { x: signed(2, 3, 4), w: signed(5, 4) },
      ({ x, w }) => g.matmulRows(x, w, 2),
    ),
    testCase("no rows", { a: floats([0, 3]), b: signed(3, 4) }, ({ a, b }) => g.matmul(a, b), {
      wrt: [],
    }),
  ],

  ...movementCases,
  ...indexCases,
  ...rowCases,
  ...memoryCases,
  ...selectionCases,

  stopGradient: [
    testCase("a matrix", { x: signed(2, 3) }, ({ x }) => g.stopGradient(x), { detached: ["x"] }),
    testCase(
      "in a product",
      { x: signed(2, 3), y: signed(2, 3) },
      ({ x, y }) => g.mul(g.stopGradient(x), y),
      { detached: ["x"] },
    ),
  ],
  // Finite differences of the value say nothing about `soft`, whose gradient is declared; a test
  // of its own compares it with that of `soft` alone.
  straightThrough: [
    testCase(
      "a threshold",
      { hard: signed(2, 3), soft: signed(2, 3) },
      ({ hard, soft }) => g.straightThrough(hard, soft),
      { wrt: [], detached: ["hard"] },
    ),
  ],
  cast: [
    testCase(
      "float32 to int32 cuts fractions",
      { x: floats([4], [1.7, -1.7, 0.2, -0.2]) },
      ({ x }) => g.cast(x, "int32"),
    ),
    testCase("float32 to uint8", { x: floats([3], [0, 1.7, 200]) }, ({ x }) => g.cast(x, "uint8")),
    testCase(
      "int32 to float32",
      { x: ints([3], [-3, 0, 70_000]) },
      ({ x }) => g.cast(x, "float32"),
    ),
    testCase("uint8 to float32", { x: bytes([3], [0, 1, 255]) }, ({ x }) => g.cast(x, "float32")),
    testCase("uint8 to int32", { x: bytes([2, 1], [0, 255]) }, ({ x }) => g.cast(x, "int32")),
    testCase(
      "there and back",
      { x: floats([3], [-2.5, 0.9, 4.2]) },
      ({ x }) => g.cast(g.cast(x, "int32"), "float32"),
      { detached: ["x"] },
    ),
  ],
};
