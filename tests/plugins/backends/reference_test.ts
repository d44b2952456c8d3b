/**
 * The reference backend. The suite holds it against itself, which checks the contract; the numbers
 * are held against closed forms and values worked out by hand, since everything else trusts them.
 */

import assert from "node:assert/strict";
import * as g from "../../../core/graph/mod.ts";
import { bytes, floats, type HostTensor, ints } from "../../../core/tensor/mod.ts";
import { evaluate, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { plan } from "../../../plugins/backends/reference/interpreter.ts";
import { testBackend } from "../../conformance/backend.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";

testBackend("reference", () => referenceBackend(), CLOSE.float64);

/** Fails unless the graph that `build` makes of constants has these numbers, to float64's digits. */
function assertValue(node: g.Node, expected: readonly number[]): void {
  const [value] = evaluate([node], {}) as [HostTensor];
  const wanted = { ...value, data: Float64Array.from(expected) };
  assertClose(value, wanted, CLOSE.float64, node.op.name);
}

const vector = (...values: number[]) => g.constant(floats([values.length], values));
const matrix = (rows: number[][]) =>
  g.constant(floats([rows.length, rows[0]!.length], rows.flat()));
const wholes = (...values: number[]) => g.constant(ints([values.length], values));

Deno.test("arithmetic broadcasts rows and columns against each other", () => {
  const column = matrix([[1], [2], [4]]);
  const row = vector(8, 16);
  assertValue(g.add(column, row), [9, 17, 10, 18, 12, 20]);
  assertValue(g.sub(column, row), [-7, -15, -6, -14, -4, -12]);
  assertValue(g.mul(column, row), [8, 16, 16, 32, 32, 64]);
  assertValue(g.div(column, row), [1 / 8, 1 / 16, 2 / 8, 2 / 16, 4 / 8, 4 / 16]);
  assertValue(g.greater(vector(1, 2, 3), g.scalar(2)), [0, 0, 1]);
});

Deno.test("functions of one number have their known values", () => {
  assertValue(g.neg(vector(2, -3, 0)), [-2, 3, -0]);
  assertValue(g.exp(vector(0, 1, -1)), [1, Math.E, 1 / Math.E]);
  assertValue(g.log(vector(1, 2, 10)), [0, Math.LN2, Math.LN10]);
  assertValue(g.sqrt(vector(0, 2, 9)), [0, Math.SQRT2, 3]);
  assertValue(g.sigmoid(vector(0, 1, -800)), [0.5, Math.E / (1 + Math.E), 0]);
  const e2 = Math.exp(2);
  assertValue(g.tanh(vector(0, 1, -1)), [0, (e2 - 1) / (e2 + 1), (1 - e2) / (e2 + 1)]);
  assertValue(g.silu(vector(0, 2, -800)), [0, 2 * e2 / (1 + e2), 0]);
});

Deno.test("erf agrees with the table of Abramowitz and Stegun, and with its own derivative", () => {
  // Handbook of Mathematical Functions, table 7.1 (ten places).
  const table = [[0, 0], [0.5, 0.5204998778], [1, 0.8427007929], [1.5, 0.9661051465], [
    2,
    0.9953222650,
  ]];
  for (const [x, y] of table as [number, number][]) {
    const [value] = evaluate([g.erf(vector(x, -x))], {}) as [HostTensor];
    assert.ok(Math.abs(value.data[0]! - y) < 6e-11, `erf(${x}) = ${value.data[0]}`);
    assert.equal(value.data[1]!, -value.data[0]!);
  }
  // On both sides of the place where the formula changes, against Simpson's rule on 2/sqrt(pi) e^-t^2.
  for (const end of [2.4, 2.5, 2.6, 4]) {
    const upTo = Math.fround(end);
    const steps = 4000;
    const h = upTo / steps;
    let sum = 1 + Math.exp(-upTo * upTo);
    for (let i = 1; i < steps; i++) sum += (i % 2 === 0 ? 2 : 4) * Math.exp(-((i * h) ** 2));
    assertValue(g.erf(vector(upTo)), [2 / Math.sqrt(Math.PI) * sum * h / 3]);
  }
});

Deno.test("a float32 node keeps float64's digits, and loses them when asked to", async () => {
  const x = g.input("x", [1]);
  const third = g.div(x, g.scalar(3));
  const [value] = evaluate([third], { x: floats([1], [1]) });
  assert.deepEqual(value!.data, Float64Array.of(1 / 3));
  await using backend = referenceBackend({ round: true });
  await using program = await backend.compile({ third, whole: g.cast(x, "int32") });
  const rounded = await program.run({ x: floats([1], [1]) });
  assert.deepEqual(rounded.third.data, Float32Array.of(1 / 3));
  assert.deepEqual(rounded.whole.data, Int32Array.of(1));
});

Deno.test("sums run over the axes asked for", () => {
  const x = g.constant(floats([2, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128]));
  assertValue(g.reduceSum(x), [255]);
  assertValue(g.reduceSum(x, [0]), [17, 34, 68, 136]);
  assertValue(g.reduceSum(x, [1]), [5, 10, 80, 160]);
  assertValue(g.reduceSum(x, [2]), [3, 12, 48, 192]);
  assertValue(g.reduceSum(x, [0, 2]), [51, 204]);
  assertValue(g.mean(x, [1, 2]), [15 / 4, 240 / 4]);
});

Deno.test("matrix products have the numbers worked out by hand, however they are stored", () => {
  const left = [[1, 2, 3], [4, 5, 6]];
  const right = [[7, 8], [9, 10], [11, 12]];
  const flip = (m: number[][]) => m[0]!.map((_, i) => m.map((row) => row[i]!));
  const product = [58, 64, 139, 154];
  assertValue(g.matmul(matrix(left), matrix(right)), product);
  assertValue(g.matmul(matrix(flip(left)), matrix(right), { transA: true }), product);
  assertValue(g.matmul(matrix(left), matrix(flip(right)), { transB: true }), product);
  assertValue(
    g.matmul(matrix(flip(left)), matrix(flip(right)), { transA: true, transB: true, alpha: 0.5 }),
    product.map((x) => x / 2),
  );
  const batch = g.matmul(
    g.constant(floats([2, 1, 2], [1, 2, 3, 4])),
    g.constant(floats([2, 2, 1], [5, 6, 7, 8])),
  );
  assertValue(batch, [17, 53]);
});

Deno.test("large products agree with sums taken one element at a time", () => {
  const [rows, inner, columns] = [9, 13, 11] as const;
  const a = floats([2, rows, inner], Array.from({ length: 2 * 9 * 13 }, (_, i) => i % 7 - 3));
  const b = floats([2, columns, inner], Array.from({ length: 2 * 11 * 13 }, (_, i) => i % 5 - 2));
  const expected = Array.from({ length: 2 * rows * columns }, (_, i) => {
    const matrix = Math.floor(i / (rows * columns));
    const row = Math.floor(i / columns) % rows;
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += a.data[(matrix * rows + row) * inner + k]! *
        b.data[(matrix * columns + i % columns) * inner + k]!;
    }
    return 3 * sum;
  });
  const whole = g.matmul(g.constant(a), g.constant(b), { transB: true, alpha: 3 });
  assertValue(whole, expected);
  // So few rows take another path through the kernel.
  const few = g.matmul(g.slice(g.constant(a), 1, 0, 2), g.constant(b), { transB: true, alpha: 3 });
  const firstRows = (start: number) => expected.slice(start, start + 2 * columns);
  assertValue(few, [...firstRows(0), ...firstRows(rows * columns)]);
});

