/** What a token costs, against formulas that are counted by hand. */

import assert from "node:assert/strict";
import { flopsAt, type TokenFlops, tokenFlops } from "../../../core/routing/mod.ts";
import { llama } from "../../../plugins/models/llama/mod.ts";
import { randomRouter } from "../../../plugins/routers/random.ts";
import { reinforce } from "../../../plugins/routers/reinforce.ts";
import { sequenceGumbel } from "../../../plugins/routers/sequence_gumbel.ts";
import { staticRouter } from "../../../plugins/routers/static.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";

/** Width, heads of queries and of keys and their size, width of the MLP, words. */
const [D, H, G, d, F, V] = [24, 6, 2, 4, 40, 50];
const LAYERS = 5;
const ANCHOR = 2;
const MODEL = llama({
  vocabSize: V,
  hiddenSize: D,
  numLayers: LAYERS,
  numHeads: H,
  numKeyValueHeads: G,
  headDim: d,
  maxPositions: 512,
  intermediateSize: F,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  initializerRange: 0.1,
});

// A product of a row of M numbers by a matrix of M x N takes M N multiply-adds, two operations each.
const KEYS_VALUES = 2 * 2 * D * (G * d);
/** Queries, output, MLP, and the scores and the mixture of every head over `length` positions. */
const block = (length: number) =>
  2 * (2 * D * (H * d)) + 2 * (3 * D * F) + 2 * (2 * length * (H * d));
const HEAD = 2 * D * V;
const TAPERED = 2 * (D * (D / 2) + (D / 2) * (D / 4) + (D / 4) * (LAYERS - ANCHOR));

for (const length of [1, 10, 300]) {
  Deno.test(`blocks, keys and values, and the head are counted for ${length} tokens`, () => {
    const costs = tokenFlops(MODEL, ANCHOR, length);
    assert.deepEqual(costs, {
      anchor: ANCHOR * (KEYS_VALUES + block(length)),
      keysValues: [KEYS_VALUES, KEYS_VALUES, KEYS_VALUES],
      block: [block(length), block(length), block(length)],
      bypass: 0,
      router: 0,
      head: HEAD,
    });
  });
}

Deno.test("a router costs its products: per token, or once for a whole sequence", () => {
  const length = 8;
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-9 * expected, `${actual} instead of ${expected}`);
  const perToken = tokenGumbel.create(tokenGumbel.options.parse({}));
  near(tokenFlops(MODEL, ANCHOR, length, perToken).router, TAPERED);
  const perSequence = sequenceGumbel.create(sequenceGumbel.options.parse({}));
  near(tokenFlops(MODEL, ANCHOR, length, perSequence).router, TAPERED / length);
  const policy = reinforce.create(reinforce.options.parse({}));
  const twoLayers = 2 * (D * (D / 2) + (D / 2) * (LAYERS - ANCHOR));
  near(tokenFlops(MODEL, ANCHOR, length, policy).router, twoLayers / length);
});

Deno.test("a router that reads nothing costs nothing, and changes no other cost", () => {
  const alone = tokenFlops(MODEL, ANCHOR, 8);
  for (const kind of [staticRouter, randomRouter]) {
    const router = kind.create(kind.options.parse({}) as never);
    assert.deepEqual(tokenFlops(MODEL, ANCHOR, 8, router), alone);
  }
});

const COSTS: TokenFlops = {
  anchor: 100,
  keysValues: [1, 2, 4],
  block: [10, 20, 40],
  bypass: 0,
  router: 7,
  head: 1000,
};

Deno.test("a share of the tokens pays for a block, and all of them for its keys and values", () => {
  assert.equal(flopsAt(COSTS, [1, 1, 1]), 100 + 7 + 70 + 7 + 1000);
  assert.equal(flopsAt(COSTS, [0.5, 0, 1]), 100 + 7 + (5 + 40) + 7 + 1000);
  assert.equal(flopsAt(COSTS, [0, 0, 0]), 100 + 7 + 7 + 1000);
});

Deno.test("adapters of skipped tokens cost two small products for each token that skips", () => {
  const rank = 3;
  const bypass = 2 * 2 * D * rank;
  assert.deepEqual(tokenFlops(MODEL, ANCHOR, 8, undefined, rank), {
    ...tokenFlops(MODEL, ANCHOR, 8),
    bypass,
  });
  const costs = { ...COSTS, bypass };
  const skipped = 0.5 + 1 + 0;
  assert.equal(flopsAt(costs, [0.5, 0, 1]), flopsAt(COSTS, [0.5, 0, 1]) + skipped * bypass);
  assert.equal(flopsAt(costs, [1, 1, 1]), flopsAt(COSTS, [1, 1, 1]));
});

Deno.test("where a block is left out for all, so are its keys and values", () => {
  assert.equal(flopsAt(COSTS, [1, 0, 1], false), 100 + (1 + 4) + 50 + 7 + 1000);
  // Those who run it read what the others keep.
  assert.equal(flopsAt(COSTS, [0.5, 1, 1], false), flopsAt(COSTS, [0.5, 1, 1]));
});
