/** The Llama family: Llama, Llama 3.1, TinyLlama, OpenLLaMA, and our own nano. */
import { type ModelKind } from "../../../core/contracts/mod.ts";
import { readLlamaConfig } from "./config.ts";
import { llama } from "./llama.ts";

export { llama, type LlamaConfig, type Projection } from "./llama.ts";
export { QUERY_KEY_VALUE, readFamilyConfig, readLlamaConfig } from "./config.ts";

/** Reads checkpoints whose architecture is `LlamaForCausalLM`. */
export const llamaKind: ModelKind = {
  name: "llama",
  architectures: ["LlamaForCausalLM"],
  fromConfig: (config, source) => llama(readLlamaConfig(config, source)),
};
