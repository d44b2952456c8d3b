/** What a router did with each token: which are counted, and what sort they are. */

import assert from "node:assert/strict";
import { type LabelledBatch, type RoutingObservations } from "../../../../core/eval/mod.ts";
import { type FinishedRun } from "../../../../core/run/finished_run.ts";
import { observeRouting } from "../../../../core/run/analysis/observe.ts";
import { floats, ints } from "../../../../core/tensor/mod.ts";

/** Tokens by id; like those of real tokenizers they lose a space in front when they stand alone. */
const PIECES = ["the", " old", " play", "ing", " 12", ",", " ", " fox", "es"];
const decode = (ids: ArrayLike<number>) =>
  Array.from(ids, (id) => PIECES[id]!).join("").replace(/^ (?=\S)/, "");

const [LENGTH, LAYERS, ANCHOR] = [4, 2, 3];

/** Batches of two sequences of four tokens; padding is -1. */
function batchOf(...ids: readonly number[]): LabelledBatch {
  const shape = [2, LENGTH];
  return {
    tokens: ints(shape, ids.map((id) => Math.max(id, 0))),
    targets: ints(shape),
    tokenMask: floats(shape, ids.map((id) => id < 0 ? 0 : 1)),
    kinds: ints(shape, ids.map((_, t) => t % 2)),
  };
}

/** A run whose router lets token t of a batch run t modulo 3 blocks, at a loss of t eighths. */
function runOf(
  batches: readonly LabelledBatch[],
  { asked = [], special, kinds = [] }: {
    readonly asked?: unknown[];
    readonly special?: number;
    readonly kinds?: readonly string[];
  } = {},
): FinishedRun {
  const tokens = Array.from({ length: 2 * LENGTH }, (_, t) => t);
  return {
    evaluator: {
      routedTokens: (batch: LabelledBatch, at: unknown, index: number) => {
        asked.push([batches.indexOf(batch), at, index]);
        return Promise.resolve({
          losses: floats([2, LENGTH], tokens.map((t) => t / 8)),
          gates: floats(
            [2, LENGTH, LAYERS],
            tokens.flatMap((t) => [t % 3 > 0 ? 1 : 0, t % 3 > 1 ? 1 : 0]),
          ),
        });
      },
      fullDepthTokens: () => Promise.resolve(floats([2, LENGTH], tokens.map((t) => t / 16))),
    },
    parts: {
      student: {
        router: { anchorLayers: ANCHOR },
        model: { dims: { numLayers: ANCHOR + LAYERS } },
      },
      tokenizer: { decode, bosId: special, eosId: undefined, padId: undefined },
      kinds,
      validationBatches: (count: number) => batches.slice(0, count),
      // " play" makes up a tenth of the text, and "ing" never occurs.
      trainingTokenCounts: () => Uint32Array.from([20, 30, 10, 0, 20, 20, 0, 0, 0]),
    },
    config: { evaluation: { finalBatches: 2 } },
    point: { threshold: 0.5, targetSkip: 0.3 },
  } as unknown as FinishedRun;
}

const sorts = ({ text }: RoutingObservations) => Array.from(text.of, (sort) => text.groups[sort]!);

Deno.test("tokens are sorted by what they are in their text, not by what they are alone", async () => {
  // the| old| play|ing     12|,| fox|es
  const tokens = await observeRouting(runOf([batchOf(0, 1, 2, 3, 4, 5, 7, 8)]), true);
  assert.deepEqual(sorts(tokens), [
    "stop word",
    "word",
    "word",
    "subword",
    "numeric",
    "punctuation",
    "word",
    "subword",
  ]);
});

Deno.test("the first token of a sequence goes on with no word of the sequence before", async () => {
  // … play ing, and then: ing, a space, es after a space, the
  const tokens = await observeRouting(runOf([batchOf(0, 1, 2, 3, 3, 6, 8, 0)]), true);
  assert.deepEqual(sorts(tokens).slice(4), [
    "word",
    "whitespace",
    "word",
    // "es" + "the" is one word.
    "subword",
  ]);
});

Deno.test("tokens without a text of their own are special", async () => {
  const tokens = await observeRouting(
    runOf([batchOf(6, 0, 6, 1, 6, 6, 0, 1)], { special: 6 }),
    true,
  );
  assert.deepEqual(sorts(tokens).slice(0, 4), ["special", "stop word", "special", "word"]);
});

Deno.test("every real token has its place, its gates and its losses; padding has none", async () => {
  const asked: unknown[] = [];
  const batches = [batchOf(0, 1, -1, -1, -1, -1, -1, -1), batchOf(0, 1, 2, 3, 0, 1, 2, 3)];
  const seen = await observeRouting(runOf([...batches, batches[0]!], { asked }), true);
  assert.equal(seen.tokens, 10);
  // A sequence of nothing but padding is none.
  assert.equal(seen.sequences, 3);
  assert.deepEqual([...seen.sequenceOf], [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  assert.deepEqual([...seen.positionOf], [0, 1, 0, 1, 2, 3, 0, 1, 2, 3]);
  assert.deepEqual([...seen.idOf], [0, 1, 0, 1, 2, 3, 0, 1, 2, 3]);
  const places = [0, 1, 0, 1, 2, 3, 4, 5, 6, 7];
  assert.deepEqual([...seen.losses], places.map((t) => t / 8));
  assert.deepEqual([...seen.fullDepthLosses!], places.map((t) => t / 16));
  assert.deepEqual([...seen.depths], places.map((t) => t % 3));
  assert.deepEqual([...seen.gates.slice(0, 8)], [0, 0, 1, 0, 0, 0, 1, 0]);
  assert.deepEqual([seen.anchorLayers, seen.routableLayers], [ANCHOR, LAYERS]);
  assert.equal(seen.statistics.tokens, 10);
  // Two batches, as the run's configuration says, where the run's router worked.
  const point = { threshold: 0.5, targetSkip: 0.3 };
  assert.deepEqual(asked, [[0, point, 0], [1, point, 1]]);
});

Deno.test("rare are the tokens that make up no more than a tenth of the training text", async () => {
  const { frequency } = await observeRouting(runOf([batchOf(0, 1, 2, 3, 4, 5, 7, 8)]), true);
  assert.deepEqual([...frequency.of], [-1, -1, 0, 0, -1, -1, 0, 0]);
});

Deno.test("labels are those of the corpus, where it has any", async () => {
  const batches = [batchOf(0, 1, -1, 3, 4, 5, 7, 8)];
  assert.equal((await observeRouting(runOf(batches), true)).label, undefined);
  const { label } = await observeRouting(runOf(batches, { kinds: ["plain", "fact"] }), true);
  assert.deepEqual(label!.groups, ["plain", "fact"]);
  assert.deepEqual([...label!.of], [0, 1, 1, 0, 1, 0, 1]);
});
