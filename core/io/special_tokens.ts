/** Which of a tokenizer's tokens begin a sequence, end a text, or fill up a batch. */

import fs from "node:fs";
import { dirname, join } from "node:path";
import { isJsonObject, type JsonObject, readJsonObject } from "./json.ts";

/** The ids of the special tokens; `undefined` where there is none. */
export interface SpecialIds {
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

/** Ends of text under the names that model families use, for a tokenizer that comes alone. */
const USUAL_ENDS = ["</s>", "<|end_of_text|>", "<|endoftext|>"];

/**
 * Finds the special tokens: in `tokenizer_config.json` or `special_tokens_map.json` beside the
 * tokenizer, else in the model's `generation_config.json` or `config.json`, else from what the
 * tokenizer itself puts around a text.
 *
 * @param idOf the id of a token's text
 * @param around the encoding of the empty text with special tokens
 */
export function findSpecialIds(
  tokenizerFile: string,
  tokenizer: JsonObject,
  idOf: (content: string) => number | undefined,
  around: Int32Array,
): SpecialIds {
  const folder = dirname(tokenizerFile);
  const named = (name: string) => {
    for (const file of ["tokenizer_config.json", "special_tokens_map.json"]) {
      const settings = optionalObject(join(folder, file));
      // An entry that is null says that there is no such token; a missing one says nothing.
      if (settings !== undefined && Object.hasOwn(settings, `${name}_token`)) {
        const token = settings[`${name}_token`];
        const content = isJsonObject(token) ? token["content"] : token;
        return { id: typeof content === "string" ? idOf(content) : undefined };
      }
    }
    for (const file of ["generation_config.json", "config.json"]) {
      const ids = optionalObject(join(folder, file))?.[`${name}_token_id`];
      const id = Array.isArray(ids) ? ids[0] : ids;
      if (Number.isSafeInteger(id)) return { id: id as number };
    }
    return undefined;
  };
  return {
    bosId: (named("bos") ?? { id: around[0] }).id,
    eosId: (named("eos") ?? { id: usualEnd(tokenizer) }).id,
    padId: named("pad")?.id,
  };
}

function usualEnd(tokenizer: JsonObject): number | undefined {
  const added = tokenizer["added_tokens"] as { content: string; id: number }[];
  return added.find(({ content }) => USUAL_ENDS.includes(content))?.id;
}

function optionalObject(path: string): JsonObject | undefined {
  return fs.existsSync(path) ? readJsonObject(path, "the settings") : undefined;
}
