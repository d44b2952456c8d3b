/** The Llama family: Llama, TinyLlama, OpenLLaMA, and our own nano. */
import { type ModelKind } from "../../../core/contracts/mod.ts";
import { readLlamaConfig } from "./config.ts";
import { llama } from "./llama.ts";

export { llama, type LlamaConfig } from "./llama.ts";
export { readLlamaConfig } from "./config.ts";

/** Reads checkpoints whose architecture is `LlamaForCausalLM`. */
export const llamaKind: ModelKind = {
  name: "llama",
  architectures: ["LlamaForCausalLM"],
  fromConfig: (config, source) => llama(readLlamaConfig(config, source)),
};
