/**
 * Tokenizers out of a `tokenizer.json`: byte-pair encoding, byte-level (GPT-2, Llama 3, Qwen) or of
 * the SentencePiece kind with byte fallback (Llama 2, TinyLlama).
 *
 * The encoding is the library's, `@huggingface/tokenizers`. Added here: long texts in linear time
 * (`bpe_boundaries.ts`), the place of every token in the text (`token_offsets.ts`), and errors that
 * say what to do.
 */

import { PreTokenizer, Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { UserError } from "../contracts/errors.ts";
import { BpeBoundaries } from "./bpe_boundaries.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "./json.ts";
import { findSpecialIds } from "./special_tokens.ts";
import {
  type AddedToken,
  alignTokens,
  refuseOffsets,
  rewritingOf,
  type TokenTable,
} from "./token_offsets.ts";
import type { EncodeOptions, Tokenizer } from "./tokenizer.ts";

/**
 * Reads a `tokenizer.json`.
 *
 * @throws {UserError} when the file is missing or broken, or is not byte-pair encoding.
 */
export function loadTokenizerJson(file: string): Tokenizer {
  const description = readJsonObject(file, "the tokenizer");
  const model = checkModel(description, file);
  const library = makeLibraryTokenizer(description, file);
  // Most texts are never taken literally.
  let literalLibrary: typeof library | undefined;
  const literally = () =>
    literalLibrary ??= makeLibraryTokenizer(withoutSpecial(description), file);

  const table = tokenTable(description, model);
  const encode = (text: string, { addSpecial = false, literal = false }: EncodeOptions) => {
    if (!literal) return library.encode(text, { add_special_tokens: addSpecial }).ids;
    const { ids } = literally().encode(text, { add_special_tokens: false });
    if (!addSpecial) return ids;
    // What is put around a text does not depend on it.
    const inner = library.encode("a", { add_special_tokens: false }).ids;
    const around = library.encode("a", { add_special_tokens: true }).ids;
    const front = around.indexOf(inner[0]!);
    return [...around.slice(0, front), ...ids, ...around.slice(front + inner.length)];
  };
  return {
    vocabSize: vocabSizeOf(description, model),
    ...findSpecialIds(file, (content) => library.token_to_id(content), {
      // What the tokenizer puts around a text.
      bosId: encode("", { addSpecial: true })[0],
      eosId: usualEnd(description),
      padId: undefined,
    }),
    encode: (text, options = {}) => Int32Array.from(encode(text, options)),
    decode: (ids, options) => {
      if (ids.length === 0) return "";
      return library.decode(Array.from(ids), {
        skip_special_tokens: options?.keepSpecial !== true,
      });
    },
    offsets: (text, ids) =>
      typeof table === "string" ? refuseOffsets(file, table) : alignTokens(text, ids, table),
  };
}

function makeLibraryTokenizer(description: JsonObject, file: string): LibraryTokenizer {
  let library: LibraryTokenizer;
  try {
    // Decoding must give back what was encoded, so nothing is "cleaned up".
    library = new LibraryTokenizer(description, { clean_up_tokenization_spaces: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`Cannot read the tokenizer ${file}: ${reason.replaceAll(/\s+/g, " ")}`);
  }
  const model = description["model"] as JsonObject;
  if (!cutsAnywhere(description, model)) return library;
  const boundaries = new BpeBoundaries(mergedTokens(model));
  const inner = library.pre_tokenizer;
  class CuttingPreTokenizer extends PreTokenizer {
    pre_tokenize_text(
      text: string,
      options?: Parameters<PreTokenizer["pre_tokenize_text"]>[1],
    ): string[] {
      const pieces = inner === null ? [text] : inner.pre_tokenize(text, options);
      return pieces.flatMap((piece) => boundaries.cut(piece));
    }
  }
  library.pre_tokenizer = new CuttingPreTokenizer();
  return library;
}

/** A tokenizer that does not look for its special tokens in a text. */
function withoutSpecial(description: JsonObject): JsonObject {
  const added = description["added_tokens"] as readonly { readonly special?: boolean }[];
  return { ...description, "added_tokens": added.filter(({ special }) => special !== true) };
}

function checkModel(description: JsonObject, file: string): JsonObject {
  const broken = (what: string) => new UserError(`Cannot read the tokenizer ${file}: ${what}`);
  const { model, added_tokens: added } = description;
  if (!isJsonObject(model)) throw broken('it has no "model"; give a tokenizer.json');
  // Files from before the type was written down are byte-pair encoding if they have merges.
  const type = model["type"] ?? (Array.isArray(model["merges"]) ? "BPE" : undefined);
  if (type !== "BPE") {
    throw broken(`its model is ${JSON.stringify(type)}; only byte-pair encoding (BPE) is read`);
  }
  if (!isJsonObject(model["vocab"]) || !Array.isArray(model["merges"])) {
    throw broken("its model lacks vocab or merges; download it again");
  }
  if (!Array.isArray(added) || !added.every((token) => Number.isSafeInteger(token?.id))) {
    throw broken('it has no list "added_tokens" with ids; download it again');
  }
  return model;
}

/** True when the model merges over whole texts, so that the library would need help with long ones. */
function cutsAnywhere(description: JsonObject, model: JsonObject): boolean {
  const { pre_tokenizer: cutter } = description;
  // Gemma's splits at spaces, of which its normalizer has left none.
  const splitsAtText = (part: JsonObject) =>
    part["type"] === "Split" && isJsonObject(part["pattern"]) && "String" in part["pattern"];
  const wholeTexts = !isJsonObject(cutter) || cutter["type"] === "Metaspace" ||
    splitsAtText(cutter);
  const plain = !model["ignore_merges"] && !model["end_of_word_suffix"] &&
    !model["continuing_subword_prefix"];
  return wholeTexts && plain;
}

/** The tokens that merges make; a merge is `"a b"` in older files, `["a", "b"]` in newer ones. */
function mergedTokens(model: JsonObject): Set<string> {
  const merges = model["merges"] as readonly (string | readonly string[])[];
  return new Set(
    merges.map((merge) => typeof merge === "string" ? merge.replace(" ", "") : merge.join("")),
  );
}

/** Ends of text under the names that model families use, for a tokenizer that comes alone. */
const USUAL_ENDS = ["</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"];

function usualEnd(description: JsonObject): number | undefined {
  const added = description["added_tokens"] as { content: string; id: number }[];
  return added.find(({ content }) => USUAL_ENDS.includes(content))?.id;
}

function vocabSizeOf(description: JsonObject, model: JsonObject): number {
  let largest = -1;
  for (const id of Object.values(model["vocab"] as Record<string, number>)) {
    largest = Math.max(largest, id);
  }
  for (const { id } of description["added_tokens"] as { id: number }[]) {
    largest = Math.max(largest, id);
  }
  return largest + 1;
}

/** What the places of tokens are found with, or the name of the part that prevents it. */
function tokenTable(description: JsonObject, model: JsonObject): TokenTable | string {
  const rewriting = rewritingOf(description["normalizer"], description["pre_tokenizer"]);
  if (typeof rewriting === "string") return rewriting;
  const vocab = new Map(Object.entries(model["vocab"] as Record<string, number>));
  const tokens = new Map([...vocab].map(([token, id]) => [id, token]));
  const added = new Map<number, AddedToken>();
  for (const token of description["added_tokens"] as (AddedToken & { id: number })[]) {
    added.set(token.id, token);
  }
  const unknownId = vocab.get(String(model["unk_token"]));
  const byteLevel = JSON.stringify(description["pre_tokenizer"] ?? "").includes('"ByteLevel"');
  const encoder = new TextEncoder();
  const bytes = new Map<number, Uint8Array>();
  return {
    rewriting,
    added,
    joinsUnknown: (character) =>
      model["fuse_unk"] === true && !vocab.has(rewriting.replace.get(character) ?? character),
    bytesOf: (id) => {
      if (id === unknownId) return undefined;
      let known = bytes.get(id);
      if (known === undefined) {
        const token = tokens.get(id) ?? "";
        const hex = model["byte_fallback"] === true && /^<0x([0-9A-F]{2})>$/.exec(token);
        known = hex
          ? Uint8Array.of(parseInt(hex[1]!, 16))
          : byteLevel
          ? Uint8Array.from(token, (letter) => BYTE_OF_LETTER.get(letter) ?? 0)
          : encoder.encode(token);
        bytes.set(id, known);
      }
      return known;
    },
  };
}

/**
 * Byte-level tokens spell bytes as printable letters (Radford et al., 2019, GPT-2's
 * `bytes_to_unicode`): bytes that print stand for themselves, the others for U+0100 onwards.
 */
const BYTE_OF_LETTER: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    letters.set(String.fromCharCode(prints ? byte : next++), byte);
  }
  return letters;
})();
