/**
 * Tokenizers: byte-pair encoding, from a `tokenizer.json` (Llama 3, Qwen, TinyLlama) or from a
 * SentencePiece `tokenizer.model` (OpenLLaMA).
 */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import type { TokenOffsets } from "./token_offsets.ts";

/** How a text is encoded. */
export interface EncodeOptions {
  /**
   * Adds the tokens that the tokenizer puts around a text (for Llama, the beginning of sequence); off
   * by default.
   */
  readonly addSpecial?: boolean;
  /**
   * Takes a special token that is spelled out in the text for text like any other, as SentencePiece
   * itself does; off by default.
   */
  readonly literal?: boolean;
}

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
   * token, as in Hugging Face's tokenizers, unless told otherwise. Long texts are welcome.
   */
  encode(text: string, options?: EncodeOptions): Int32Array<ArrayBuffer>;
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
  // Each is loaded only when it is needed: `--help` should not wait for libraries.
  if (!file.endsWith(".model")) {
    const { loadTokenizerJson } = await import("./tokenizer_json.ts");
    return loadTokenizerJson(file);
  }
  const { loadSentencePiece } = await import("./sentencepiece/tokenizer.ts");
  return loadSentencePiece(file);
}

/** The path of a folder's `tokenizer.json`, or else of its `tokenizer.model`, if it has one. */
export function findTokenizer(folder: string): string | undefined {
  return ["tokenizer.json", "tokenizer.model"].map((name) => join(folder, name))
    .find((file) => fs.existsSync(file));
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
