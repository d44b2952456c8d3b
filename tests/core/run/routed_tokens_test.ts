/** What a router did with each token: which are counted, and what sort they are. */

import assert from "node:assert/strict";
import { type LabelledBatch } from "../../../core/eval/mod.ts";
import { type FinishedRun } from "../../../core/run/finished_run.ts";
import { routedTokens } from "../../../core/run/routed_tokens.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";

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
  };
}

/** A run whose router lets token t of a batch run t modulo 3 blocks, at a loss of t eighths. */
function runOf(batches: readonly LabelledBatch[], asked: unknown[] = []): FinishedRun {
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
    },
    parts: {
      student: { router: { anchorLayers: ANCHOR } },
      tokenizer: { decode },
      validationBatches: (count: number) => batches.slice(0, count),
    },
    config: { evaluation: { finalBatches: 2 } },
    point: { threshold: 0.5, targetSkip: 0.3 },
  } as unknown as FinishedRun;
}

Deno.test("tokens are sorted by what they are in their text, not by what they are alone", async () => {
  // the| old| play|ing     12|,| fox|es
  const tokens = await routedTokens(runOf([batchOf(0, 1, 2, 3, 4, 5, 7, 8)]));
  assert.deepEqual(tokens.map(({ category }) => category), [
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
  const tokens = await routedTokens(runOf([batchOf(0, 1, 2, 3, 3, 6, 8, 0)]));
  assert.deepEqual(tokens.slice(4).map(({ category }) => category), [
    "word",
    "whitespace",
    "word",
    // "es" + "the" is one word.
    "subword",
  ]);
});

Deno.test("every real token has the blocks it ran, anchors included, and its loss; padding has none", async () => {
  const asked: unknown[] = [];
  const batches = [batchOf(0, 1, -1, -1, 1, -1, -1, -1), batchOf(0, 1, 2, 3, 0, 1, 2, 3)];
  const tokens = await routedTokens(runOf([...batches, batches[0]!], asked));
  const numbers = tokens.map(({ activeLayers, loss }) => [activeLayers, loss]);
  assert.deepEqual(numbers.slice(0, 3), [[3, 0], [4, 0.125], [4, 0.5]]);
  assert.deepEqual(numbers.slice(3), [0, 1, 2, 3, 4, 5, 6, 7].map((t) => [ANCHOR + t % 3, t / 8]));
  // Two batches, as the run's configuration says, where the run's router worked.
  const point = { threshold: 0.5, targetSkip: 0.3 };
  assert.deepEqual(asked, [[0, point, 0], [1, point, 1]]);
});
