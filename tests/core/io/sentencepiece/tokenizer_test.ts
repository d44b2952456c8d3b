import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { loadTokenizer, type Tokenizer } from "../../../../core/io/tokenizer.ts";
import { inFolder, userError } from "../support.ts";
import { goldenCases, type GoldenModel, loadGolden } from "./support.ts";

/** The piece of `text` that each token came from. */
function piecesOf(tokenizer: Tokenizer, text: string, addSpecial = false): string[] {
  const { starts, ends } = tokenizer.offsets(text, tokenizer.encode(text, { addSpecial }));
  return [...starts].map((start, i) => text.slice(start, ends[i]));
}

const added = (content: string, more: Record<string, boolean> = {}) => ({
  content,
  lstrip: false,
  rstrip: false,
  normalized: false,
  single_word: false,
  special: true,
  ...more,
});

Deno.test("special tokens are the model's own, or those that are named beside it", async () => {
  const alone = await loadGolden("identity");
  assert.deepEqual([alone.bosId, alone.eosId, alone.padId], [1, 2, undefined]);
  assert.equal(alone.vocabSize, 400);
  const padded = await loadGolden("nmt_nfkc");
  assert.deepEqual([padded.bosId, padded.eosId, padded.padId], [1, 2, 3]);
  const told = await loadGolden("identity", {
    "tokenizer_config.json": { bos_token: null, eos_token: added("<s>"), pad_token: "</s>" },
  });
  assert.deepEqual([told.bosId, told.eosId, told.padId], [undefined, 1, 2]);
  const model = await loadGolden("identity", { "config.json": { pad_token_id: 0 } });
  assert.equal(model.padId, 0);
});

Deno.test("the beginning of sequence is added unless the settings say no, the end if they say so", async () => {
  const special = async (settings: Record<string, unknown>) => {
    const tokenizer = await loadGolden("identity", { "tokenizer_config.json": settings });
    return [...tokenizer.encode("", { addSpecial: true })];
  };
  assert.deepEqual(await special({}), [1]);
  assert.deepEqual(await special({ add_bos_token: true, add_eos_token: false }), [1]);
  assert.deepEqual(await special({ add_bos_token: false }), []);
  assert.deepEqual(await special({ add_eos_token: true }), [1, 2]);
  assert.deepEqual(await special({ bos_token: null }), []);
});

Deno.test("tokens that the settings add are found in the text and have their ids", async () => {
  const settings = {
    "added_tokens_decoder": {
      "400": added("<|end|>", { rstrip: true }),
      "401": added("<|user|>", { lstrip: true, special: false }),
    },
    "additional_special_tokens": ["<|end|>", "<|other|>"],
  };
  const tokenizer = await loadGolden("identity", {
    "tokenizer_config.json": settings,
    "added_tokens.json": { "<|other|>": 403, "<|plain|>": 404 },
  });
  assert.equal(tokenizer.vocabSize, 405);
  const the = [...tokenizer.encode("the")];
  const text = "the  <|user|><|end|> \n the<|other|><|plain|>";
  const ids = [...the, 401, 400, ...the, 403, 404];
  assert.deepEqual([...tokenizer.encode(text)], ids);
  assert.equal(tokenizer.decode(ids), "the<|user|>the<|plain|>");
  assert.equal(
    tokenizer.decode(ids, { keepSpecial: true }),
    "the<|user|><|end|>the<|other|><|plain|>",
  );
  const places = piecesOf(tokenizer, text);
  assert.deepEqual(places.slice(-4), ["<|end|>", "the", "<|other|>", "<|plain|>"]);
});

Deno.test("a text taken literally has no special tokens but those put around it", async () => {
  const tokenizer = await loadGolden("identity");
  const text = "the</s> <s>the";
  const ids = tokenizer.encode(text, { literal: true });
  assert.ok(ids.every((id) => id > 2), `${ids}`);
  assert.equal(tokenizer.decode(ids), text);
  assert.deepEqual([...tokenizer.encode(text, { literal: true, addSpecial: true })], [1, ...ids]);
});

