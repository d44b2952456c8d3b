/** Training byte-level BPE vocabularies, and reading them with @huggingface/tokenizers. */

import assert from "node:assert/strict";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { UserError } from "../../../core/contracts/errors.ts";
import {
  byteAlphabet,
  byteLevelTokenizerConfig,
  END_OF_TEXT,
  trainByteLevelBpe,
} from "../../../core/io/bpe_trainer.ts";

const TEXTS = [
  "The boat was on the river. The river was long, and the boat was slow.",
  "12 + 30 = 42. They don't know the river's name.",
];
const json = trainByteLevelBpe(TEXTS, { vocabularySize: 300 });
const tokenizer = new Tokenizer(json, byteLevelTokenizerConfig());
const encode = (text: string) => tokenizer.encode(text);

Deno.test("byteAlphabet() has a printable character of its own for each byte", () => {
  const characters = byteAlphabet();
  assert.equal(new Set(characters).size, 256);
  assert.equal(characters[0x41], "A");
  assert.equal(characters[0x20], "Ġ");
  assert.equal(characters[0x0a], "Ċ");
  assert.ok(characters.every((character) => !/\s/.test(character)));
});

Deno.test("trainByteLevelBpe() learns the merges that counting by hand gives", () => {
  // Words "ab" x3, "abc" x2, "bc" x3 without spaces before them: a+b 5, b+c 5; the tie goes to the
  // smaller ids, and after it ab+c 2 stands against b+c 3.
  const texts = ["ab", "ab", "ab", "abc", "abc", "bc", "bc", "bc"];
  const { model } = trainByteLevelBpe(texts, { vocabularySize: 260 });
  assert.deepEqual(model.merges, [["a", "b"], ["b", "c"], ["ab", "c"]]);
  assert.deepEqual([model.vocab.ab, model.vocab.bc, model.vocab.abc], [257, 258, 259]);
});

Deno.test("trainByteLevelBpe() counts overlapping pairs in runs as merging will find them", () => {
  const { model } = trainByteLevelBpe(["aaaaaaa"], { vocabularySize: 259 });
  assert.deepEqual(model.merges, [["a", "a"], ["aa", "aa"]]);
  const runs = new Tokenizer(trainByteLevelBpe(["aaaaaaa"], { vocabularySize: 259 }), {});
  assert.deepEqual(runs.encode("aaaaaaa").tokens, ["aaaa", "aa", "a"]);
});

Deno.test("the special token has id 0 and the vocabulary the size asked for", () => {
  assert.equal(json.model.vocab[END_OF_TEXT], 0);
  assert.deepEqual(encode(END_OF_TEXT).ids, [0]);
  const ids = Object.values(json.model.vocab).sort((a, b) => a - b);
  assert.deepEqual(ids, Array.from({ length: 300 }, (_, id) => id));
  assert.equal(json.model.merges.length, 300 - 257);
});

Deno.test("several special tokens get the first ids", () => {
  const special = trainByteLevelBpe(TEXTS, { vocabularySize: 270, specialTokens: ["<a>", "<b>"] });
  assert.deepEqual([special.model.vocab["<a>"], special.model.vocab["<b>"]], [0, 1]);
  assert.deepEqual(special.added_tokens.map(({ content }) => content), ["<a>", "<b>"]);
});

Deno.test("digits stand alone and a space belongs to what follows", () => {
  const numbers = trainByteLevelBpe(Array(50).fill("year 1234 is 1234"), { vocabularySize: 300 });
  const { tokens } = new Tokenizer(numbers, byteLevelTokenizerConfig()).encode("year 1234 is");
  assert.deepEqual(tokens, ["year", "Ġ1", "2", "3", "4", "Ġis"]);
});

Deno.test("frequent words become one token", () => {
  assert.deepEqual(encode(" river the boat").tokens, ["Ġriver", "Ġthe", "Ġboat"]);
});

Deno.test("decoding gives back any text, whatever its script", () => {
  const samples = [
    "héllo  wörld 😀👩‍👩‍👧 中文 ٣½",
    "a\n\n b\t\tc   ",
    " ",
    "\u0000\u0001\u0085\u00a0\u2028\ufeff\u200d",
    "they don't, 's",
  ];
  for (const text of samples) assert.equal(tokenizer.decode(encode(text).ids), text);
  const anything = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(
    fc.property(anything, (text) => tokenizer.decode(encode(text).ids) === text),
    { seed: 1, numRuns: 150 },
  );
});

Deno.test("tokens of training text spell its words, in any order of the texts", () => {
  const counted = trainByteLevelBpe([...TEXTS].reverse(), { vocabularySize: 300 });
  assert.deepEqual(counted, json, "ties do not depend on which word came first");
});

Deno.test("training stops where nothing is left to merge", () => {
  const small = trainByteLevelBpe(["ab"], { vocabularySize: 1000 });
  assert.equal(Object.keys(small.model.vocab).length, 258);
});

Deno.test("impossible requests get one clear line", () => {
  const attempts: [() => unknown, RegExp][] = [
    [() => trainByteLevelBpe(TEXTS, { vocabularySize: 100 }), /100 tokens.*at least 257/],
    [() => trainByteLevelBpe(TEXTS, { vocabularySize: NaN }), /NaN tokens.*whole number/],
    [() => trainByteLevelBpe([], { vocabularySize: 300 }), /text is empty/],
    [
      () => trainByteLevelBpe(TEXTS, { vocabularySize: 300, specialTokens: ["<s>", "<s>"] }),
      /"<s>" is given twice/,
    ],
  ];
  for (const [attempt, message] of attempts) {
    assert.throws(attempt, (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return !error.message.includes("\n");
    });
  }
});
