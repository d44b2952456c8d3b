/** The GPT-NeoX family as a plugin: the Pythia models of EleutherAI, and one that needs no download. */

import { definePlugin, type ModelKind, type NamedModel } from "@dlr/dlr";
import { readConfig } from "./config.ts";
import { gptNeoX } from "./gpt_neox.ts";

/** Reads checkpoints whose architecture is `GPTNeoXForCausalLM`. */
export const gptNeoXKind: ModelKind = {
  name: "gpt_neox",
  architectures: ["GPTNeoXForCausalLM"],
  fromConfig: (config, source) => gptNeoX(readConfig(config, source)),
};

/** A Pythia (Biderman et al. 2023, arXiv 2304.01373), trained on the Pile without its duplicates. */
function pythia(size: string, layers: number): NamedModel {
  return {
    description: `Pythia ${size.toUpperCase()}: ${layers} layers`,
    hub: `EleutherAI/pythia-${size}-deduped`,
  };
}

export default definePlugin({
  name: "gpt-neox",
  architectures: [gptNeoXKind],
  models: {
    "pythia-70m": pythia("70m", 6),
    "pythia-160m": pythia("160m", 12),
    "pythia-410m": pythia("410m", 24),
    "pythia-1b": pythia("1b", 16),
    "pythia-1.4b": pythia("1.4b", 24),
    "pythia-2.8b": pythia("2.8b", 32),
    "neox-tiny": {
      description: "8 layers, 0.5 million parameters, drawn at random: for trying the plugin out",
      scale: "small",
      tokenizer: "nano",
      config: {
        "architectures": ["GPTNeoXForCausalLM"],
        "vocab_size": 1024,
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "rotary_pct": 0.25,
      },
    },
  },
});
