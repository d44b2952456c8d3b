/** Attention in one kernel: where it may be, and where it may not. */

import assert from "node:assert/strict";
import * as g from "../../../../core/graph/mod.ts";
import { floats, type HostTensor } from "../../../../core/tensor/mod.ts";
import { signed } from "../../../conformance/cases.ts";
import {
  adapterTest,
  check,
  DEVICE,
  labelsOf,
  LONG_SUMS,
  type Outputs,
  tunedTest,
} from "./support.ts";

/** softmax(alpha Q Kᵀ + mask) V over stretches of these lengths. */
function attentionOf(lengths: readonly number[], rows: number, width: number) {
  const feeds: Record<string, HostTensor> = {
    q: signed(2, 3, rows, width)("q"),
    // Some are hidden altogether, some are only less likely.
    mask: floats(
      [2, 1, rows, lengths.reduce((a, b) => a + b)],
      signed(2, 1, rows, lengths.reduce((a, b) => a + b))("mask").data
        .map((x, i) => i % 5 === 0 && i % 7 !== 0 ? -1e9 : 3 * x),
    ),
  };
  const inputs = (name: string) => g.input(name, feeds[name]!.shape);
  const parts = lengths.map((length, i) => {
    feeds[`k${i}`] = signed(2, 3, length, width)(`k${i}`);
    feeds[`v${i}`] = signed(2, 3, length, width)(`v${i}`);
    return { keys: inputs(`k${i}`), values: inputs(`v${i}`), length };
  });
  const q = inputs("q");
  const scores = g.concat(
    parts.map(({ keys }) => g.matmul(q, keys, { transB: true, alpha: 0.3 })),
    3,
  );
  const weights = g.softmax(g.add(scores, inputs("mask")));
  let start = 0;
  const read = parts.map(({ values, length }) => {
    const share = g.slice(weights, 3, start, start + length);
    start += length;
    return g.matmul(share, values);
  }).reduce(g.add);
  return { q, read, weights, feeds };
}

for (
  const [what, lengths, rows, width] of [
    ["one stretch", [50], 37, 64],
    ["two stretches, wide heads", [7, 33], 21, 128],
    ["narrow heads", [70], 16, 32],
  ] as const
) {
  tunedTest(
    `webgpu attends without writing the weights: ${what}`,
    { tiles: "shared" },
    async (backend) => {
      const { q, read, weights, feeds } = attentionOf(lengths, rows, width);
      await check(backend, { read }, feeds, LONG_SUMS);
      // Where somebody else reads the weights, they are there.
      await check(backend, { read, weights }, feeds, LONG_SUMS);
      const room = { ...DEVICE, workgroupMemory: width > 64 ? 2 ** 15 : 2 ** 14 };
      const kernels = (outputs: Outputs) => labelsOf(outputs, room);
      assert.deepEqual(kernels({ read }), ["attention"]);
      assert.ok(!kernels({ read, weights }).includes("attention"));
      const slope = g.gradients(g.reduceSum(read), [q])[0]!;
      assert.ok(!kernels({ read, slope }).includes("attention"));
      // Nor where a workgroup has too little memory.
      assert.ok(!labelsOf({ read }, { ...room, workgroupMemory: 1024 }).includes("attention"));
    },
  );
}

adapterTest(
  "webgpu attends in several kernels where rows are few, as in decoding",
  async (backend) => {
    const { read, feeds } = attentionOf([20, 1], 8, 32);
    await check(backend, { read }, feeds, LONG_SUMS);
    assert.ok(!labelsOf({ read }, DEVICE).includes("attention"));
  },
);

/** Queries, keys and values of two heads. */
const [ROWS, POSITIONS, WIDTH] = [17, 20, 32];
const HEADS = {
  q: signed(2, ROWS, WIDTH)("q"),
  k: signed(2, POSITIONS, WIDTH)("k"),
  v: signed(2, POSITIONS, WIDTH)("v"),
};
const of = (name: keyof typeof HEADS) => g.input(name, HEADS[name].shape);
const ONE = {
  q1: signed(1, ROWS, WIDTH)("q1"),
  k1: signed(1, POSITIONS, WIDTH)("k1"),
};
const SCORES = g.matmul(of("q"), of("k"), { transB: true, alpha: 0.2 });
const TO_ALL = [2, ROWS * POSITIONS];

/** What looks like attention and is none. */
const LOOKALIKES: Readonly<Record<string, [g.Node, Readonly<Record<string, HostTensor>>]>> = {
  "shares over all pairs": [
    g.matmul(
      g.reshape(
        g.softmax(g.add(g.reshape(SCORES, TO_ALL), g.input("mask", [1, TO_ALL[1]!]))),
        SCORES.type.shape,
      ),
      of("v"),
    ),
    { ...HEADS, mask: signed(1, TO_ALL[1]!)("mask") },
  ],
  "shares that are read along other rows": [
    g.matmul(
      g.reshape(
        g.softmax(g.add(SCORES, g.input("mask", [1, ROWS, POSITIONS]))),
        [2, POSITIONS, ROWS],
      ),
      g.slice(of("v"), 1, 0, ROWS),
    ),
    { ...HEADS, mask: signed(1, ROWS, POSITIONS)("mask") },
  ],
  "the scores of one head under two masks": [
    g.matmul(
      g.softmax(
        g.add(
          g.matmul(g.input("q1", [1, ROWS, WIDTH]), g.input("k1", [1, POSITIONS, WIDTH]), {
            transB: true,
            alpha: 0.2,
          }),
          g.input("mask", [2, ROWS, POSITIONS]),
        ),
      ),
      of("v"),
    ),
    { ...ONE, v: HEADS.v, mask: signed(2, ROWS, POSITIONS)("mask") },
  ],
};

for (const [what, [read, feeds]] of Object.entries(LOOKALIKES)) {
  tunedTest(`webgpu takes for no attention: ${what}`, { tiles: "shared" }, async (backend) => {
    assert.ok(!labelsOf({ read }, DEVICE).includes("attention"));
    await check(backend, { read }, feeds, LONG_SUMS);
  });
}
