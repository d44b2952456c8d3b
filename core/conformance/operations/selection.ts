/** Cases of the operations on selections of rows, and of choices. */

import * as g from "../../graph/mod.ts";
import { floats, ints, runtimeSize } from "../../tensor/mod.ts";
import { type OperationCase, signed, testCase } from "./cases.ts";

const found = runtimeSize("found");
const counted = runtimeSize("counted");
const mask = floats([5], [0, 1, 0, -2, 1]);
const nothing = floats([4]);
const [yes, no] = [floats([], [1]), floats([], [0])];

/** Twice the selected rows of `x`, the others as they are. */
function doubled(x: g.Node, mask: g.Node): g.Node {
  const rows = g.nonZero(mask, found);
  return g.putRows(x, rows, g.scale(g.gatherRows(x, rows), 2));
}

export const selectionCases = {
  nonZero: [
    testCase("some", { mask }, ({ mask }) => g.nonZero(mask, found), { wrt: [] }),
    testCase("none", { mask: nothing }, ({ mask }) => g.nonZero(mask, found), { wrt: [] }),
    testCase("all", { mask: signed(3) }, ({ mask }) => g.nonZero(mask, found), { wrt: [] }),
  ],
  countUp: [
    testCase(
      "to the largest",
      { limits: floats([3], [2, 5, 0]) },
      ({ limits }) => g.countUp(limits, counted),
      { wrt: [] },
    ),
    testCase("to zero", { limits: nothing }, ({ limits }) => g.countUp(limits, counted), {
      wrt: [],
    }),
    testCase(
      "as sizes of what follows",
      { limits: floats([1], [3]) },
      ({ limits }) => {
        const row = g.cast(g.countUp(limits, counted), "float32");
        const four = g.constant(floats([1, 4], [1, 2, 3, 4]));
        const product = g.matmul(g.reshape(row, [counted, 1]), four);
        const table = g.reshape(product, [2 * counted, 2]);
        return g.reshape(g.reduceSum(table, [0]), [1, 2]);
      },
      { wrt: [] },
    ),
  ],
  putRows: [
    testCase(
      "given rows",
      { x: signed(5, 3), ids: ints([2], [4, 1]), values: signed(2, 3) },
      ({ x, ids, values }) => g.putRows(x, ids, values),
    ),
    testCase(
      "rows of two axes",
      { x: signed(3, 2, 2), ids: ints([1], [0]), values: signed(1, 2, 2) },
      ({ x, ids, values }) => g.putRows(x, ids, values),
    ),
    testCase(
      "no rows",
      { x: signed(3, 2), ids: ints([0]), values: floats([0, 2]) },
      ({ x, ids, values }) => g.putRows(x, ids, values),
      { wrt: ["x"] },
    ),
    testCase("rows that are found", { x: signed(5, 2), mask }, ({ x, mask }) => doubled(x, mask), {
      wrt: [],
    }),
    testCase(
      "none are found",
      { x: signed(4, 2), mask: nothing },
      ({ x, mask }) => doubled(x, mask),
      { wrt: [] },
    ),
  ],
  cumulativeSum: [
    testCase("a list", { x: signed(5) }, ({ x }) => g.cumulativeSum(x, 0)),
    testCase("rows", { x: signed(2, 3) }, ({ x }) => g.cumulativeSum(x, -1)),
    testCase("a middle axis", { x: signed(2, 3, 2) }, ({ x }) => g.cumulativeSum(x, 1)),
    testCase("one element", { x: signed(1) }, ({ x }) => g.cumulativeSum(x, 0)),
  ],
  choose: [
    testCase(
      "the first",
      { yes, a: signed(2, 3), b: signed(2, 3) },
      (x) => g.choose(x.yes, x.a, g.exp(x.b)),
      { detached: ["yes", "b"] },
    ),
    testCase(
      "the second",
      { no, a: signed(2, 3), b: signed(2, 3) },
      (x) => g.choose(x.no, x.a, g.exp(x.b)),
      { detached: ["no", "a"] },
    ),
    testCase(
      "integers",
      { yes, a: ints([2], [1, 2]), b: ints([2], [3, 4]) },
      (x) => g.choose(x.yes, x.a, x.b),
      { wrt: [] },
    ),
    testCase("a choice in a choice", { no, yes, a: signed(2), b: signed(2) }, (x) => {
      const shared = g.mul(x.a, x.b);
      const inner = g.choose(x.yes, g.add(shared, x.b), g.exp(shared));
      return g.add(g.choose(x.no, x.a, g.mul(inner, shared)), shared);
    }, { detached: ["no", "yes"] }),
    testCase("a value that both use", { yes, a: signed(2, 2) }, (x) => {
      const both = g.exp(x.a);
      return g.choose(x.yes, g.neg(both), g.mul(both, both));
    }, { detached: ["yes"] }),
    // Nothing is found: what the choice leaves out could not be computed.
    testCase(
      "what cannot be computed is left out",
      { mask: nothing, x: signed(4, 2) },
      ({ mask, x }) => g.choose(g.reduceSum(mask), doubled(x, mask), g.neg(x)),
      { wrt: ["x"] },
    ),
  ],
} satisfies Partial<Record<g.OpName, readonly OperationCase[]>>;
