import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { BpeBoundaries } from "../../../core/io/bpe_boundaries.ts";
import { assertTokenizerFits, loadTokenizer, type Tokenizer } from "../../../core/io/tokenizer.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

const special = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** Tokens numbered in order, from `first`. */
const numbered = (tokens: readonly string[], first = 0) =>
  Object.fromEntries(tokens.map((token, index) => [token, first + index]));

/** A tokenizer in Llama 2's manner: dummy prefix, "▁" for a space, bytes for unknown characters. */
function sentencePieceJson(): Record<string, unknown> {
  const byteTokens = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const letters = ["▁", "t", "h", "e", "a", "n", "1", "2", "é"];
  const merges = [["▁", "t"], ["h", "e"], ["▁t", "he"], ["a", "n"], ["▁", "▁"], ["e", "▁"]];
  const made = merges.map((pair) => pair.join(""));
  return {
    version: "1.0",
    added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: numbered(["<unk>", "<s>", "</s>", ...byteTokens, ...letters, ...made]),
      merges,
    },
  };
}

/** A tokenizer in Gemma's manner: no dummy prefix, and a cutter at spaces that finds none. */
function gemmaJson(): Record<string, unknown> {
  return {
    ...sentencePieceJson(),
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: {
      type: "Split",
      pattern: { String: " " },
      behavior: "MergedWithPrevious",
      invert: false,
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
  };
}

/** A byte-level tokenizer in GPT-2's manner over ASCII letters and the bytes of "é" and "😀". */
function byteLevelJson(): Record<string, unknown> {
  const letters = ["Ġ", "t", "h", "e", "a", "Ċ", "Ã", "©", "Ì", "ģ", "ð", "Ł", "ĺ", "Ģ"];
  const merges = [["t", "h"], ["Ã", "©"], ["ð", "Ł"], ["Ġ", "th"]];
  return {
    version: "1.0",
    added_tokens: [special(50, "<|endoftext|>")],
    normalizer: { type: "NFC" },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      unk_token: null,
      vocab: numbered([...letters, ...merges.map((pair) => pair.join(""))]),
      merges,
    },
  };
}

async function load(
  description: Record<string, unknown>,
  others: Record<string, unknown> = {},
): Promise<Tokenizer> {
  let tokenizer: Tokenizer | undefined;
  await inFolder(async (folder) => {
    for (const [name, value] of Object.entries({ "tokenizer.json": description, ...others })) {
      fs.writeFileSync(join(folder, name), JSON.stringify(value));
    }
    tokenizer = await loadTokenizer(folder);
  });
  return tokenizer!;
}

/** The piece of `text` that each token came from. */
function piecesOf(tokenizer: Tokenizer, text: string, addSpecial = false): string[] {
  const ids = tokenizer.encode(text, { addSpecial });
  const { starts, ends } = tokenizer.offsets(text, ids);
  return [...starts].map((start, i) => text.slice(start, ends[i]));
}

Deno.test("special tokens are found beside the tokenizer, or in what it puts around a text", async () => {
  const alone = await load(sentencePieceJson());
  assert.deepEqual([alone.bosId, alone.eosId, alone.padId], [1, 2, undefined]);
  const told = await load(sentencePieceJson(), {
    "tokenizer_config.json": { bos_token: null, eos_token: { content: "<s>" }, pad_token: "<unk>" },
  });
  assert.deepEqual([told.bosId, told.eosId, told.padId], [undefined, 1, 0]);
  const model = await load(byteLevelJson(), { "config.json": { eos_token_id: [50, 3] } });
  assert.deepEqual([model.bosId, model.eosId, model.vocabSize], [undefined, 50, 51]);
});

Deno.test("text becomes ids and ids become the text again", async () => {
  const tokenizer = await load(sentencePieceJson());
  for (const text of ["", "the ant", "  the\n\té😀 ", "ü<s>the"]) {
    const ids = tokenizer.encode(text);
    assert.ok(ids instanceof Int32Array);
    // A stretch after a special token has a dummy space of its own, as in Hugging Face's.
    assert.equal(tokenizer.decode(ids, { keepSpecial: true }), text.replace("<s>", "<s> "));
  }
  assert.deepEqual([...tokenizer.encode("", { addSpecial: true })], [1]);
  assert.equal(tokenizer.decode(tokenizer.encode("the", { addSpecial: true })), "the");
  assert.equal(tokenizer.decode([]), "");
});

Deno.test("a text taken literally has no special tokens but those put around it", async () => {
  const tokenizer = await load(sentencePieceJson());
  const text = "the</s> <s>the";
  const ids = tokenizer.encode(text, { literal: true });
  assert.ok(ids.every((id) => id > 2), `${ids}`);
  assert.equal(tokenizer.decode(ids), text);
  assert.deepEqual([...tokenizer.encode(text, { literal: true, addSpecial: true })], [1, ...ids]);
  const bytes = await load(byteLevelJson());
  assert.deepEqual([...bytes.encode("the<|endoftext|>")].at(-1), 50);
  assert.ok(!bytes.encode("the<|endoftext|>", { literal: true }).includes(50));
});

