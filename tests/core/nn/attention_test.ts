/** Attention under a causal mask, which leaves out what the mask hides. */

import assert from "node:assert/strict";
import { type Program } from "../../../core/contracts/mod.ts";
import {
  gradients,
  input,
  matmulFlops,
  mul,
  type Node,
  reduceSum,
  shapeOf,
} from "../../../core/graph/mod.ts";
import { attention, type AttentionOptions, causalMask, MASKED } from "../../../core/nn/mod.ts";
import { floats, type HostTensor, RandomStream, sizeOf } from "../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";

const [HEADS, KV_HEADS, HEAD_DIM] = [4, 2, 2];

/** Inputs of an attention over `length` positions, and the attention under `mask`. */
function attended(length: number, mask: Node, options?: AttentionOptions) {
  const queries = input("queries", [2, length, HEADS * HEAD_DIM]);
  const keys = input("keys", [2, KV_HEADS, length, HEAD_DIM]);
  const values = input("values", [2, KV_HEADS, length, HEAD_DIM]);
  const mixed = attention(queries, { keys, values, mask }, HEADS, options);
  return { queries, keys, values, mixed };
}

/** A weighted sum of what was read, and its gradients. */
function lossAndGradients(length: number, mask: Node): Record<string, Node> {
  const { queries, keys, values, mixed } = attended(length, mask);
  const loss = reduceSum(mul(mixed, input("weights", shapeOf(mixed))));
  const slopes = gradients(loss, [queries, keys, values]);
  return { mixed, queries: slopes[0]!, keys: slopes[1]!, values: slopes[2]! };
}

/** The same mask, as a value that nothing is known of. */
function maskValues(length: number, window: number) {
  const mask = floats([1, 1, length, length]);
  for (let row = 0; row < length; row++) {
    for (let column = 0; column < length; column++) {
      const isRead = column <= row && column > row - window;
      mask.data[row * length + column] = isRead ? 0 : MASKED;
    }
  }
  return mask;
}

/** Numbers for every input of a program. */
function drawFeeds({ inputs }: Pick<Program, "inputs">): Record<string, HostTensor> {
  const random = new RandomStream(1, "attention");
  return Object.fromEntries(
    [...inputs].map(([name, { shape }]) => [
      name,
      floats(shape, Float32Array.from({ length: sizeOf(shape) }, () => random.normal())),
    ]),
  );
}

/** Largest difference between two tensors of the same shape. */
function gapOf(a: HostTensor, b: HostTensor): number {
  assert.deepEqual(a.shape, b.shape);
  return Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i]!)));
}

const MASKS: readonly (readonly [length: number, window: number | undefined])[] = [
  ...[1, 63, 64, 128, 131, 260].map((length) => [length, undefined] as const),
  ...[1, 5, 64, 100, 259, 400].map((window) => [260, window] as const),
  [7, 3],
];

for (const [length, window] of MASKS) {
  const seen = window === undefined ? "" : ` and a window of ${window}`;
  Deno.test(`a causal mask of ${length} positions${seen} gives what the same numbers give, gradients included`, async () => {
    await using backend = referenceBackend();
    await using causal = await backend.compile(
      lossAndGradients(length, causalMask(length, window)),
    );
    const unknown = input("mask", [1, 1, length, length]);
    await using plain = await backend.compile(lossAndGradients(length, unknown));
    const feeds = { ...drawFeeds(plain), mask: maskValues(length, window ?? length) };
    const [a, b] = [await causal.run(feeds), await plain.run(feeds)];
    for (const name of ["mixed", "queries", "keys", "values"]) {
      const gap = gapOf(a[name]!, b[name]!);
      assert.ok(gap < 1e-9, `${name} differs by ${gap}`);
    }
  });
}

Deno.test("scores are scaled and held as they are told to", async () => {
  await using backend = referenceBackend();
  const outputs = (options: AttentionOptions) => {
    const { mixed } = attended(5, causalMask(5), options);
    return backend.compile({ mixed });
  };
  await using usual = await outputs({});
  const feeds = drawFeeds(usual);
  const mixedBy = async (options: AttentionOptions, own = feeds) => {
    await using program = await outputs(options);
    return (await program.run(own)).mixed;
  };
  const scaled = (by: number) => ({
    ...feeds,
    queries: floats(feeds["queries"]!.shape, feeds["queries"]!.data.map((x) => by * x)),
  });
  const plain = await mixedBy({});
  assert.ok(gapOf(await mixedBy({ scale: 3 / Math.sqrt(HEAD_DIM) }), plain) > 0.1);
  const times3 = await mixedBy({}, scaled(3));
  assert.ok(gapOf(await mixedBy({ scale: 3 / Math.sqrt(HEAD_DIM) }), times3) < 1e-6);
  // Far below the bound scores are as they were; far above it only their sign is left.
  assert.ok(gapOf(await mixedBy({ softcap: 1e5 }), plain) < 1e-6);
  const signs = await mixedBy({ softcap: 2 }, scaled(1e6));
  assert.ok(gapOf(await mixedBy({ softcap: 2 }, scaled(1e7)), signs) < 1e-6);
  assert.ok(gapOf(signs, plain) > 0.1);
});

Deno.test("in four stretches five eighths of the products are left", () => {
  const causal = matmulFlops([attended(256, causalMask(256)).mixed]);
  const whole = matmulFlops([attended(256, input("mask", [1, 1, 256, 256])).mixed]);
  assert.equal(causal / whole, 5 / 8);
});

Deno.test("what a window hides is left out of the products", () => {
  const causal = matmulFlops([attended(256, causalMask(256, 64)).mixed]);
  const whole = matmulFlops([attended(256, input("mask", [1, 1, 256, 256])).mixed]);
  // Four stretches of 64 rows: 64 positions for the first, 127 for each other.
  assert.equal(causal / whole, (64 + 3 * 127) / (4 * 256));
});
