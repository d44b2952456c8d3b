/** Cases of the operations that work on rows: softmax and losses, normalisation, rotation. */

import * as g from "../../graph/mod.ts";
import { floats, type FloatTensor, ints } from "../../tensor/mod.ts";
import { type OperationCase, signed, testCase } from "./cases.ts";

const targets2x3 = ints([2, 3], [0, 4, 2, 2, 1, 4]);
const targets3 = ints([3], [3, 0, 3]);
const large = floats([2, 3], [1000, 999, -1000, -500, -501, -499.5]);
const masked = floats([2, 3], [0.5, -1e9, 0.7, -1e9, 1.5, -1e9]);

/** Angle of each position and pair, through `f`: tables that differ in every entry. */
function table(positions: number, half: number, f: (angle: number) => number): FloatTensor {
  const angles = Array.from({ length: positions * half }, (_, i) => 0.3 + 0.45 * i);
  return floats([positions, half], angles.map(f));
}

function ropeCase(
  name: string,
  { batch, heads, half, positions, headDim = 2 * half }: {
    batch: number;
    heads: number;
    half: number;
    positions: number[];
    headDim?: number;
  },
): OperationCase {
  const length = positions.length / batch;
  return testCase(
    name,
    {
      x: signed(batch, length, heads * headDim),
      positions: ints([batch, length], positions),
      cos: table(6, half, Math.cos),
      sin: table(6, half, Math.sin),
    },
    ({ x, positions, cos, sin }) => g.rope(x, positions, cos, sin, heads),
    { wrt: ["x"] },
  );
}

function softmaxCases(f: (x: g.Node) => g.Node): OperationCase[] {
  return [
    testCase("rows", { x: signed(3, 4) }, ({ x }) => f(x)),
    testCase("a vector", { x: signed(5) }, ({ x }) => f(x)),
    testCase("four axes", { x: signed(2, 1, 2, 3) }, ({ x }) => f(x)),
    testCase("rows of one", { x: signed(3, 1) }, ({ x }) => f(x), { detached: ["x"] }),
    testCase("large logits", { x: large }, ({ x }) => f(x), { wrt: [] }),
  ];
}

export const rowCases = {
  softmax: [
    ...softmaxCases(g.softmax),
    testCase("masked", { x: masked }, ({ x }) => g.softmax(x), { wrt: [] }),
  ],
  logSoftmax: softmaxCases(g.logSoftmax),
  crossEntropy: [
    testCase(
      "one a token",
      { x: signed(2, 3, 5), targets: targets2x3 },
      ({ x, targets }) => g.crossEntropy(x, targets),
    ),
    testCase(
      "one a row",
      { x: signed(3, 4), targets: targets3 },
      ({ x, targets }) => g.crossEntropy(x, targets),
    ),
    testCase(
      "of a vector",
      { x: signed(4), targets: ints([], [1]) },
      ({ x, targets }) => g.crossEntropy(x, targets),
    ),
    testCase(
      "a vocabulary of one",
      { x: signed(2, 1), targets: ints([2]) },
      ({ x, targets }) => g.crossEntropy(x, targets),
      { detached: ["x"] },
    ),
    testCase(
      "large logits",
      { x: large, targets: ints([2], [1, 0]) },
      ({ x, targets }) => g.crossEntropy(x, targets),
      { wrt: [] },
    ),
  ],
  klDivergence: [
    testCase(
      "one a token",
      { s: signed(2, 3, 5), t: signed(2, 3, 5) },
      ({ s, t }) => g.klDivergence(s, t),
    ),
    testCase("one a row", { s: signed(3, 4), t: signed(3, 4) }, ({ s, t }) => g.klDivergence(s, t)),
    testCase("of vectors", { s: signed(4), t: signed(4) }, ({ s, t }) => g.klDivergence(s, t)),
    testCase("of equals", { x: signed(3, 4) }, ({ x }) => g.klDivergence(x, x), {
      detached: ["x"],
    }),
    testCase(
      "large logits",
      { s: large, t: floats([2, 3], [2, 1, 0, 0, 1, 2]) },
      ({ s, t }) => g.klDivergence(s, t),
      { wrt: [] },
    ),
  ],
  rmsNorm: [
    testCase("tokens", { x: signed(2, 3, 4), w: signed(4) }, ({ x, w }) => g.rmsNorm(x, w, 1e-5)),
    testCase(
      "a large epsilon",
      { x: signed(3, 4), w: signed(4) },
      ({ x, w }) => g.rmsNorm(x, w, 0.5),
    ),
    testCase("a vector", { x: signed(4), w: signed(4) }, ({ x, w }) => g.rmsNorm(x, w, 1e-5)),
    testCase("rows of one", { x: signed(3, 1), w: signed(1) }, ({ x, w }) => g.rmsNorm(x, w, 0.5)),
  ],
  inverseRms: [
    testCase("tokens", { x: signed(2, 3, 4) }, ({ x }) => g.inverseRms(x, 1e-5)),
    testCase("a vector, a large epsilon", { x: signed(4) }, ({ x }) => g.inverseRms(x, 0.5)),
  ],
  rope: [
    ropeCase("one head", { batch: 1, heads: 1, half: 2, positions: [0, 1, 2] }),
    ropeCase("several heads", { batch: 1, heads: 3, half: 2, positions: [0, 1, 2, 3] }),
    ropeCase("a batch, not from the start", {
      batch: 2,
      heads: 2,
      half: 3,
      positions: [3, 4, 5, 1, 1, 0],
    }),
    ropeCase("heads of two numbers", { batch: 2, heads: 2, half: 1, positions: [5, 2] }),
    ropeCase("a part of each head", {
      batch: 2,
      heads: 3,
      half: 2,
      positions: [3, 4, 1, 5],
      headDim: 8,
    }),
    ropeCase("a part of one head", { batch: 1, heads: 1, half: 1, positions: [0, 5], headDim: 6 }),
  ],
} satisfies Partial<Record<g.OpName, readonly OperationCase[]>>;
