/** The tokens that are looked for in a text before a SentencePiece model sees it. */

import { dirname, join } from "node:path";
import { isJsonObject } from "../json.ts";
import { contentOf, namedToken, optionalObject } from "../special_tokens.ts";
import type { AddedToken } from "../token_offsets.ts";
import type { SentencePieceModel } from "./model_file.ts";

/** An added token with its id. */
export interface AddedPiece extends AddedToken {
  readonly id: number;
  /** True when decoding leaves it out unless it is asked to keep it. */
  readonly special: boolean;
}

/** A part of a text: an added token, or what stands between two. Places are in UTF-16 code units. */
export interface TextPart {
  readonly start: number;
  readonly end: number;
  readonly added: AddedPiece | undefined;
}

/**
 * The tokens that Hugging Face's `LlamaTokenizer` adds to the model: those that
 * `tokenizer_config.json` and `added_tokens.json` list, and the beginning, end, padding and unknown
 * tokens that are named there, or else the model's own (`<s>`, `</s>` and `<unk>`).
 *
 * @param path the model's
 * @throws {UserError} when one of those files is not a JSON object.
 */
export function findAddedTokens(path: string, model: SentencePieceModel): AddedPiece[] {
  const folder = dirname(path);
  const settings = optionalObject(join(folder, "tokenizer_config.json")) ?? {};
  const listed = optionalObject(join(folder, "added_tokens.json")) ?? {};
  const found = new Map<string, AddedPiece>();
  const add = (token: unknown, special: boolean, given?: unknown) => {
    const content = contentOf(token);
    if (!content || found.has(content)) return;
    const id = given ?? listed[content] ?? model.ids.get(content);
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return;
    const { lstrip, rstrip } = isJsonObject(token) ? token : {};
    found.set(content, {
      id,
      content,
      lstrip: lstrip === true,
      rstrip: rstrip === true,
      special,
    });
  };
  const listedInSettings = settings["added_tokens_decoder"];
  for (const [id, token] of Object.entries(listedInSettings ?? {})) {
    add(token, isJsonObject(token) && token["special"] === true, Number(id));
  }
  const own = { bos: model.bosId, eos: model.eosId, unk: model.unknownId, pad: undefined };
  for (const [name, id] of Object.entries(own)) {
    const token = namedToken(folder, name);
    add(token === undefined && id !== undefined ? model.pieces[id]!.piece : token, true);
  }
  const more = settings["additional_special_tokens"];
  for (const token of Array.isArray(more) ? more : []) add(token, true);
  for (const content of Object.keys(listed)) add(content, false);
  return [...found.values()];
}

/** Cuts a text around the added tokens in it: the first one from the left, the longest of several. */
export class AddedTokenCutter {
  readonly #tokens: ReadonlyMap<string, AddedPiece>;
  readonly #pattern: RegExp;

  constructor(added: readonly AddedPiece[]) {
    this.#tokens = new Map(added.map((token) => [token.content, token]));
    const longestFirst = [...this.#tokens.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(
      longestFirst.map((content) => RegExp.escape(content)).join("|"),
      "g",
    );
  }

  /** The parts of `text`, none of them empty. White space that a token swallows is in none. */
  cut(text: string): TextPart[] {
    const parts: TextPart[] = [];
    const between = (start: number, end: number) => {
      if (start < end) parts.push({ start, end, added: undefined });
    };
    let done = 0;
    if (this.#tokens.size > 0) {
      for (const { index, 0: content } of text.matchAll(this.#pattern)) {
        const added = this.#tokens.get(content)!;
        const end = index + content.length;
        const before = text.slice(done, index);
        between(done, done + (added.lstrip ? before.trimEnd() : before).length);
        parts.push({ start: index, end, added });
        done = added.rstrip ? text.length - text.slice(end).trimStart().length : end;
      }
    }
    between(done, text.length);
    return parts;
  }
}