Deno.test("movement puts each element where it belongs", () => {
  const x = matrix([[1, 2, 3], [4, 5, 6]]);
  assertValue(g.transpose(x, [1, 0]), [1, 4, 2, 5, 3, 6]);
  const cube = g.constant(floats([2, 1, 3], [1, 2, 3, 4, 5, 6]));
  assertValue(g.transpose(cube, [2, 0, 1]), [1, 4, 2, 5, 3, 6]);
  assertValue(g.reshape(x, [3, 2]), [1, 2, 3, 4, 5, 6]);
  assertValue(g.broadcastTo(matrix([[1], [2]]), [2, 2, 2]), [1, 1, 2, 2, 1, 1, 2, 2]);
  assertValue(g.slice(x, 1, 1, 3), [2, 3, 5, 6]);
  assertValue(g.pad(x, 1, 1, 0), [0, 1, 2, 3, 0, 4, 5, 6]);
  assertValue(g.pad(x, 0, 0, 1), [1, 2, 3, 4, 5, 6, 0, 0, 0]);
  assertValue(g.concat([x, matrix([[7], [8]])], 1), [1, 2, 3, 7, 4, 5, 6, 8]);
});

Deno.test("indices pick and place rows, and repeated ones add up", () => {
  const table = matrix([[1, 2], [3, 4], [5, 6]]);
  assertValue(g.gatherRows(table, wholes(2, 0, 2)), [5, 6, 1, 2, 5, 6]);
  assertValue(g.scatterRows(table, wholes(3, 0, 3), 4), [3, 4, 0, 0, 0, 0, 6, 8]);
  assertValue(g.takeLast(table, wholes(1, 0, 1)), [2, 3, 6]);
  assertValue(g.addAtLast(table, wholes(1, 0, 1), vector(10, 20, 30)), [1, 12, 23, 4, 5, 36]);
});

