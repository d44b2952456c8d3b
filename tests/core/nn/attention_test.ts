/** Attention under a causal mask, which leaves out what the mask hides. */

import assert from "node:assert/strict";
import {
  gradients,
  input,
  matmulFlops,
  mul,
  type Node,
  reduceSum,
  shapeOf,
} from "../../../core/graph/mod.ts";
import { attention, causalMask, MASKED } from "../../../core/nn/mod.ts";
import { floats, RandomStream, sizeOf } from "../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";

const [HEADS, KV_HEADS, HEAD_DIM] = [4, 2, 2];

/** Inputs of an attention over `length` positions, and the attention under `mask`. */
function attended(length: number, mask: Node) {
  const queries = input("queries", [2, length, HEADS * HEAD_DIM]);
  const keys = input("keys", [2, KV_HEADS, length, HEAD_DIM]);
  const values = input("values", [2, KV_HEADS, length, HEAD_DIM]);
  return { queries, keys, values, mixed: attention(queries, { keys, values, mask }, HEADS) };
}

/** A weighted sum of what was read, and its gradients. */
function lossAndGradients(length: number, mask: Node): Record<string, Node> {
  const { queries, keys, values, mixed } = attended(length, mask);
  const loss = reduceSum(mul(mixed, input("weights", shapeOf(mixed))));
  const slopes = gradients(loss, [queries, keys, values]);
  return { mixed, queries: slopes[0]!, keys: slopes[1]!, values: slopes[2]! };
}

/** The same mask, as a value that nothing is known of. */
function maskValues(length: number) {
  const mask = floats([1, 1, length, length]);
  for (let row = 0; row < length; row++) {
    mask.data.fill(MASKED, row * length + row + 1, (row + 1) * length);
  }
  return mask;
}

Deno.test.each([1, 63, 64, 128, 131, 260])(
  "a causal mask of %i positions gives what the same numbers give, gradients included",
  async (length) => {
    await using backend = referenceBackend();
    await using causal = await backend.compile(lossAndGradients(length, causalMask(length)));
    const unknown = input("mask", [1, 1, length, length]);
    await using plain = await backend.compile(lossAndGradients(length, unknown));
    const random = new RandomStream(1, "attention");
    const feeds = Object.fromEntries(
      [...plain.inputs].map(([name, { shape }]) => [
        name,
        floats(shape, Float32Array.from({ length: sizeOf(shape) }, () => random.normal())),
      ]),
    );
    feeds["mask"] = maskValues(length);
    const [a, b] = [await causal.run(feeds), await plain.run(feeds)];
    for (const name of ["mixed", "queries", "keys", "values"]) {
      assert.deepEqual(a[name]!.shape, b[name]!.shape);
      const gap = Math.max(...a[name]!.data.map((x, i) => Math.abs(x - b[name]!.data[i]!)));
      assert.ok(gap < 1e-9, `${name} differs by ${gap}`);
    }
  },
);

Deno.test("in four stretches five eighths of the products are left", () => {
  const causal = matmulFlops([attended(256, causalMask(256)).mixed]);
  const whole = matmulFlops([attended(256, input("mask", [1, 1, 256, 256])).mixed]);
  assert.equal(causal / whole, 5 / 8);
});
