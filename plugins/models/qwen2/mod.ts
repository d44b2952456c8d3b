/**
 * Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv 2407.10671 and 2412.15115): a Llama whose queries, keys
 * and values have biases, tied to its embedding in the smaller sizes.
 */
import { type ModelKind } from "../../../core/contracts/mod.ts";
import { llama } from "../llama/mod.ts";
import { readQwen2Config } from "./config.ts";

export { readQwen2Config } from "./config.ts";

/** Reads checkpoints whose architecture is `Qwen2ForCausalLM`. */
export const qwen2Kind: ModelKind = {
  name: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  fromConfig: (config, source) => ({ ...llama(readQwen2Config(config, source)), name: "qwen2" }),
};
