/** Reading a GPT-NeoX's `config.json`, as transformers 4 and transformers 5 write it. */

import {
  type Activation,
  ACTIVATION_NAMES,
  type ConfigFields,
  flag,
  type ModelDims,
  oneOf,
  positive,
  readFields,
  readRope,
  readRotaryShare,
  type RopeScaling,
  share,
  size,
  UserError,
} from "@dlr/dlr";

/** What tells one GPT-NeoX from another. */
export interface GptNeoXConfig extends ModelDims {
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly layerNormEps: number;
  /** Leading dimensions of each head that are rotated. */
  readonly rotaryDim: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  /** Both halves of a block read the state before it. */
  readonly parallelResidual: boolean;
  /** Whether attention's projections have biases; those of the MLP always do. */
  readonly attentionBias: boolean;
  readonly tieWordEmbeddings: boolean;
  /** Standard deviation of freshly drawn matrices. */
  readonly initializerRange: number;
}

/** Every field that changes what is computed. */
const FIELDS = {
  "vocab_size": size(),
  "hidden_size": size(),
  "intermediate_size": size(),
  "num_hidden_layers": size(),
  "num_attention_heads": size(),
  "max_position_embeddings": size(),
  "hidden_act": oneOf(ACTIVATION_NAMES).default("gelu"),
  "layer_norm_eps": positive().default(1e-5),
  "rotary_pct": share().default(0.25),
  "rotary_emb_base": positive().default(10_000),
  "use_parallel_residual": flag(true),
  "attention_bias": flag(true),
  "tie_word_embeddings": flag(),
  "initializer_range": positive().default(0.02),
};

/**
 * The sizes and constants in a `config.json`.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readConfig(config: ConfigFields, source: string): GptNeoXConfig {
  const c = readFields(FIELDS, config, source);
  const headDim = c.hidden_size / c.num_attention_heads;
  if (!Number.isInteger(headDim)) {
    throw new UserError(
      `Cannot use ${source}: "hidden_size" ${c.hidden_size} is not a multiple of ` +
        `"num_attention_heads" ${c.num_attention_heads}; correct one of them`,
    );
  }
  const rotaryDim = Math.floor(headDim * readRotaryShare(config, source, c.rotary_pct));
  if (rotaryDim === 0 || rotaryDim % 2 !== 0) {
    throw new UserError(
      `Cannot use ${source}: "rotary_pct" rotates ${rotaryDim} of a head's ${headDim} dimensions; ` +
        "make it an even number, as rotary positions turn pairs",
    );
  }
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    numLayers: c.num_hidden_layers,
    numHeads: c.num_attention_heads,
    numKeyValueHeads: c.num_attention_heads,
    headDim,
    maxPositions: c.max_position_embeddings,
    activation: c.hidden_act,
    layerNormEps: c.layer_norm_eps,
    rotaryDim,
    ...readRope(config, source, c.rotary_emb_base),
    parallelResidual: c.use_parallel_residual,
    attentionBias: c.attention_bias,
    tieWordEmbeddings: c.tie_word_embeddings,
    initializerRange: c.initializer_range,
  };
}
