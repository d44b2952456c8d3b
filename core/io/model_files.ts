/** Which files of a repository a model is read from. */

import { UserError } from "../contracts/errors.ts";

/** What a tokenizer may be read from. */
export const TOKENIZER_FILES: readonly string[] = [
  "added_tokens.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
];

/** Configuration and tokenizer: taken where they are there. */
const SMALL = ["config.json", "generation_config.json", ...TOKENIZER_FILES];

/** Weights, in the order in which they are preferred, with what else belongs to each. */
const WEIGHTS: readonly [file: string, parts?: RegExp][] = [
  ["model.safetensors.index.json", /^model-\d+-of-\d+\.safetensors$/],
  ["model.safetensors"],
  ["pytorch_model.bin.index.json", /^pytorch_model-\d+-of-\d+\.bin$/],
  ["pytorch_model.bin"],
];

/**
 * The files that a model is read from, of all those that a repository has.
 *
 * @param repository its name, for messages
 * @throws {UserError} when there is no configuration, or there are no weights that can be read.
 */
export function modelFiles(repository: string, files: readonly string[]): string[] {
  const small = SMALL.filter((file) => files.includes(file));
  const weights = WEIGHTS.find(([file]) => files.includes(file));
  if (!weights || !small.includes("config.json")) {
    const lacks = weights ? "config.json" : "weights (model.safetensors or pytorch_model.bin)";
    throw new UserError(
      `Cannot use the repository ${repository}: it has no ${lacks}; name one that holds a model in ` +
        "Hugging Face format",
    );
  }
  const [file, parts] = weights;
  return [...small, file, ...files.filter((name) => parts?.test(name))];
}
