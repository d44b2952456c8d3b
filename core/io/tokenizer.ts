/**
 * Tokenizers, read from a `tokenizer.json`: byte-pair encoding, byte-level (GPT-2, Llama 3, Qwen)
 * or of the SentencePiece kind with byte fallback (Llama 2, TinyLlama); or from a SentencePiece
 * `tokenizer.model` (OpenLLaMA), by `sentencepiece/`.
 *
 * The encoding of a `tokenizer.json` is the library's, `@huggingface/tokenizers`. Added here: long
 * texts in linear time (`bpe_boundaries.ts`), the place of every token in the text
 * (`token_offsets.ts`), and errors that say what to do.
 */

import type { PreTokenizer as LibraryPreTokenizer } from "@huggingface/tokenizers";
import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { BpeBoundaries } from "./bpe_boundaries.ts";
import { isJsonObject, type JsonObject, readJsonObject } from "./json.ts";
import { findSpecialIds } from "./special_tokens.ts";
import {
  type AddedToken,
  alignTokens,
  refuseOffsets,
  rewritingOf,
  type TokenOffsets,
  type TokenTable,
} from "./token_offsets.ts";

/** Turns text into ids and back. */
export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number;
  /** The token that begins a sequence, if there is one. */
  readonly bosId: number | undefined;
  /** The token that ends a text, if there is one. */
  readonly eosId: number | undefined;
  /** The token that fills up a batch, if there is one. */
  readonly padId: number | undefined;
  /**
   * The ids of a text. A special token that is spelled out in it, such as `<unk>`, becomes that
   * token, as in Hugging Face's tokenizers. Long texts are welcome.
   *
   * @param options.addSpecial adds the tokens that the tokenizer puts around a text (for Llama, the
   *   beginning of sequence); off by default
   */
  encode(text: string, options?: { readonly addSpecial?: boolean }): Int32Array<ArrayBuffer>;
  /**
   * The text of ids; a character cut in two reads as U+FFFD.
   *
   * @param options.keepSpecial spells out special tokens; off by default
   */
  decode(ids: ArrayLike<number>, options?: { readonly keepSpecial?: boolean }): string;
  /**
   * Where in `text` each of `ids` came from; `ids` must be its encoding, with or without special
   * tokens. A token with only some bytes of a character has the place of the whole character; the
   * dummy space in front and added special tokens have no width.
   *
   * @throws {RangeError} when `ids` is not an encoding of `text`.
   * @throws {UserError} when the tokenizer rewrites text in a way whose places cannot be followed.
   */
  offsets(text: string, ids: ArrayLike<number>): TokenOffsets;
}

/**
 * Reads a tokenizer.
 *
 * @param path a `tokenizer.json`, a SentencePiece model (`tokenizer.model`), or the folder that
 *   holds one; `tokenizer_config.json` and its like beside it say which tokens are special
 * @throws {UserError} when the file is missing or broken, or is not byte-pair encoding.
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const isFolder = fs.existsSync(path) && fs.statSync(path).isDirectory();
  const file = isFolder ? findTokenizer(path) : path;
  if (file === undefined) {
    throw new UserError(
      `Cannot read the tokenizer in ${path}: it has no tokenizer.json and no tokenizer.model; ` +
        "download one of them into the folder",
    );
  }
  if (!file.endsWith(".model")) return await loadTokenizerJson(file);
  // Loaded only when it is needed, like the library below.
  const { loadSentencePiece } = await import("./sentencepiece/tokenizer.ts");
  return loadSentencePiece(file);
}

/** The path of a folder's `tokenizer.json`, or else of its `tokenizer.model`, if it has one. */
export function findTokenizer(folder: string): string | undefined {
  return ["tokenizer.json", "tokenizer.model"].map((name) => join(folder, name))
    .find((file) => fs.existsSync(file));
}

async function loadTokenizerJson(file: string): Promise<Tokenizer> {
  const description = readJsonObject(file, "the tokenizer");
  const model = checkModel(description, file);
  // Loaded only when a tokenizer is: `--help` should not wait for it.
  const { PreTokenizer, Tokenizer: LibraryTokenizer } = await import("@huggingface/tokenizers");
  let library: InstanceType<typeof LibraryTokenizer>;
  try {
    // Decoding must give back what was encoded, so nothing is "cleaned up".
    library = new LibraryTokenizer(description, { clean_up_tokenization_spaces: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`Cannot read the tokenizer ${file}: ${reason.replaceAll(/\s+/g, " ")}`);
  }

  if (cutsAnywhere(description, model)) {
    const boundaries = new BpeBoundaries(mergedTokens(model));
    const inner = library.pre_tokenizer;
    class CuttingPreTokenizer extends PreTokenizer {
      pre_tokenize_text(
        text: string,
        options?: Parameters<LibraryPreTokenizer["pre_tokenize_text"]>[1],
      ): string[] {
        const pieces = inner === null ? [text] : inner.pre_tokenize(text, options);
        return pieces.flatMap((piece) => boundaries.cut(piece));
      }
    }
    library.pre_tokenizer = new CuttingPreTokenizer();
  }

  const table = tokenTable(description, model);
  const encode = (text: string, addSpecial: boolean) =>
    Int32Array.from(library.encode(text, { add_special_tokens: addSpecial }).ids);
  return {
    vocabSize: vocabSizeOf(description, model),
    ...findSpecialIds(file, (content) => library.token_to_id(content), {
      // What the tokenizer puts around a text.
      bosId: encode("", true)[0],
      eosId: usualEnd(description),
      padId: undefined,
    }),
    encode: (text, options) => encode(text, options?.addSpecial === true),
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

/**
 * Checks that every id of the tokenizer has a row in the model's embedding.
 *
 * @param vocabSize the model's number of rows
 * @param folder where the model is from, for the message
 * @throws {UserError} when the tokenizer has ids that the model lacks.
 */
export function assertTokenizerFits(
  tokenizer: Pick<Tokenizer, "vocabSize">,
  vocabSize: number,
  folder: string,
): void {
  if (tokenizer.vocabSize > vocabSize) {
    throw new UserError(
      `Cannot use the tokenizer of ${folder}: it has ids up to ${tokenizer.vocabSize - 1} but ` +
        `the model's vocab_size is ${vocabSize}; use the tokenizer that belongs to the model`,
    );
  }
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
  const wholeTexts = !isJsonObject(cutter) || cutter["type"] === "Metaspace";
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
const USUAL_ENDS = ["</s>", "<|end_of_text|>", "<|endoftext|>"];

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
