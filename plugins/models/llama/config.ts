/** Reading the `config.json` of a Llama, and what those of its family have in common. */

import { UserError } from "../../../core/contracts/mod.ts";
import {
  type ConfigFields,
  flag,
  oneOf,
  positive,
  readFields,
  readRope,
  size,
} from "../../../core/io/mod.ts";
import { type LlamaConfig, type Projection } from "./llama.ts";

/** The fields that change what is computed; others (dropout, dtypes, generation) do not matter. */
const FAMILY_FIELDS = {
  "vocab_size": size(),
  "hidden_size": size(),
  "intermediate_size": size(),
  "num_hidden_layers": size(),
  "num_attention_heads": size(),
  "num_key_value_heads": size().nullish(),
  "head_dim": size().multipleOf(2, "give an even number, as rotary positions turn pairs").nullish(),
  "max_position_embeddings": size(),
  "rms_norm_eps": positive(),
  "tie_word_embeddings": flag(),
  "initializer_range": positive().default(0.02),
  "hidden_act": oneOf(["silu"]).default("silu"),
};

const BIAS_FIELDS = { "attention_bias": flag(), "mlp_bias": flag() };

/** The attention's projections of what is read: queries, keys and values. */
export const QUERY_KEY_VALUE: readonly Projection[] = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
];

/**
 * The sizes and constants in a Llama's `config.json`.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readLlamaConfig(config: ConfigFields, source: string): LlamaConfig {
  const { attention_bias: attention, mlp_bias: mlp } = readFields(BIAS_FIELDS, config, source);
  const biases: Projection[] = [];
  if (attention) biases.push(...QUERY_KEY_VALUE, "self_attn.o_proj");
  if (mlp) biases.push("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj");
  return { ...readFamilyConfig(config, source), biases };
}

/**
 * What every `config.json` of the family holds: all but which projections have biases. Otherwise as
 * {@link readLlamaConfig}.
 */
export function readFamilyConfig(
  config: ConfigFields,
  source: string,
): Omit<LlamaConfig, "biases"> {
  const c = readFields(FAMILY_FIELDS, config, source);
  const heads = c.num_attention_heads;
  const keyValueHeads = c.num_key_value_heads ?? heads;
  const headDim = c.head_dim ?? c.hidden_size / heads;
  if (headDim % 2 !== 0) {
    throw new UserError(
      `Cannot use ${source}: "hidden_size" ${c.hidden_size} over "num_attention_heads" ${heads} ` +
        'does not give heads of an even size; correct one of them or give "head_dim"',
    );
  }
  if (heads % keyValueHeads !== 0) {
    throw new UserError(
      `Cannot use ${source}: "num_attention_heads" ${heads} is not a multiple of ` +
        `"num_key_value_heads" ${keyValueHeads}; correct one of them`,
    );
  }
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    numLayers: c.num_hidden_layers,
    numHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    maxPositions: c.max_position_embeddings,
    rmsNormEps: c.rms_norm_eps,
    ...readRope(config, source),
    tieWordEmbeddings: c.tie_word_embeddings,
    initializerRange: c.initializer_range,
  };
}
