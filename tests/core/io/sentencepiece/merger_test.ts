import assert from "node:assert/strict";
import fc from "fast-check";
import { Merger } from "../../../../core/io/sentencepiece/merger.ts";
import { MergeQueue } from "../../../../core/io/sentencepiece/merge_queue.ts";
import { PIECE, type SentencePieceModel } from "../../../../core/io/sentencepiece/model_file.ts";
import { PrefixMatcher } from "../../../../core/io/sentencepiece/prefix_matcher.ts";

type Scores = readonly (readonly [piece: string, score: number])[];

/** A model without byte fallback, its unknown piece first. */
function modelOf(scores: Scores, userDefined: readonly string[] = []): SentencePieceModel {
  const pieces = [
    { piece: "<unk>", score: 0, type: PIECE.unknown },
    ...scores.map(([piece, score]) => ({ piece, score, type: PIECE.normal })),
    ...userDefined.map((piece) => ({ piece, score: 0, type: PIECE.userDefined })),
  ];
  return {
    pieces,
    ids: new Map(pieces.map(({ piece }, id) => [piece, id])),
    normalizer: {
      precompiledCharsmap: new Uint8Array(0),
      addDummyPrefix: false,
      removeExtraWhitespaces: false,
      escapeWhitespaces: true,
    },
    unknownId: 0,
    byteIds: undefined,
    bosId: undefined,
    eosId: undefined,
    padId: undefined,
  };
}

function encode(model: SentencePieceModel, text: string): string[] {
  const own = model.pieces.filter(({ type }) => type === PIECE.userDefined);
  const merger = new Merger(model, new PrefixMatcher(own.map(({ piece }) => piece)));
  const { ids, starts, ends } = merger.encode(text);
  // Once more, from the words that it remembers.
  assert.deepEqual(merger.encode(text), { ids, starts, ends });
  return ids.map((id, i) => {
    const piece = text.slice(starts[i], ends[i]);
    assert.equal(id, model.ids.get(piece) ?? model.unknownId);
    return piece;
  });
}

/** The definition, word for word: again and again the best pair, the leftmost of equals. */
function mergeSlowly(scores: Scores, text: string): string[] {
  const score = new Map(scores);
  const symbols = [...text];
  for (;;) {
    let best = -1;
    let most = -Infinity;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const union = score.get(symbols[i]! + symbols[i + 1]!);
      if (union !== undefined && union > most) [best, most] = [i, union];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best]! + symbols[best + 1]!);
  }
}

Deno.test("the best pair is merged first, the leftmost of equals", () => {
  const letters = ["a", "b", "c", "▁", "😀"];
  const piece = fc.array(fc.constantFrom(...letters), { minLength: 2, maxLength: 5 })
    .map((parts) => parts.join(""));
  // Few different scores, so that there are ties.
  const scores = fc.uniqueArray(fc.tuple(piece, fc.integer({ min: -4, max: 0 })), {
    minLength: 5,
    maxLength: 40,
    selector: ([name]) => name,
  });
  const text = fc.array(fc.constantFrom(...letters), { maxLength: 60 }).map((all) => all.join(""));
  fc.assert(
    fc.property(scores, text, (merged, whole) => {
      const all = [...letters.map((letter) => [letter, -9] as const), ...merged];
      assert.deepEqual(encode(modelOf(all), whole), mergeSlowly(all, whole));
    }),
    { seed: 9, numRuns: 1000 },
  );
});

Deno.test("user-defined pieces are neither cut nor merged, the longest counts", () => {
  const scores: Scores = [["a", -3], ["b", -3], ["ab", -1], ["ba", -2]];
  assert.deepEqual(encode(modelOf(scores), "abab"), ["ab", "ab"]);
  const model = modelOf(scores, ["bab", "b b"]);
  assert.deepEqual(encode(model, "ababa"), ["a", "bab", "a"]);
  assert.deepEqual(encode(model, "bb b"), ["b", "b b"]);
});

Deno.test("unknown characters side by side are one token", () => {
  const model = modelOf([["a", -1], ["▁", -1]]);
  assert.deepEqual(encode(model, "xya▁😀éa"), ["xy", "a", "▁", "😀é", "a"]);
});

Deno.test("an unused piece is taken apart into what it was made of", () => {
  const model = modelOf([["a", -9], ["b", -9], ["c", -9], ["ab", -1], ["abc", -2]]);
  const unused = (...names: string[]): SentencePieceModel => ({
    ...model,
    pieces: model.pieces.map((piece) =>
      names.includes(piece.piece) ? { ...piece, type: PIECE.unused } : piece
    ),
  });
  assert.deepEqual(encode(model, "abcab"), ["abc", "ab"]);
  assert.deepEqual(encode(unused("abc"), "abcab"), ["ab", "c", "ab"]);
  assert.deepEqual(encode(unused("abc", "ab"), "abcab"), ["a", "b", "c", "a", "b"]);
});

Deno.test("the queue gives back all that it was given, in order", () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.nat(1000)));
  fc.assert(
    fc.property(pairs, (given) => {
      const queue = new MergeQueue();
      given.forEach(([score, left]) => queue.push({ score, left, right: left + 1, length: 2 }));
      const taken = given.map(() => queue.pop()!);
      assert.equal(queue.pop(), undefined);
      const ordered = given.toSorted(([a, i], [b, j]) => b - a || i - j);
      assert.deepEqual(taken.map(({ score, left }) => [score, left]), ordered);
    }),
    { seed: 10, numRuns: 300 },
  );
});
