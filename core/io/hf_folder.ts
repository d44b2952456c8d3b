/** Model folders as Hugging Face lays them out: configuration, weights, tokenizer. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { openCheckpointWeights } from "./checkpoint_weights.ts";
import { type JsonObject, readJsonObject } from "./json.ts";
import type { TensorSource } from "./stored_tensor.ts";

/** An open model folder; dispose it to close its weights. */
export interface ModelFolder extends Disposable {
  /** The folder's path, as it was given. */
  readonly dir: string;
  /** What `config.json` holds; its fields are for the model to check. */
  readonly config: JsonObject;
  /** The weights, read when asked for. */
  readonly weights: TensorSource;
  /** The path of `tokenizer.json`. */
  readonly tokenizer: string;
}

/**
 * Opens a model folder.
 *
 * @throws {UserError} when the folder, its `config.json`, its weights or its `tokenizer.json` are
 *   missing or broken; the message says what to do.
 */
export function openModelFolder(dir: string): ModelFolder {
  if (!fs.existsSync(dir)) {
    throw new UserError(`Cannot open the model ${dir}: no such folder; check the path`);
  }
  if (!fs.statSync(dir).isDirectory()) {
    throw new UserError(
      `Cannot open the model ${dir}: it is a file; give the folder that holds config.json`,
    );
  }
  const configPath = join(dir, "config.json");
  if (!fs.existsSync(configPath)) {
    throw new UserError(
      `Cannot open the model ${dir}: it has no config.json; ` +
        "give a model folder in Hugging Face format",
    );
  }
  const config = readJsonObject(configPath, "the model's configuration");
  const tokenizer = join(dir, "tokenizer.json");
  if (!fs.existsSync(tokenizer)) {
    const hint = fs.existsSync(join(dir, "tokenizer.model"))
      ? "; tokenizer.model alone is not read, save a fast tokenizer into the folder"
      : "; download it into the folder";
    throw new UserError(`Cannot open the model ${dir}: it has no tokenizer.json${hint}`);
  }
  const weights = openCheckpointWeights(dir);
  return {
    dir,
    config,
    weights,
    tokenizer,
    [Symbol.dispose]: () => weights[Symbol.dispose](),
  };
}