Deno.test("a longer token wins over a shorter one at the same place", async () => {
  const tokenizer = await loadGolden("identity", {
    "added_tokens.json": { "<s>>": 400, "<s": 401 },
  });
  assert.deepEqual([...tokenizer.encode("<s>><s><s")], [400, 1, 401]);
});

Deno.test("every token knows the characters it came from", async () => {
  const identity = await loadGolden("identity");
  assert.deepEqual(piecesOf(identity, "the cat"), ["the", " c", "at"]);
  assert.deepEqual(piecesOf(identity, "the", true), ["", "the"]);
  assert.deepEqual(piecesOf(identity, "😀"), ["", "😀", "😀", "😀", "😀"]);
  assert.deepEqual(piecesOf(identity, "the<s> the"), ["the", "<s>", "", " the"]);
  const nmt = await loadGolden("nmt_nfkc");
  // Spaces that are dropped at the ends are nobody's; of several, all are the one that is kept.
  assert.deepEqual(piecesOf(nmt, "  the  \n cat "), ["the", "  \n cat"]);
  // One character that becomes several, and several that become one.
  assert.deepEqual(piecesOf(nmt, "a \ufb01"), ["a", " ", "\ufb01", "\ufb01"]);
  assert.deepEqual(piecesOf(nmt, "cafe\u0301s"), ["c", "afe\u0301", "s"]);
  // Unknown characters share a token; a user-defined piece is cut where its parts are.
  assert.deepEqual(piecesOf(nmt, "a@-@中文"), ["a", "@-@", "中文"]);
  assert.deepEqual(piecesOf(nmt, "small bird"), ["small", " bird"]);
});

Deno.test("ids of another text are refused", async () => {
  const tokenizer = await loadGolden("identity");
  for (const text of ["cat", "", "th"]) {
    assert.throws(() => tokenizer.offsets(text, tokenizer.encode("the")), {
      name: "RangeError",
      message: /^Cannot place token 0 \(id \d+\) at offset 0: these ids are not an encoding/,
    });
  }
});

const character = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("the", "cat", " ", "  ", "\n", "@-@", "½", "e\u0301") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 3 }) },
);
const anyText = fc.array(character, { maxLength: 20 }).map((parts) => parts.join(""));

for (const model of ["identity", "bare"] as const) {
  Deno.test(`${model}: any text comes back from its ids, whole, with "▁" as a space`, async () => {
    const tokenizer = await loadGolden(model);
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text, { addSpecial: true });
        assert.equal(ids[0], 1);
        assert.equal(tokenizer.decode(ids), text.replaceAll("▁", " "));
        const spelledOut = `${text}</s>${text}<unk>`;
        assert.equal(
          tokenizer.decode(tokenizer.encode(spelledOut), { keepSpecial: true }),
          spelledOut.replaceAll("▁", " "),
        );
      }),
      { seed: 7, numRuns: 500 },
    );
  });
}

Deno.test("a lone half of a character is read as U+FFFD", async () => {
  const tokenizer = await loadGolden("identity");
  assert.deepEqual(tokenizer.encode("a\ud83d"), tokenizer.encode("a\ufffd"));
  assert.deepEqual(piecesOf(tokenizer, "a\ud83d").slice(-1), ["\ud83d"]);
});

Deno.test("bytes that are no whole character read as one U+FFFD each", async () => {
  const tokenizer = await loadGolden("identity");
  const [, ...bytes] = tokenizer.encode("😀");
  assert.equal(tokenizer.decode(bytes.slice(0, 3)), "\ufffd\ufffd\ufffd");
  assert.equal(tokenizer.decode([...bytes.slice(1), ...bytes]), "\ufffd\ufffd\ufffd😀");
  assert.equal(tokenizer.decode([400, 12345, -1, 0.5]), "");
});

