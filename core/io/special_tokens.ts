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

/**
 * Finds the special tokens: in `tokenizer_config.json` or `special_tokens_map.json` beside the
 * tokenizer, else in the model's `generation_config.json` or `config.json`, else in the tokenizer
 * itself.
 *
 * @param idOf the id of a token's text
 * @param own what the tokenizer itself says
 * @throws {UserError} when one of those files is not a JSON object.
 */
export function findSpecialIds(
  tokenizerFile: string,
  idOf: (content: string) => number | undefined,
  own: SpecialIds,
): SpecialIds {
  const folder = dirname(tokenizerFile);
  const find = (name: string, otherwise: number | undefined) => {
    const token = namedToken(folder, name);
    // An entry that is null says that there is no such token; a missing one says nothing.
    if (token !== undefined) {
      const content = contentOf(token);
      return content === undefined ? undefined : idOf(content);
    }
    for (const file of ["generation_config.json", "config.json"]) {
      const ids = optionalObject(join(folder, file))?.[`${name}_token_id`];
      const id = Array.isArray(ids) ? ids[0] : ids;
      if (Number.isSafeInteger(id)) return id as number;
    }
    return otherwise;
  };
  return {
    bosId: find("bos", own.bosId),
    eosId: find("eos", own.eosId),
    padId: find("pad", own.padId),
  };
}

/**
 * What the settings in a tokenizer's folder give as its `bos_token` or the like: a text, an object
 * with a `content`, or null; `undefined` where they do not mention it.
 */
export function namedToken(folder: string, name: string): unknown {
  for (const file of ["tokenizer_config.json", "special_tokens_map.json"]) {
    const settings = optionalObject(join(folder, file));
    if (settings !== undefined && Object.hasOwn(settings, `${name}_token`)) {
      return settings[`${name}_token`];
    }
  }
  return undefined;
}

/** The text of a token that is written as a text or as an object. */
export function contentOf(token: unknown): string | undefined {
  const content = isJsonObject(token) ? token["content"] : token;
  return typeof content === "string" ? content : undefined;
}

/** The settings in a file, if it is there. @throws {UserError} when it is not a JSON object. */
export function optionalObject(path: string): JsonObject | undefined {
  return fs.existsSync(path) ? readJsonObject(path, "the settings") : undefined;
}
