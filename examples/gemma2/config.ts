/** Reading a Gemma 2's `config.json`, as transformers 4 and transformers 5 write it. */

import {
  type Activation,
  ACTIVATION_NAMES,
  type ConfigFields,
  flag,
  listOf,
  type ModelDims,
  oneOf,
  positive,
  readFields,
  readRope,
  type RopeScaling,
  size,
  UserError,
} from "@dlr/dlr";

/** What tells one Gemma 2 from another. */
export interface Gemma2Config extends ModelDims {
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  /** What a query times a key is divided by, before its root is taken. */
  readonly queryPreAttnScalar: number;
  /** Bound of attention's scores; absent: none. */
  readonly attentionSoftcap?: number;
  /** Bound of the logits; absent: none. */
  readonly finalSoftcap?: number;
  /** How many tokens each layer reads; undefined: all. */
  readonly windows: readonly (number | undefined)[];
  /** Whether attention's projections have biases. */
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
  "num_key_value_heads": size(),
  "head_dim": size().multipleOf(2, "give an even number, as rotary positions turn pairs"),
  "max_position_embeddings": size(),
  "hidden_activation": oneOf(ACTIVATION_NAMES).nullish(),
  "rms_norm_eps": positive().default(1e-6),
  "query_pre_attn_scalar": positive().default(256),
  "attn_logit_softcapping": positive().nullable().default(50),
  "final_logit_softcapping": positive().nullable().default(30),
  "sliding_window": size().nullable().default(4096),
  "layer_types": listOf(["sliding_attention", "full_attention"]).nullish(),
  "attention_bias": flag(),
  "tie_word_embeddings": flag(true),
  "initializer_range": positive().default(0.02),
  "use_bidirectional_attention": flag().nullable(),
};

/**
 * The sizes and constants in a `config.json`.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readConfig(config: ConfigFields, source: string): Gemma2Config {
  const c = readFields(FIELDS, config, source);
  const [layers, heads] = [c.num_hidden_layers, c.num_attention_heads];
  const fail = (why: string) => new UserError(`Cannot use ${source}: ${why}`);
  if (heads % c.num_key_value_heads !== 0) {
    throw fail(
      `"num_attention_heads" ${heads} is not a multiple of "num_key_value_heads" ` +
        `${c.num_key_value_heads}; correct one of them`,
    );
  }
  if (c.use_bidirectional_attention) {
    throw fail(
      '"use_bidirectional_attention" is true; a model that reads what comes later cannot go on a text',
    );
  }
  // Unless told, every other layer has a window, the first one of them.
  const types = c.layer_types ?? Array.from(
    { length: layers },
    (_, layer) => layer % 2 === 0 ? "sliding_attention" : "full_attention",
  );
  if (types.length !== layers) {
    throw fail(
      `"layer_types" has ${types.length} entries for ${layers} layers; correct one of them`,
    );
  }
  const window = c.sliding_window ?? undefined;
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    numLayers: layers,
    numHeads: heads,
    numKeyValueHeads: c.num_key_value_heads,
    headDim: c.head_dim,
    maxPositions: c.max_position_embeddings,
    activation: c.hidden_activation ?? "gelu_pytorch_tanh",
    rmsNormEps: c.rms_norm_eps,
    ...readRope(config, source),
    queryPreAttnScalar: c.query_pre_attn_scalar,
    ...(c.attn_logit_softcapping === null ? {} : { attentionSoftcap: c.attn_logit_softcapping }),
    ...(c.final_logit_softcapping === null ? {} : { finalSoftcap: c.final_logit_softcapping }),
    windows: types.map((type) => type === "sliding_attention" ? window : undefined),
    attentionBias: c.attention_bias,
    tieWordEmbeddings: c.tie_word_embeddings,
    initializerRange: c.initializer_range,
  };
}
