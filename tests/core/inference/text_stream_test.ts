/** Text token by token: pieces that are the whole text, and no character cut in two. */

import assert from "node:assert/strict";
import { join } from "node:path";
import * as fc from "fast-check";
import { byteLevelTokenizerConfig, trainByteLevelBpe } from "../../../core/io/bpe_trainer.ts";
import { loadTokenizer, type Tokenizer } from "../../../core/io/mod.ts";
import { TextStream } from "../../../core/inference/mod.ts";
import { inFolder } from "../io/support.ts";
import { loadGolden } from "../io/sentencepiece/support.ts";

/** Tokens of single bytes for all but the commonest words. */
async function byteLevel(): Promise<Tokenizer> {
  let tokenizer: Tokenizer | undefined;
  await inFolder(async (folder) => {
    const model = trainByteLevelBpe(["the the the boat boat"], { vocabularySize: 265 });
    const write = (name: string, value: unknown) =>
      Deno.writeTextFileSync(join(folder, name), JSON.stringify(value));
    write("tokenizer.json", model);
    write("tokenizer_config.json", byteLevelTokenizerConfig());
    tokenizer = await loadTokenizer(folder);
  });
  return tokenizer!;
}

/** A piece for each token, the last one flagged. */
function piecesOf(
  tokenizer: Tokenizer,
  ids: ArrayLike<number>,
  before: ArrayLike<number> = [],
): string[] {
  const stream = new TextStream(tokenizer, before);
  return Array.from(ids, (id, i) => stream.push(id, i === ids.length - 1));
}

const BYTES = await byteLevel();
const SENTENCE_PIECES = await Promise.all(
  (["identity", "nmt_nfkc", "bare"] as const).map(async (name) =>
    [`SentencePiece (${name})`, await loadGolden(name)] as const
  ),
);
const TOKENIZERS: (readonly [string, Tokenizer])[] = [["byte level", BYTES], ...SENTENCE_PIECES];

const TEXTS = [
  "the boat",
  "Ünïcödé – 你好 👩‍👩‍👧 🎈🎈, done.",
  "  two  spaces   and\n\nlines\n ",
  "你好你好",
  "",
];

/** Tokens of any kind, bytes of characters more often than others. */
const anyTokens = (tokenizer: Tokenizer, maxLength: number) =>
  fc.array(
    fc.oneof(
      fc.nat({ max: tokenizer.vocabSize - 1 }),
      fc.constantFrom(...tokenizer.encode("é你🎈")),
    ),
    { maxLength },
  );

for (const [name, tokenizer] of TOKENIZERS) {
  Deno.test(`${name}: the pieces put together are the decoded text`, () => {
    for (const text of TEXTS) {
      const ids = tokenizer.encode(text);
      assert.equal(piecesOf(tokenizer, ids).join(""), tokenizer.decode(ids));
    }
  });

  Deno.test(`${name}: they are, of any tokens at all`, () => {
    fc.assert(
      fc.property(anyTokens(tokenizer, 30), (ids) => {
        assert.equal(piecesOf(tokenizer, ids).join(""), tokenizer.decode(ids));
      }),
      { numRuns: 1000 },
    );
  });

  Deno.test(`${name}: after a beginning they are what the whole text has more`, () => {
    const before = tokenizer.encode("the boat was", { addSpecial: true });
    fc.assert(
      fc.property(anyTokens(tokenizer, 12), (ids) => {
        const whole = tokenizer.decode([...before, ...ids]);
        assert.equal(tokenizer.decode(before) + piecesOf(tokenizer, ids, before).join(""), whole);
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("a first word after a beginning keeps its space, where a text's own first word has none", () => {
  for (const [name, tokenizer] of SENTENCE_PIECES.slice(0, 2)) {
    const ids = tokenizer.encode("a");
    assert.equal(piecesOf(tokenizer, ids).join(""), "a", name);
    assert.equal(piecesOf(tokenizer, ids, tokenizer.encode("a")).join(""), " a", name);
  }
});

Deno.test("a character that takes several tokens is held back until it is whole", () => {
  assert.deepEqual(piecesOf(BYTES, BYTES.encode("aé你🎈b")), [
    ...["a", "", "é", "", "", "你", "", "", "", "🎈", "b"],
  ]);
});

Deno.test("bytes that are no character are given, and one that comes after them is not cut", () => {
  const [first, second] = BYTES.encode("é");
  const stray = second!;
  const ids = [stray, stray, stray, first!, second!, BYTES.encode("b")[0]!];
  const pieces = piecesOf(BYTES, ids);
  assert.equal(pieces.join(""), "\uFFFD\uFFFD\uFFFDéb");
  assert.equal(pieces[4]!.at(-1), "é");
});

Deno.test("the last token gives what was held back, as far as it got", () => {
  const unfinished = [...BYTES.encode("a🎈").subarray(0, 3)];
  assert.deepEqual(piecesOf(BYTES, unfinished), ["a", "", "\uFFFD"]);
  const stream = new TextStream(BYTES);
  assert.deepEqual(unfinished.map((id) => stream.push(id)), ["a", "", ""]);
});
