/** Cases of the operations that rearrange elements. */

import * as g from "../../graph/mod.ts";
import { bytes, floats, ints } from "../../tensor/mod.ts";
import { type OperationCase, signed, testCase } from "./cases.ts";

const wholes = ints([2, 3], [1, 2, 3, 4, 5, 6]);
const mask = bytes([2, 3], [1, 0, 1, 0, 0, 1]);

export const movementCases = {
  reshape: [
    testCase("axes merge", { x: signed(2, 3, 4) }, ({ x }) => g.reshape(x, [6, 4])),
    testCase("an axis splits", { x: signed(2, 6) }, ({ x }) => g.reshape(x, [2, 3, 2])),
    testCase("to a scalar", { x: signed(1, 1) }, ({ x }) => g.reshape(x, [])),
    testCase("from a scalar", { x: signed() }, ({ x }) => g.reshape(x, [1, 1, 1])),
    testCase("int32", { x: wholes }, ({ x }) => g.reshape(x, [6])),
    testCase("no rows", { x: floats([0, 4]) }, ({ x }) => g.reshape(x, [0, 2, 2]), { wrt: [] }),
  ],
  transpose: [
    testCase("a matrix", { x: signed(2, 3) }, ({ x }) => g.transpose(x, [1, 0])),
    testCase(
      "heads before tokens",
      { x: signed(2, 3, 2, 4) },
      ({ x }) => g.transpose(x, [0, 2, 1, 3]),
    ),
    testCase(
      "a cycle, unlike its inverse",
      { x: signed(2, 3, 4) },
      ({ x }) => g.transpose(x, [1, 2, 0]),
    ),
    testCase("an axis of size 1", { x: signed(3, 1) }, ({ x }) => g.transpose(x, [1, 0])),
    testCase("the same order", { x: signed(2, 3) }, ({ x }) => g.transpose(x, [0, 1])),
    testCase("int32", { x: wholes }, ({ x }) => g.transpose(x, [1, 0])),
  ],
  broadcastTo: [
    testCase("a scalar", { x: signed() }, ({ x }) => g.broadcastTo(x, [2, 3])),
    testCase("a leading axis", { x: signed(3) }, ({ x }) => g.broadcastTo(x, [2, 3])),
    testCase("an inner axis", { x: signed(2, 1, 3) }, ({ x }) => g.broadcastTo(x, [2, 4, 3])),
    testCase("a leading and the last", { x: signed(2, 1) }, ({ x }) => g.broadcastTo(x, [3, 2, 4])),
    testCase("to axes of size 1", { x: signed(3) }, ({ x }) => g.broadcastTo(x, [1, 1, 3])),
    testCase("int32", { x: ints([2, 1], [4, 5]) }, ({ x }) => g.broadcastTo(x, [2, 3])),
  ],
  slice: [
    testCase("the first axis", { x: signed(4, 3) }, ({ x }) => g.slice(x, 0, 1, 3)),
    testCase("the last axis", { x: signed(2, 5) }, ({ x }) => g.slice(x, -1, 2, 5)),
    testCase("a middle axis", { x: signed(2, 4, 3) }, ({ x }) => g.slice(x, 1, 0, 2)),
    testCase("one element", { x: signed(4) }, ({ x }) => g.slice(x, 0, 3, 4)),
    testCase("all of it", { x: signed(4, 2) }, ({ x }) => g.slice(x, 0, 0, 4)),
    testCase("int32", { x: wholes }, ({ x }) => g.slice(x, 1, 1, 3)),
    testCase("uint8", { x: mask }, ({ x }) => g.slice(x, 0, 1, 2)),
  ],
  pad: [
    testCase("after, on the first axis", { x: signed(2, 3) }, ({ x }) => g.pad(x, 0, 0, 2)),
    testCase("before, on the last axis", { x: signed(2, 3) }, ({ x }) => g.pad(x, -1, 1, 0)),
    testCase("both, on a middle axis", { x: signed(2, 2, 3) }, ({ x }) => g.pad(x, 1, 1, 2)),
    testCase("one axis", { x: signed(3) }, ({ x }) => g.pad(x, 0, 2, 1)),
    testCase("int32", { x: wholes }, ({ x }) => g.pad(x, 1, 1, 1)),
    testCase(
      "between transposes",
      { x: signed(2, 3, 2, 2) },
      ({ x }) => g.transpose(g.pad(g.transpose(x, [0, 2, 1, 3]), 2, 1, 2), [0, 2, 1, 3]),
    ),
  ],
  concat: [
    testCase("two", { a: signed(2, 3), b: signed(1, 3) }, ({ a, b }) => g.concat([a, b], 0)),
    testCase("three of different sizes", {
      a: signed(2, 1, 2),
      b: signed(2, 3, 2),
      c: signed(2, 2, 2),
    }, ({ a, b, c }) => g.concat([a, b, c], 1)),
    testCase(
      "the last axis",
      { a: signed(2, 3), b: signed(2, 2) },
      ({ a, b }) => g.concat([a, b], -1),
    ),
    testCase("the same twice", { x: signed(2, 3) }, ({ x }) => g.concat([x, x], -1)),
    testCase("vectors", { a: signed(1), b: signed(3) }, ({ a, b }) => g.concat([a, b], 0)),
    testCase("int32", { x: wholes }, ({ x }) => g.concat([x, x], 0)),
  ],
} satisfies Partial<Record<g.OpName, readonly OperationCase[]>>;