Deno.test("indices outside the table are refused", () => {
  const table = matrix([[1, 2], [3, 4]]);
  const refused = [
    g.gatherRows(table, wholes(2)),
    g.gatherRows(table, wholes(-1)),
    g.scatterRows(table, wholes(0, 3), 3),
    g.takeLast(table, wholes(0, 2)),
    g.addAtLast(table, wholes(0, -1), vector(1, 1)),
    g.crossEntropy(table, wholes(0, 2)),
  ];
  for (const node of refused) {
    assert.throws(() => evaluate([node], {}), {
      name: "RangeError",
      message: /index -?\d is not in/,
    });
  }
});

Deno.test("softmax and the losses have their closed forms", () => {
  // Logits that are logarithms: probabilities 1/6, 2/6, 3/6. The logs are rounded to float32.
  const logits = Float32Array.of(0, Math.LN2, Math.log(3));
  const weights = Array.from(logits, Math.exp);
  const total = weights[0]! + weights[1]! + weights[2]!;
  const p = weights.map((w) => w / total);
  const x = g.constant(floats([1, 3], logits));
  assertValue(g.softmax(x), p);
  assertValue(g.logSoftmax(x), p.map(Math.log));
  assertValue(g.crossEntropy(x, wholes(2)), [-Math.log(p[2]!)]);
  const uniform = matrix([[5, 5, 5]]);
  const entropy = -p.reduce((sum, q) => sum + q * Math.log(q), 0);
  assertValue(g.klDivergence(uniform, x), [Math.log(3) - entropy]);
  assertValue(g.klDivergence(x, x), [0]);
  assertValue(g.softmax(matrix([[-1e9, 3, 3]])), [0, 0.5, 0.5]);
  assertValue(g.crossEntropy(matrix([[1000, 0]]), wholes(1)), [1000]);
  assertValue(g.klDivergence(matrix([[0, 0]]), matrix([[2000, 0]])), [Math.LN2]);
});

Deno.test("normalisation divides by the root mean square", () => {
  const x = matrix([[3, 4], [0, 2]]);
  const r = [1 / Math.sqrt(12.5 + 0.5), 1 / Math.sqrt(2 + 0.5)] as const;
  assertValue(g.inverseRms(x, 0.5), [...r]);
  assertValue(g.rmsNorm(x, vector(1, -2), 0.5), [3 * r[0], -8 * r[0], 0, -4 * r[1]]);
});

Deno.test("rope turns each pair of each head by its position's angle", () => {
  // A quarter turn at position 1 and a half turn at position 2, exact in the table.
  const cos = matrix([[1], [0], [-1]]);
  const sin = matrix([[0], [1], [0]]);
  const x = g.constant(floats([1, 3, 4], [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]));
  const positions = g.constant(ints([1, 3], [0, 1, 2]));
  assertValue(g.rope(x, positions, cos, sin, 2), [
    ...[1, 2, 3, 4],
    ...[-2, 1, -4, 3],
    ...[-1, -2, -3, -4],
  ]);
  // One head of two pairs: (1, 3) and (2, 4) are the pairs, as in Llama's half-split form.
  const tables = [matrix([[0, 1], [0, 1], [0, 1]]), matrix([[1, 0], [1, 0], [1, 0]])] as const;
  const turned = g.rope(g.slice(x, 1, 0, 1), g.slice(positions, 1, 0, 1), ...tables, 1);
  assertValue(turned, [-3, 2, 1, 4]);
});

Deno.test("conversions cut fractions and keep wholes", () => {
  const cut = g.cast(vector(1.9, -1.9), "int32");
  assert.deepEqual(evaluate([cut], {})[0]!.data, Int32Array.of(1, -1));
  assertValue(g.cast(g.constant(bytes([2], [0, 255])), "float32"), [0, 255]);
});

Deno.test("a deep graph needs no deep stack", () => {
  let node = g.input("x", [2]);
  for (let depth = 0; depth < 20_001; depth++) node = g.neg(node);
  const [value] = evaluate([node], { x: floats([2], [2, -3]) });
  assert.deepEqual([...value!.data], [-2, 3]);
});

Deno.test("uses are counted, of an output once more: when none is left a value is let go", () => {
  const x = g.input("x", [2]);
  const kept = g.neg(x);
  const used = g.exp(kept);
  const last = g.mul(used, x);
  const { uses } = plan([kept, last]);
  assert.deepEqual(
    [x, kept, used, last].map((node) => uses.get(node)),
    [2, 2, 1, 1],
  );
});

Deno.test("what is not chosen is not computed, and what is used by both is once", () => {
  const x = g.input("x", [2]);
  const wrong = g.gatherRows(x, g.input("place", [2], "int32"));
  const shared = g.exp(x);
  const choice = g.choose(g.input("which", []), g.add(shared, wrong), g.add(shared, x));
  const feeds = { x: floats([2], [0, 0]), place: ints([2], [5, 5]) };
  const [value] = evaluate([g.add(choice, shared)], { ...feeds, which: floats([], [0]) });
  assert.deepEqual([...value!.data], [2, 2]);
  assert.throws(() => evaluate([choice], { ...feeds, which: floats([], [1]) }), /index 5/);
});
