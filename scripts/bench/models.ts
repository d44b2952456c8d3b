/**
 * Shapes of published models, for benchmarks that need their sizes and none of their weights: what
 * their `config.json` on the hub holds, as far as it matters here.
 */

import { type DecoderModel, type ModelKind, UserError } from "../../core/contracts/mod.ts";
import { llamaKind } from "../../plugins/models/llama/mod.ts";
import nano from "../../plugins/models/nano/config.json" with { type: "json" };
import { qwen2Kind } from "../../plugins/models/qwen2/mod.ts";

/** A `config.json`. */
export type ModelConfig = Readonly<Record<string, unknown>> & {
  readonly architectures: readonly string[];
  readonly "num_hidden_layers": number;
};

/** [width, feed-forward, layers, heads, heads of keys and values, vocabulary, tied] */
type Sizes = readonly [number, number, number, number, number, number, boolean];

function config(
  architecture: string,
  [width, inner, layers, heads, kvHeads, vocabulary, tied]: Sizes,
  more: Readonly<Record<string, unknown>>,
): ModelConfig {
  return {
    "architectures": [architecture],
    "hidden_size": width,
    "intermediate_size": inner,
    "num_hidden_layers": layers,
    "num_attention_heads": heads,
    "num_key_value_heads": kvHeads,
    "vocab_size": vocabulary,
    "tie_word_embeddings": tied,
    "hidden_act": "silu",
    ...more,
  };
}

const llama = (sizes: Sizes, more: Readonly<Record<string, unknown>>) =>
  config("LlamaForCausalLM", sizes, { "rms_norm_eps": 1e-5, ...more });

const qwen = (...sizes: Sizes) =>
  config("Qwen2ForCausalLM", sizes, {
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "max_position_embeddings": 32_768,
  });

/** Configurations by the short names that `--model` takes. */
export const MODEL_CONFIGS: Readonly<Record<string, ModelConfig>> = {
  "tinyllama": llama([2048, 5632, 22, 32, 4, 32_000, false], {
    "max_position_embeddings": 2048,
  }),
  "qwen0.5b": qwen(896, 4864, 24, 14, 2, 151_936, true),
  "qwen1.5b": qwen(1536, 8960, 28, 12, 2, 151_936, true),
  "qwen3b": qwen(2048, 11_008, 36, 16, 2, 151_936, true),
  "qwen7b": qwen(3584, 18_944, 28, 28, 4, 152_064, false),
  "openllama3b": llama([3200, 8640, 26, 32, 32, 32_000, false], {
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 2048,
  }),
  "llama8b": llama([4096, 14_336, 32, 32, 8, 128_256, false], {
    "rope_theta": 500_000,
    "max_position_embeddings": 131_072,
    "rope_scaling": {
      "rope_type": "llama3",
      "factor": 8,
      "low_freq_factor": 1,
      "high_freq_factor": 4,
      "original_max_position_embeddings": 8192,
    },
  }),
  "nano": nano,
};

const KINDS: readonly ModelKind[] = [llamaKind, qwen2Kind];

/** The model of a configuration. @throws {UserError} for an architecture without a plugin. */
export function modelOf(config: ModelConfig, source: string): DecoderModel {
  const kind = KINDS.find(({ architectures }) => architectures.includes(config.architectures[0]!));
  if (!kind) throw new UserError(`Cannot use ${source}: unknown ${config.architectures[0]}`);
  return kind.fromConfig(config, source);
}

/** The same model with fewer (or more) layers. */
export function withLayers(config: ModelConfig, layers: number): ModelConfig {
  return { ...config, "num_hidden_layers": layers };
}
