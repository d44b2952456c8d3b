/** The Gemma 2 family as a plugin: the models of Google, and one that needs no download. */

import { definePlugin, type ModelKind, type NamedModel } from "@dlr/dlr";
import { readConfig } from "./config.ts";
import { gemma2 } from "./gemma2.ts";

/** Reads checkpoints whose architecture is `Gemma2ForCausalLM`. */
export const gemma2Kind: ModelKind = {
  name: "gemma2",
  architectures: ["Gemma2ForCausalLM"],
  fromConfig: (config, source) => gemma2(readConfig(config, source)),
};

/** A pretrained Gemma 2; its licence is accepted on the hub. */
function gemma(size: string, layers: number): NamedModel {
  return {
    description: `Gemma 2 ${size.toUpperCase()}: ${layers} layers; gated, needs a token`,
    hub: `google/gemma-2-${size}`,
  };
}

export default definePlugin({
  name: "gemma2",
  architectures: [gemma2Kind],
  models: {
    "gemma2-2b": gemma("2b", 26),
    "gemma2-9b": gemma("9b", 42),
    "gemma2-27b": gemma("27b", 46),
    "gemma2-tiny": {
      description: "8 layers, 0.5 million parameters, drawn at random: for trying the plugin out",
      scale: "small",
      tokenizer: "nano",
      config: {
        "architectures": ["Gemma2ForCausalLM"],
        "vocab_size": 1024,
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 24,
        "query_pre_attn_scalar": 24,
        "max_position_embeddings": 512,
        "sliding_window": 32,
      },
    },
  },
});