Deno.test("every token of the SentencePiece kind knows the characters it came from", async () => {
  const tokenizer = await load(sentencePieceJson());
  assert.deepEqual(piecesOf(tokenizer, "the ant"), ["the", " ", "an", "t"]);
  assert.deepEqual(piecesOf(tokenizer, "the", true), ["", "the"]);
  // The dummy prefix has no width; each byte of a character has the place of the character.
  assert.deepEqual(piecesOf(tokenizer, "é😀1"), ["", "é", "😀", "😀", "😀", "😀", "1"]);
  assert.deepEqual(piecesOf(tokenizer, "the<s>the</s>"), ["the", "<s>", "the", "</s>"]);
  assert.deepEqual(piecesOf(tokenizer, ""), []);
});

Deno.test("every byte-level token knows the characters it came from, composed ones too", async () => {
  const tokenizer = await load(byteLevelJson());
  assert.deepEqual(piecesOf(tokenizer, "the th"), ["th", "e", " th"]);
  assert.deepEqual(piecesOf(tokenizer, "t😀<|endoftext|>"), [
    "t",
    "😀",
    "😀",
    "😀",
    "<|endoftext|>",
  ]);
  // "e" and a combining acute are one letter to the tokenizer and two to the text.
  assert.deepEqual(piecesOf(tokenizer, "te\u0301a"), ["t", "e\u0301", "a"]);
});

Deno.test("the places of tokens cover any text, in order and without gaps", async () => {
  for (const description of [sentencePieceJson(), byteLevelJson()]) {
    const tokenizer = await load(description);
    const word = fc.constantFrom("the", " ", "  ", "e ", "te\u0301", "é", "😀", "\n", "a");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }).map((words) => words.join("")), (text) => {
        const { starts, ends } = tokenizer.offsets(text, tokenizer.encode(text));
        let covered = 0;
        starts.forEach((start, i) => {
          assert.ok(start <= covered && ends[i]! >= covered, `${JSON.stringify(text)}: token ${i}`);
          covered = ends[i]!;
        });
        // The small byte-level vocabulary lacks some bytes, which the model leaves out.
        if (!/[^thea\né😀 ]/u.test(text)) assert.equal(covered, text.length);
      }),
      { seed: 3, numRuns: 200 },
    );
  }
});

Deno.test("ids of another text are refused", async () => {
  const tokenizer = await load(sentencePieceJson());
  assert.throws(() => tokenizer.offsets("ant", tokenizer.encode("the")), RangeError);
  assert.throws(() => tokenizer.offsets("th", tokenizer.encode("the")), RangeError);
});

