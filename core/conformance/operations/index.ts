/** Cases of the operations that read and write by index. */

import * as g from "../../graph/mod.ts";
import { ints } from "../../tensor/mod.ts";
import { type OperationCase, signed, testCase } from "./cases.ts";

const ids2x3 = ints([2, 3], [0, 4, 2, 2, 1, 4]);
const ids3 = ints([3], [3, 0, 3]);
const one = ints([], [2]);
const none = ints([0]);

export const indexCases = {
  gatherRows: [
    testCase(
      "a batch of tokens",
      { table: signed(5, 2), ids: ids2x3 },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "a list",
      { table: signed(4, 3), ids: ids3 },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "one row",
      { table: signed(4, 3), ids: one },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "single numbers",
      { table: signed(4), ids: ids3 },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "rows of two axes",
      { table: signed(4, 2, 3), ids: ids3 },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "int32",
      { table: ints([4, 1], [9, 8, 7, 6]), ids: ids3 },
      ({ table, ids }) => g.gatherRows(table, ids),
    ),
    testCase(
      "no rows",
      { table: signed(4, 3), ids: none },
      ({ table, ids }) => g.gatherRows(table, ids),
      { wrt: [] },
    ),
  ],
  scatterRows: [
    testCase(
      "repeated rows add up",
      { values: signed(3, 2), ids: ids3 },
      ({ values, ids }) => g.scatterRows(values, ids, 5),
    ),
    testCase(
      "a batch",
      { values: signed(2, 3, 2), ids: ids2x3 },
      ({ values, ids }) => g.scatterRows(values, ids, 5),
    ),
    testCase(
      "single numbers",
      { values: signed(3), ids: ids3 },
      ({ values, ids }) => g.scatterRows(values, ids, 4),
    ),
    testCase(
      "one row",
      { values: signed(2), ids: one },
      ({ values, ids }) => g.scatterRows(values, ids, 3),
    ),
    testCase(
      "into one row",
      { values: signed(2, 3), ids: ints([2]) },
      ({ values, ids }) => g.scatterRows(values, ids, 1),
    ),
  ],
  takeLast: [
    testCase(
      "one a token",
      { x: signed(2, 3, 5), ids: ids2x3 },
      ({ x, ids }) => g.takeLast(x, ids),
    ),
    testCase("one a row", { x: signed(3, 4), ids: ids3 }, ({ x, ids }) => g.takeLast(x, ids)),
    testCase("of a vector", { x: signed(4), ids: one }, ({ x, ids }) => g.takeLast(x, ids)),
    testCase(
      "of rows of one",
      { x: signed(2, 1), ids: ints([2]) },
      ({ x, ids }) => g.takeLast(x, ids),
    ),
  ],
  addAtLast: [
    testCase("one a token", {
      x: signed(2, 3, 5),
      ids: ids2x3,
      values: signed(2, 3),
    }, ({ x, ids, values }) => g.addAtLast(x, ids, values)),
    testCase("one a row", {
      x: signed(3, 4),
      ids: ids3,
      values: signed(3),
    }, ({ x, ids, values }) => g.addAtLast(x, ids, values)),
    testCase("to a vector", {
      x: signed(4),
      ids: one,
      values: signed(),
    }, ({ x, ids, values }) => g.addAtLast(x, ids, values)),
  ],
} satisfies Partial<Record<g.OpName, readonly OperationCase[]>>;