for (const model of ["identity", "nmt_nfkc", "bare"] as const) {
  Deno.test(`${model}: places are in order, inside the text, and end with it`, async () => {
    const tokenizer = await loadGolden(model);
    fc.assert(
      fc.property(anyText, (text) => {
        const { starts, ends } = tokenizer.offsets(text, tokenizer.encode(text));
        let [start, end] = [0, 0];
        starts.forEach((next, i) => {
          assert.ok(next >= start && ends[i]! >= end && next <= ends[i]!, JSON.stringify(text));
          if (model !== "nmt_nfkc") assert.ok(next <= end, `${JSON.stringify(text)}: gap`);
          [start, end] = [next, ends[i]!];
        });
        assert.ok(model === "nmt_nfkc" || end === text.length);
      }),
      { seed: 8, numRuns: 300 },
    );
  });
}

const UNIGRAM = [0x12, 2, 0x18, 1];
const SUFFIX = [0x12, 5, 0x18, 2, 0xc0, 1, 1];
const BYTES_WANTED = [0x12, 5, 0x18, 2, 0x98, 2, 1];
const BROKEN: [what: string, model: GoldenModel, appended: number[], pattern: string][] = [
  ["a unigram model", "identity", UNIGRAM, "its model is unigram; only byte-pair encoding"],
  ["spaces after words", "identity", SUFFIX, "treat_whitespace_as_suffix"],
  ["byte fallback without bytes", "nmt_nfkc", BYTES_WANTED, "no piece <0x00>; download it again"],
  ["rewritten decoded text", "identity", [0x2a, 3, 0x12, 1, 0], "denormalizer_spec"],
  ["a broken table of characters", "identity", [0x1a, 4, 0x12, 2, 9, 9], "precompiled_charsmap"],
  ["a piece twice", "identity", [0x0a, 3, 0x0a, 1, 0x74], 'it has the piece "t" twice'],
  ["an empty piece", "identity", [0x0a, 0], "its piece 400 is empty"],
  ["a field that is cut off", "identity", [0x0a, 99], "it is not a SentencePiece model"],
];
for (const [what, model, appended, pattern] of BROKEN) {
  Deno.test(`a model with ${what} is refused in one line`, () =>
    userError(() => loadGolden(model, {}, appended), "tokenizer.model: ", pattern));
}

Deno.test("a file that is missing or something else is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "tokenizer.model");
    await userError(() => loadTokenizer(path), "tokenizer.model", "no such file");
    fs.writeFileSync(path, "");
    await userError(() => loadTokenizer(path), "tokenizer.model: it has no pieces");
    fs.writeFileSync(path, "<!doctype html><title>Not found</title>");
    await userError(() => loadTokenizer(folder), "tokenizer.model: it is not a SentencePiece");
    // A model whose only piece is a letter.
    fs.writeFileSync(path, Uint8Array.of(0x0a, 3, 0x0a, 1, 0x61, 0x12, 2, 0x18, 2));
    await userError(() => loadTokenizer(folder), "tokenizer.model: it has no piece for the unkn");
  }));

Deno.test("settings that are not JSON objects are refused", async () => {
  const settings = { "tokenizer_config.json": [1] };
  await userError(() => loadGolden("identity", settings), "tokenizer_config.json", "JSON object");
});

Deno.test("a long text is encoded as its parts are", async () => {
  const tokenizer = await loadGolden("identity");
  const words = goldenCases("identity").map(({ text }) => text).filter((text) =>
    /^\w+$/.test(text)
  );
  const text = Array.from({ length: 20_000 }, (_, i) => words[i * 7 % words.length]).join(" ");
  const ids = tokenizer.encode(text);
  const parts = text.split(" ").flatMap((word) => [...tokenizer.encode(word)]);
  assert.deepEqual([...ids], parts);
});
