/**
 * Gemma 2 (Gemma Team 2024, arXiv 2408.00118): norms before and after each half of a block, whose gains
 * are stored less one; GeGLU; scores and logits that are held within bounds; and every other layer
 * reads a window of the last tokens only.
 */

import {
  ACTIVATIONS,
  add,
  attention,
  type DecoderModel,
  drawn,
  filled,
  gatherRows,
  linear,
  matmulRows,
  mul,
  type Node,
  type Params,
  type ParamSpec,
  rmsNorm,
  rope,
  ropeFrequencies,
  ropeTables,
  scalar,
  scale,
  softcap,
  splitHeads,
} from "@dlr/dlr";
import { type Gemma2Config } from "./config.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
const NORMS = ["input", "post_attention", "pre_feedforward", "post_feedforward"];

/** A model of the Gemma 2 family. */
export function gemma2(c: Gemma2Config): DecoderModel {
  const { hiddenSize, numHeads, numKeyValueHeads, headDim, intermediateSize } = c;
  const frequencies = ropeFrequencies(headDim, c.ropeTheta, c.ropeScaling);
  const tablesFor = ropeTables(frequencies, c.maxPositions);
  const activation = ACTIVATIONS[c.activation];
  const scores = { scale: 1 / Math.sqrt(c.queryPreAttnScalar), softcap: c.attentionSoftcap };
  const nameOf = (layer: number, part: string) => `model.layers.${layer}.${part}`;

  /** Outputs and inputs of each projection of a block. */
  const projections: Readonly<Record<string, readonly [out: number, inner: number]>> = {
    "self_attn.q_proj": [numHeads * headDim, hiddenSize],
    "self_attn.k_proj": [numKeyValueHeads * headDim, hiddenSize],
    "self_attn.v_proj": [numKeyValueHeads * headDim, hiddenSize],
    "self_attn.o_proj": [hiddenSize, numHeads * headDim],
    "mlp.gate_proj": [intermediateSize, hiddenSize],
    "mlp.up_proj": [intermediateSize, hiddenSize],
    "mlp.down_proj": [hiddenSize, intermediateSize],
  };
  const norm = (params: Params, name: string, x: Node) =>
    rmsNorm(x, add(params.get(`${name}.weight`), scalar(1)), c.rmsNormEps);
  const rotate = (x: Node, positions: Node, heads: number) => {
    const { cos, sin } = tablesFor(positions);
    return rope(x, positions, cos, sin, heads);
  };

  return {
    name: "gemma2",
    dims: c,
    params() {
      const specs: Record<string, ParamSpec> = {};
      specs[EMBEDDING] = drawn([c.vocabSize, hiddenSize], c.initializerRange);
      for (let layer = 0; layer < c.numLayers; layer++) {
        for (const name of NORMS) {
          specs[nameOf(layer, `${name}_layernorm.weight`)] = filled([hiddenSize], 0);
        }
        for (const [name, shape] of Object.entries(projections)) {
          specs[nameOf(layer, `${name}.weight`)] = drawn(shape, c.initializerRange);
          if (!c.attentionBias || !name.startsWith("self_attn.")) continue;
          specs[nameOf(layer, `${name}.bias`)] = filled([shape[0]], 0);
        }
      }
      specs["model.norm.weight"] = filled([hiddenSize], 0);
      if (!c.tieWordEmbeddings) specs[HEAD] = specs[EMBEDDING];
      return specs;
    },
    redundant: (name) => name === HEAD && c.tieWordEmbeddings ? { copyOf: EMBEDDING } : undefined,
    window: (layer) => c.windows[layer],
    projections: (layer) => Object.keys(projections).map((name) => nameOf(layer, name)),

    embed: (params, tokens) =>
      scale(gatherRows(params.get(EMBEDDING), tokens), Math.sqrt(hiddenSize)),

    keysValues(params, layer, hiddenStates, positions) {
      const x = norm(params, nameOf(layer, "input_layernorm"), hiddenStates);
      const keys = linear(params, nameOf(layer, "self_attn.k_proj"), x); // [B, T, kvHeads * headDim]
      const values = linear(params, nameOf(layer, "self_attn.v_proj"), x);
      return {
        keys: splitHeads(rotate(keys, positions, numKeyValueHeads), numKeyValueHeads),
        values: splitHeads(values, numKeyValueHeads),
      };
    },

    block(params, layer, rows, positions, memory) {
      const name = (part: string) => nameOf(layer, part);
      const x = norm(params, name("input_layernorm"), rows);
      const queries = rotate(linear(params, name("self_attn.q_proj"), x), positions, numHeads);
      const mixed = attention(queries, memory, numHeads, scores); // [B, R, heads * headDim]
      const read = linear(params, name("self_attn.o_proj"), mixed);
      const attended = add(rows, norm(params, name("post_attention_layernorm"), read));
      const u = norm(params, name("pre_feedforward_layernorm"), attended);
      const gate = activation(linear(params, name("mlp.gate_proj"), u)); // [B, R, F]
      const wide = mul(gate, linear(params, name("mlp.up_proj"), u));
      const made = linear(params, name("mlp.down_proj"), wide);
      return add(attended, norm(params, name("post_feedforward_layernorm"), made));
    },

    head(params, rows) {
      const weight = params.get(c.tieWordEmbeddings ? EMBEDDING : HEAD);
      const logits = matmulRows(norm(params, "model.norm", rows), weight);
      return c.finalSoftcap === undefined ? logits : softcap(logits, c.finalSoftcap);
    },
  };
}
