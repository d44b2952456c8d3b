/** Rows of arrays and of graphs: the same ones. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { dequantize, input, takeRows } from "../../../core/graph/mod.ts";
import {
  BLOCK_SIZE,
  bytes,
  floats,
  pickRows,
  type RowRange,
  rowsIn,
} from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";

Deno.test("rows are taken group by group", () => {
  // Two heads, each of a query, two keys and a value.
  const interleaved = Int32Array.from([10, 21, 22, 30, 11, 23, 24, 31]);
  const of = (
    start: number,
    end: number,
  ) => [...pickRows(interleaved, 8, { groups: 2, start, end })];
  assert.deepEqual(of(0, 1), [10, 11]);
  assert.deepEqual(of(1, 3), [21, 22, 23, 24]);
  assert.deepEqual(of(3, 4), [30, 31]);
  const pairs = pickRows(interleaved, 4, { groups: 1, start: 1, end: 3 });
  assert.deepEqual([...pairs], [22, 30, 11, 23]);
});

const ranges = fc.record({
  groups: fc.integer({ min: 1, max: 4 }),
  inGroup: fc.integer({ min: 1, max: 6 }),
  first: fc.nat(5),
  last: fc.nat(5),
}).map(({ groups, inGroup, first, last }) => {
  const [start, end] = [first % inGroup, last % inGroup].toSorted() as [number, number];
  return { rows: groups * inGroup, range: { groups, start, end: end + 1 } };
});

Deno.test("a graph takes the rows of a matrix that are taken of its array", () => {
  fc.assert(fc.property(ranges, ({ rows, range }) => {
    const matrix = floats([rows, 3], Array.from({ length: 3 * rows }, (_, i) => i));
    const { taken } = evaluate({ taken: takeRows(input("x", [rows, 3]), range) }, { x: matrix });
    assert.deepEqual(taken.shape, [rowsIn(range), 3]);
    assert.deepEqual([...taken.data], [...pickRows(matrix.data, rows, range)]);
  }));
});

Deno.test("of a matrix in blocks only those of the wanted rows are made, where they are whole", () => {
  const [rows, columns] = [8, BLOCK_SIZE / 2];
  const feeds = {
    codes: bytes([rows * columns / 2], Array.from({ length: rows * columns / 2 }, (_, i) => 7 * i)),
    scales: floats([rows / 2], [1, -2, 0.5, 3]),
  };
  const whole = dequantize(
    input("codes", [rows * columns / 2], "uint8"),
    input("scales", [rows / 2]),
    [rows, columns],
    "nf4",
  );
  const values = evaluate({ whole }, feeds).whole.data as Float64Array<ArrayBuffer>;
  const opOf = (range: RowRange) => {
    const part = takeRows(whole, range);
    const { made } = evaluate({ made: part }, feeds);
    assert.deepEqual([...made.data], [...pickRows(values, rows, range)]);
    return part.op.name;
  };
  assert.equal(opOf({ groups: 2, start: 0, end: 2 }), "dequantize");
  assert.equal(opOf({ groups: 1, start: 2, end: 6 }), "dequantize");
  assert.equal(opOf({ groups: 2, start: 1, end: 3 }), "reshape");
  assert.equal(takeRows(whole, { groups: 4, start: 0, end: 2 }), whole);
});
