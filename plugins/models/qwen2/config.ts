/** Reading a Qwen2's `config.json`. */

import { z } from "zod";
import { type ConfigFields, readFields } from "../../../core/io/mod.ts";
import { type LlamaConfig, QUERY_KEY_VALUE, readFamilyConfig } from "../llama/mod.ts";

const FIELDS = {
  "use_sliding_window": z.literal(
    false,
    "sliding windows are not supported, use a model whose layers attend to all positions",
  ).default(false),
};

/**
 * The sizes and constants in a Qwen2's `config.json`; its biases are part of the architecture.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readQwen2Config(config: ConfigFields, source: string): LlamaConfig {
  readFields(FIELDS, config, source);
  return { ...readFamilyConfig(config, source), biases: QUERY_KEY_VALUE };
}
