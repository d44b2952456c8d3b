/** An architecture at a size that an interpreter runs in moments. */

import { type DecoderModel, type ModelKind, UserError } from "../../contracts/mod.ts";
import { type ConfigFields } from "../../io/mod.ts";

/** A model, and how it was made small. */
export interface SmallModel {
  /** The architecture at a small size. */
  readonly model: DecoderModel;
  /** The configuration that describes it: the given one with smaller numbers. */
  readonly config: ConfigFields;
}

/** Sizes by the names that configurations have for them, and the most that each is left. */
const LAYERS = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"];
const VOCABULARY = ["vocab_size", "n_vocab"];
const POSITIONS = [
  "max_position_embeddings",
  "n_positions",
  "n_ctx",
  "max_seq_len",
  "max_sequence_length",
  "seq_length",
];
const HEADS = ["num_attention_heads", "n_head", "n_heads", "num_heads"];
const SHARED_HEADS = ["num_key_value_heads", "num_kv_heads", "n_kv_heads", "n_head_kv"];
const HEAD_WIDTH = ["head_dim", "d_head", "kv_channels"];
const ROTATED_WIDTH = ["rotary_dim"];
const WIDTH = ["hidden_size", "n_embd", "d_model"];
const INNER_WIDTH = [
  "intermediate_size",
  "n_inner",
  "ffn_dim",
  "ffn_hidden_size",
  "d_ff",
  "mlp_hidden_size",
];
const WINDOW = ["sliding_window"];
const MOST = {
  layers: 3,
  vocabulary: 61,
  positions: 64,
  // Fewer tokens than a check's sequences have, so that windows are met at all.
  window: 4,
  groups: 2,
  headWidth: 16,
  inner: 96,
};

/**
 * The architecture that `config` describes, made small: a few layers, narrow, with few tokens, and with
 * heads that are shared as there. Fields of names that are not known are left as they are; where the
 * result is refused, less is changed, in the end nothing.
 *
 * @throws {UserError} where the configuration itself is refused.
 */
export function smallModel(kind: ModelKind, config: ConfigFields, source: string): SmallModel {
  const shallow = withFewLayers(config);
  for (const small of [{ ...shallow, ...narrow(config) }, shallow]) {
    try {
      return { model: kind.fromConfig(small, source), config: small };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return { model: kind.fromConfig(config, source), config };
}

/** As `config`, with few layers, tokens and positions, and windows that are met. */
function withFewLayers(config: ConfigFields): ConfigFields {
  const layers = sizeIn(config, LAYERS);
  const few = Math.min(layers ?? Infinity, MOST.layers);
  const small: Record<string, unknown> = { ...config };
  for (const [name, value] of Object.entries(config)) {
    // What is listed for each layer.
    if (layers !== undefined && Array.isArray(value) && value.length === layers) {
      small[name] = value.slice(0, few);
    }
  }
  return {
    ...small,
    ...atMost(config, LAYERS, MOST.layers),
    ...atMost(config, VOCABULARY, MOST.vocabulary),
    ...atMost(config, POSITIONS, MOST.positions),
    ...atMost(config, WINDOW, MOST.window),
  };
}

/** Narrow widths, in the proportions of `config`. */
function narrow(config: ConfigFields): ConfigFields {
  const heads = sizeIn(config, HEADS);
  const width = sizeIn(config, WIDTH);
  if (heads === undefined || width === undefined) return {};
  const shared = sizeIn(config, SHARED_HEADS) ?? heads;
  const headWidth = sizeIn(config, HEAD_WIDTH) ?? width / heads;
  const few = Math.min(shared, MOST.groups);
  const all = few * Math.min(heads / shared, MOST.groups);
  const thin = Math.min(headWidth, MOST.headWidth);
  // Heads together are as wide as the state in most models, but not in all.
  const ratio = width / (heads * headWidth);
  const even = 2 * Math.max(1, Math.round(all * thin * ratio / 2));
  return {
    ...given(config, HEADS, all),
    ...given(config, SHARED_HEADS, few),
    ...given(config, HEAD_WIDTH, thin),
    ...atMost(config, ROTATED_WIDTH, thin),
    ...given(config, WIDTH, even),
    ...atMost(config, INNER_WIDTH, MOST.inner),
  };
}

/** The first of these fields that has a size. */
function sizeIn(config: ConfigFields, names: readonly string[]): number | undefined {
  const value = names.map((name) => config[name]).find((value) => typeof value === "number");
  return value as number | undefined;
}

/** Those of these fields that have a size, with another. */
function given(config: ConfigFields, names: readonly string[], size: number): ConfigFields {
  return Object.fromEntries(
    names.filter((name) => typeof config[name] === "number").map((name) => [name, size]),
  );
}

function atMost(config: ConfigFields, names: readonly string[], most: number): ConfigFields {
  const size = sizeIn(config, names);
  return size === undefined ? {} : given(config, names, Math.min(size, most));
}
