/** Model folders as Hugging Face lays them out: configuration, weights, tokenizer. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { openCheckpointWeights } from "./checkpoint_weights.ts";
import { type JsonObject, readJsonObject } from "./json.ts";
import type { TensorSource } from "./stored_tensor.ts";
import { findTokenizer } from "./tokenizer.ts";

/** An open model folder; dispose it to close its weights. */
export interface ModelFolder extends Disposable {
  /** The folder's path, as it was given. */
  readonly dir: string;
  /** What `config.json` holds; its fields are for the model to check. */
  readonly config: JsonObject;
  /** The weights, read when asked for. */
  readonly weights: TensorSource;
  /** The path of `tokenizer.json`, or of `tokenizer.model` where there is no other. */
  readonly tokenizer: string;
}

/**
 * Opens a model folder.
 *
 * @throws {UserError} when the folder, its `config.json`, its weights or its tokenizer are missing
 *   or broken; the message says what to do.
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
  const tokenizer = findTokenizer(dir);
  if (tokenizer === undefined) {
    throw new UserError(
      `Cannot open the model ${dir}: it has no tokenizer.json and no tokenizer.model; ` +
        "download one of them into the folder",
    );
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
