/** Cases of the operations that change when things are in memory, and in what form. */

import * as g from "../../graph/mod.ts";
import { type BlockFormat, bytes, floats, ints, RandomStream } from "../../tensor/mod.ts";
import { type FeedSource, type OperationCase, signed, testCase } from "./cases.ts";

/** Any codes will do: every byte is two of them. */
function codes(weights: number): FeedSource {
  return (owner) => {
    const random = new RandomStream(7, owner);
    return bytes([weights / 2], Array.from({ length: weights / 2 }, () => random.below(256)));
  };
}

/** Scales that make weights of order one. */
function factors(format: BlockFormat, blocks: number): FeedSource {
  const most = format === "int4" ? 8 : 1;
  return (owner) => floats([blocks], signed(blocks)(owner).data.map((value) => value / most));
}

function blockCases(format: BlockFormat): OperationCase[] {
  const feeds = (rows: number, columns: number) => ({
    codes: codes(rows * columns),
    scales: factors(format, rows * columns / 64),
  });
  const matrix = (
    { codes, scales }: Record<"codes" | "scales", g.Node>,
    rows: number,
    columns: number,
  ) => g.dequantize(codes, scales, [rows, columns], format);
  const options = { detached: ["scales"] as const };
  return [
    testCase(`${format}: a matrix`, feeds(6, 64), (x) => matrix(x, 6, 64), options),
    testCase(
      `${format}: rows that are no whole blocks`,
      feeds(4, 48),
      (x) => matrix(x, 4, 48),
      options,
    ),
    testCase(
      `${format}: rows by a stored matrix`,
      { x: signed(3, 64), ...feeds(5, 64) },
      ({ x, ...w }) => g.matmulRows(x, matrix(w, 5, 64)),
      options,
    ),
    testCase(
      `${format}: rows by a stored matrix, scaled`,
      { x: signed(3, 64), ...feeds(5, 64) },
      ({ x, ...w }) => g.matmulRows(x, matrix(w, 5, 64), 0.5),
      options,
    ),
    testCase(
      `${format}: rows by blocks across rows`,
      { x: signed(2, 3, 48), ...feeds(4, 48) },
      ({ x, ...w }) => g.matmulRows(x, matrix(w, 4, 48)),
      options,
    ),
    testCase(
      `${format}: a stored matrix used twice`,
      { x: signed(2, 64), ...feeds(64, 64) },
      ({ x, ...w }) =>
        g.matmulRows(g.tanh(g.matmulRows(x, matrix(w, 64, 64), 0.1)), matrix(w, 64, 64), 0.1),
      options,
    ),
    testCase(
      `${format}: not transposed`,
      { x: signed(3, 5), ...feeds(5, 64) },
      ({ x, ...w }) => g.matmul(x, matrix(w, 5, 64)),
      options,
    ),
    testCase(
      `${format}: to the left`,
      { x: signed(64, 3), ...feeds(5, 64) },
      ({ x, ...w }) => g.matmul(matrix(w, 5, 64), x),
      options,
    ),
    testCase(
      `${format}: rows of a stored table`,
      { ids: ints([2], [3, 0]), ...feeds(4, 64) },
      ({ ids, ...w }) => g.gatherRows(matrix(w, 4, 64), ids),
      options,
    ),
    testCase(
      `${format}: some rows by a stored matrix`,
      { x: signed(3, 64), ...feeds(12, 64) },
      ({ x, ...w }) =>
        g.matmulRows(x, g.takeRows(matrix(w, 12, 64), { groups: 2, start: 1, end: 3 })),
      options,
    ),
    testCase(
      `${format}: some rows, not transposed`,
      { x: signed(3, 8), ...feeds(12, 32) },
      ({ x, ...w }) => g.matmul(x, g.takeRows(matrix(w, 12, 32), { groups: 1, start: 4, end: 12 })),
      options,
    ),
    testCase(
      `${format}: rows that begin within a block`,
      { x: signed(3, 32), ...feeds(12, 32) },
      ({ x, ...w }) =>
        g.matmulRows(x, g.takeRows(matrix(w, 12, 32), { groups: 2, start: 1, end: 4 })),
      options,
    ),
    testCase(`${format}: constants`, { x: signed(3, 64) }, ({ x }) => {
      const bytesOf = bytes([64], Array.from({ length: 64 }, (_, i) => (37 * i) % 256));
      const weight = g.dequantize(
        g.constant(bytesOf),
        g.constant(floats([2], [0.5, -2])),
        [2, 64],
        format,
      );
      return g.matmulRows(x, weight);
    }),
  ];
}