for (const [manner, describe] of [["Llama 2", sentencePieceJson], ["Gemma", gemmaJson]] as const) {
  Deno.test(`cutting a text between characters that no token joins leaves ${manner}'s ids alone`, async () => {
    const description = describe();
    const tokenizer = await load(description);
    const whole = new LibraryTokenizer(description, {});
    const character = fc.constantFrom("t", "h", "e", "a", "n", " ", "▁", "1", "é", "\n", "😀");
    fc.assert(
      fc.property(fc.array(character, { maxLength: 60 }), (characters) => {
        const text = characters.join("");
        const expected = text === "" ? [] : whole.encode(text, { add_special_tokens: false }).ids;
        assert.deepEqual([...tokenizer.encode(text)], expected);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
}

Deno.test("Gemma's manner of writing gives a text back, and the place of every token", async () => {
  const tokenizer = await load(gemmaJson());
  const text = "the  ant 12 thé 😀 an";
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  assert.equal(piecesOf(tokenizer, "the ant then").join(""), "the ant then");
});

Deno.test("text is cut exactly where no merge can cross", () => {
  const boundaries = new BpeBoundaries(["ab", "abc", "😀d"]);
  assert.deepEqual(boundaries.cut("abcab a😀dd"), ["abc", "ab", " ", "a", "😀d", "d"]);
  assert.deepEqual(boundaries.cut(""), []);
});

Deno.test("a tokenizer that is missing, broken or of another kind is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "tokenizer.json");
    const refused = (value: unknown, ...patterns: string[]) => {
      fs.writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
      return userError(() => loadTokenizer(path), "tokenizer.json", ...patterns);
    };
    await userError(
      () => loadTokenizer(folder),
      folder,
      "no tokenizer.json and no tokenizer.model",
    );
    await userError(() => loadTokenizer(path), "tokenizer.json", "no such file");
    await userError(() => loadTokenizer(join(folder, "none")), "none", "no such file");
    await refused("{", "not valid JSON");
    await refused({}, '"model"');
    await refused({ model: { type: "Unigram" } }, "Unigram", "only byte-pair encoding");
    await refused({ model: { type: "BPE", vocab: {} } }, "merges");
    await refused({ ...sentencePieceJson(), added_tokens: null }, "added_tokens");
    await refused({ ...sentencePieceJson(), normalizer: { type: "Odd" } }, "Odd");
  }));

Deno.test("places are refused, in one line, where a rewriting cannot be followed", async () => {
  const tokenizer = await load({ ...byteLevelJson(), normalizer: { type: "StripAccents" } });
  assert.equal(tokenizer.encode("the").length, 2);
  await userError(() => tokenizer.offsets("the", tokenizer.encode("the")), "StripAccents");
});

Deno.test("a tokenizer with more ids than the model has rows is refused", async () => {
  const tokenizer = await load(byteLevelJson());
  assertTokenizerFits(tokenizer, 51, "some/model");
  await userError(() => assertTokenizerFits(tokenizer, 50, "some/model"), "some/model", "50");
});

Deno.test("of two tokenizers in a folder the tokenizer.json is read", () =>
  inFolder(async (folder) => {
    fs.writeFileSync(join(folder, "tokenizer.model"), "no model at all");
    await userError(() => loadTokenizer(folder), "tokenizer.model");
    fs.writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(byteLevelJson()));
    assert.equal((await loadTokenizer(folder)).vocabSize, 51);
  }));

interface VectorFile {
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

for (const file of ["hf/tokenizer.json", "tok512.rebuilt.model"]) {
  testWithData(
    `stories260K/${file}: ids are those of the program it was trained with`,
    "stories260K",
    async () => {
      const tokenizer = await loadTokenizer(sharedPath(`stories260K/${file}`));
      const { cases }: VectorFile = JSON.parse(
        await Deno.readTextFile(sharedPath("stories260K/tok512_vectors.json")),
      );
      assert.equal(cases.length, 140);
      let spelledOut = 0;
      for (const { text, ids } of cases) {
        // That program knows no special tokens in a text.
        const literal = { addSpecial: true, literal: true };
        assert.deepEqual([...tokenizer.encode(text, literal)], ids);
        if (text.includes("<unk>")) {
          spelledOut++;
          const parts = text.split("<unk>").map((part) => [...tokenizer.encode(part)]);
          const expected = parts.flatMap((part, i) => i === 0 ? part : [0, ...part]);
          assert.deepEqual([...tokenizer.encode(text)], expected);
        } else {
          assert.deepEqual([...tokenizer.encode(text, { addSpecial: true })], ids);
        }
        const { ends } = tokenizer.offsets(text, tokenizer.encode(text));
        assert.equal(ends.at(-1) ?? 0, text.length);
      }
      assert.equal(spelledOut, 8);
    },
  );
}

/** What a text is after encoding and decoding, where Hugging Face's tokenizers change it. */
const asIs = (text: string) => text;
const spaced = (text: string) => text.replaceAll("▁", " ");
const composed = (text: string) => text.normalize("NFC");

for (
  const [file, vectors, comesBack] of [
    ["llama2/tokenizer.json", "llama-spm", spaced],
    ["llama2/tokenizer.model", "llama-spm", spaced],
    ["phi3-mini/tokenizer.json", "phi-3", spaced],
    ["qwen2.5/tokenizer.json", "qwen2", composed],
    ["llama3/tokenizer.json", "llama-bpe", asIs],
  ] as const
) {
  const read = (ending: string) =>
    Deno.readTextFileSync(sharedPath(`tokenizers/vectors/ggml-vocab-${vectors}.gguf.${ending}`));

  testWithData(`${file}: all strings have the expected ids`, `tokenizers/${file}`, async () => {
    const tokenizer = await loadTokenizer(sharedPath(`tokenizers/${file}`));
    const texts = read("inp").split("\n__ggml_vocab_test__\n");
    const expected = read("out").split("\n");
    assert.ok(texts.length >= 46);
    texts.forEach((text, i) => {
      const ids = tokenizer.encode(text);
      assert.equal(ids.join(" "), expected[i]!.trim(), `string ${i}: ${JSON.stringify(text)}`);
      assert.equal(tokenizer.decode(ids), comesBack(text));
      const { ends } = tokenizer.offsets(text, ids);
      assert.equal(ends.at(-1) ?? 0, text.length);
    });
  });

  // Python's tokenizers 0.23.3 and sentencepiece 0.2.3 do the same: "▁" comes back as a space, and
  // Qwen's NFC is not undone.
  testWithData(`${file}: any text comes back`, `tokenizers/${file}`, async () => {
    const tokenizer = await loadTokenizer(sharedPath(`tokenizers/${file}`));
    const text = fc.array(
      fc.oneof(
        fc.constantFrom("the", " ", "  ", "\n", "\t", "e\u0301", "▁", "\u212b", "\ufeff", "don't"),
        fc.string({ unit: "binary", maxLength: 3 }),
        fc.string({ unit: "grapheme", maxLength: 2 }),
      ),
      { maxLength: 20 },
    ).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (given) => {
        assert.equal(tokenizer.decode(tokenizer.encode(given)), comesBack(given));
      }),
      { seed: 5, numRuns: 1000 },
    );
  });
}
