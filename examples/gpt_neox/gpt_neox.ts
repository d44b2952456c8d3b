/**
 * GPT-NeoX (Black et al. 2022, arXiv 2204.06745): layer norms with biases, both halves of a block
 * beside each other, rotary positions for a part of each head, and one matrix for queries, keys and
 * values, interleaved by heads.
 */

import {
  ACTIVATIONS,
  add,
  attention,
  type DecoderModel,
  drawn,
  filled,
  gatherRows,
  layerNorm,
  linear,
  matmulRows,
  type Node,
  type Params,
  type ParamSpec,
  rope,
  ropeFrequencies,
  ropeTables,
  splitHeads,
} from "@dlr/dlr";
import { type GptNeoXConfig } from "./config.ts";

const EMBEDDING = "gpt_neox.embed_in.weight";
const HEAD = "embed_out.weight";
const QUERY_KEY_VALUE = "attention.query_key_value";

/** What older checkpoints hold although it follows from the configuration. */
const BUFFER = /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/;

/** A model of the GPT-NeoX family. */
export function gptNeoX(c: GptNeoXConfig): DecoderModel {
  const { hiddenSize, numHeads, headDim, intermediateSize } = c;
  const frequencies = ropeFrequencies(c.rotaryDim, c.ropeTheta, c.ropeScaling);
  const tablesFor = ropeTables(frequencies, c.maxPositions);
  const activation = ACTIVATIONS[c.activation];
  const nameOf = (layer: number, part: string) => `gpt_neox.layers.${layer}.${part}`;

  /** Outputs and inputs of each projection of a block. */
  const projections: Readonly<Record<string, readonly [out: number, inner: number]>> = {
    [QUERY_KEY_VALUE]: [3 * hiddenSize, hiddenSize],
    "attention.dense": [hiddenSize, hiddenSize],
    "mlp.dense_h_to_4h": [intermediateSize, hiddenSize],
    "mlp.dense_4h_to_h": [hiddenSize, intermediateSize],
  };
  /** Queries (0), keys (1) or values (2) among the rows of the one matrix: the same ones of each head. */
  const part = (index: number) => ({
    groups: numHeads,
    start: index * headDim,
    end: (index + 1) * headDim,
  });
  const norm = (params: Params, name: string, x: Node) =>
    layerNorm(x, params.get(`${name}.weight`), params.get(`${name}.bias`), c.layerNormEps);
  const rotate = (x: Node, positions: Node) => {
    const { cos, sin } = tablesFor(positions);
    return rope(x, positions, cos, sin, numHeads);
  };

  return {
    name: "gpt_neox",
    dims: c,
    params() {
      const specs: Record<string, ParamSpec> = {};
      const addNorm = (name: string) => {
        specs[`${name}.weight`] = filled([hiddenSize], 1);
        specs[`${name}.bias`] = filled([hiddenSize], 0);
      };
      specs[EMBEDDING] = drawn([c.vocabSize, hiddenSize], c.initializerRange);
      for (let layer = 0; layer < c.numLayers; layer++) {
        addNorm(nameOf(layer, "input_layernorm"));
        addNorm(nameOf(layer, "post_attention_layernorm"));
        for (const [name, shape] of Object.entries(projections)) {
          specs[nameOf(layer, `${name}.weight`)] = drawn(shape, c.initializerRange);
          if (!c.attentionBias && name.startsWith("attention.")) continue;
          specs[nameOf(layer, `${name}.bias`)] = filled([shape[0]], 0);
        }
      }
      addNorm("gpt_neox.final_layer_norm");
      if (!c.tieWordEmbeddings) specs[HEAD] = specs[EMBEDDING];
      return specs;
    },
    redundant(name) {
      if (name === HEAD && c.tieWordEmbeddings) return { copyOf: EMBEDDING };
      return BUFFER.test(name) ? {} : undefined;
    },
    projections: (layer) => Object.keys(projections).map((name) => nameOf(layer, name)),
    embed: (params, tokens) => gatherRows(params.get(EMBEDDING), tokens),

    keysValues(params, layer, hiddenStates, positions) {
      const x = norm(params, nameOf(layer, "input_layernorm"), hiddenStates);
      const keys = linear(params, nameOf(layer, QUERY_KEY_VALUE), x, part(1)); // [B, T, D]
      const values = linear(params, nameOf(layer, QUERY_KEY_VALUE), x, part(2));
      return {
        keys: splitHeads(rotate(keys, positions), numHeads),
        values: splitHeads(values, numHeads),
      };
    },

    block(params, layer, rows, positions, memory) {
      const x = norm(params, nameOf(layer, "input_layernorm"), rows);
      const queries = linear(params, nameOf(layer, QUERY_KEY_VALUE), x, part(0)); // [B, R, D]
      const mixed = attention(rotate(queries, positions), memory, numHeads);
      const attended = add(rows, linear(params, nameOf(layer, "attention.dense"), mixed));
      const read = c.parallelResidual ? rows : attended;
      const u = norm(params, nameOf(layer, "post_attention_layernorm"), read);
      const wide = activation(linear(params, nameOf(layer, "mlp.dense_h_to_4h"), u)); // [B, R, F]
      return add(attended, linear(params, nameOf(layer, "mlp.dense_4h_to_h"), wide));
    },

    head(params, rows) {
      const weight = params.get(c.tieWordEmbeddings ? EMBEDDING : HEAD);
      return matmulRows(norm(params, "gpt_neox.final_layer_norm", rows), weight);
    },
  };
}