export const memoryCases = {
  after: [
    testCase(
      "a matrix after a matrix",
      { x: signed(2, 3), y: signed(4, 2) },
      ({ x, y }) => g.after(x, y),
      { detached: ["y"] },
    ),
    testCase("a scalar after a scalar", { x: signed(), y: signed() }, ({ x, y }) => g.after(x, y), {
      detached: ["y"],
    }),
    testCase(
      "after what is not a number",
      {
        x: signed(3),
        y: floats([3], [NaN, Infinity, -Infinity]),
      },
      ({ x, y }) => g.after(x, y),
      { wrt: ["x"] },
    ),
    testCase(
      "after infinity",
      { x: signed(3), y: floats([1], [Infinity]) },
      ({ x, y }) => g.after(x, y),
      { wrt: ["x"] },
    ),
    testCase(
      "after several",
      { x: signed(2, 3), y: signed(4, 2), z: signed() },
      ({ x, y, z }) => g.after(x, y, z, g.exp(y)),
      { detached: ["y", "z"] },
    ),
    testCase("no rows", { x: floats([0, 3]), y: signed(2) }, ({ x, y }) => g.after(x, y), {
      wrt: [],
    }),
    testCase("int32", { x: ints([3], [4, -5, 6]), y: signed(2) }, ({ x, y }) => g.after(x, y)),
    testCase("its own value again", { x: signed(2, 3) }, ({ x }) => {
      const y = g.exp(x);
      return g.mul(g.exp(g.after(x, y)), y);
    }),
  ],
  checkpoint: [
    testCase("two layers, each made again", {
      x: signed(3, 4),
      a: signed(4, 4),
      b: signed(4, 4),
    }, ({ x, a, b }) => {
      const layer = (rows: g.Node, w: g.Node) =>
        g.checkpoint(g.add(rows, g.tanh(g.matmulRows(rows, w))), [rows]);
      return layer(layer(x, a), b);
    }),
    testCase("a weight of two layers", { x: signed(3, 4), w: signed(4, 4) }, ({ x, w }) => {
      const layer = (rows: g.Node) => g.checkpoint(g.tanh(g.matmulRows(rows, w)), [rows]);
      return layer(layer(x));
    }),
    testCase("a boundary of two", { x: signed(3, 4), w: signed(4, 4), gate: signed(3, 1) }, ({
      x,
      w,
      gate,
    }) => {
      const [rows, open] = [g.exp(x), g.sigmoid(gate)];
      const block = g.mul(open, g.tanh(g.matmulRows(rows, w)));
      return g.mul(rows, g.checkpoint(g.add(rows, block), [rows, open]));
    }),
    testCase("inside a checkpoint", { x: signed(2, 3), w: signed(3, 3) }, ({ x, w }) => {
      const inner = g.checkpoint(g.tanh(g.matmulRows(x, w)), [x]);
      return g.checkpoint(g.sigmoid(g.mul(inner, x)), [x]);
    }),
    testCase("nothing between", { x: signed(2, 3) }, ({ x }) => g.checkpoint(x, [x])),
  ],
  withGradient: [
    testCase("a square, its slope in hand", { x: signed(3), y: signed(3) }, ({ x, y }) => {
      const loss = g.reduceSum(g.mul(g.mul(x, x), y));
      return g.withGradient(loss, [x, y], g.gradients(loss, [x, y]));
    }),
    testCase("scaled and added to another", { x: signed(3) }, ({ x }) => {
      const half = g.reduceSum(g.exp(x));
      const known = g.withGradient(half, [x], g.gradients(half, [x]));
      return g.add(g.scale(known, 3), g.reduceSum(g.mul(x, x)));
    }),
  ],
  dequantize: [...blockCases("int4"), ...blockCases("nf4")],
} satisfies Partial<Record<g.OpName, readonly OperationCase[]>>;
