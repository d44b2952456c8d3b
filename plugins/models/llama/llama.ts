/**
 * The Llama family (Touvron et al. 2023, arXiv 2302.13971): RMSNorm before each half of a block,
 * rotary positions, grouped-query attention, SwiGLU. Parameters carry the names that Hugging Face
 * checkpoints give them.
 */

import {
  type DecoderModel,
  type Memory,
  type ModelDims,
  type Params,
  type ParamSpec,
  type ParamSpecs,
} from "../../../core/contracts/mod.ts";
import {
  add,
  gatherRows,
  matmulRows,
  mul,
  type Node,
  rmsNorm,
  rope,
  silu,
} from "../../../core/graph/mod.ts";
import { attention, linear, ropeTables, splitHeads } from "../../../core/nn/mod.ts";

/** What distinguishes one member of the family from another. */
export interface LlamaConfig extends ModelDims {
  readonly intermediateSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** The head shares the embedding's matrix. */
  readonly tieWordEmbeddings: boolean;
  /** Standard deviation of freshly drawn matrices. */
  readonly initializerRange: number;
}

const PROJECTIONS = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
] as const;

/** A decoder of the Llama family. */
export function llama(config: LlamaConfig): DecoderModel {
  const { hiddenSize, numHeads, numKeyValueHeads, headDim, numLayers, rmsNormEps } = config;
  const tables = ropeTables(config.maxPositions, headDim, config.ropeTheta);
  const layerName = (layer: number) => `model.layers.${layer}`;
  const norm = (params: Params, name: string, x: Node) =>
    rmsNorm(x, params.get(`${name}.weight`), rmsNormEps);
  const rotate = (x: Node, positions: Node, heads: number) =>
    rope(x, positions, tables.cos, tables.sin, heads);

  return {
    name: "llama",
    dims: config,
    params: () => llamaParams(config),
    projections: (layer) => PROJECTIONS.map((name) => `${layerName(layer)}.${name}`),

    embed: (params, tokens) => gatherRows(params.get("model.embed_tokens.weight"), tokens),

    keysValues(params, layer, hiddenStates, positions) {
      const name = layerName(layer);
      const x = norm(params, `${name}.input_layernorm`, hiddenStates);
      const keys = linear(params, `${name}.self_attn.k_proj`, x); // [B, T, kvHeads * headDim]
      const values = linear(params, `${name}.self_attn.v_proj`, x);
      return {
        keys: splitHeads(rotate(keys, positions, numKeyValueHeads), numKeyValueHeads),
        values: splitHeads(values, numKeyValueHeads),
      };
    },

    block(params, layer, rows, positions, memory: Memory) {
      const name = layerName(layer);
      const x = norm(params, `${name}.input_layernorm`, rows); // [B, R, D]
      const queries = rotate(linear(params, `${name}.self_attn.q_proj`, x), positions, numHeads);
      const mixed = attention(queries, memory, numHeads); // [B, R, heads * headDim]
      const attended = add(rows, linear(params, `${name}.self_attn.o_proj`, mixed));
      const u = norm(params, `${name}.post_attention_layernorm`, attended);
      const gate = silu(linear(params, `${name}.mlp.gate_proj`, u)); // [B, R, F]
      const wide = mul(gate, linear(params, `${name}.mlp.up_proj`, u));
      return add(attended, linear(params, `${name}.mlp.down_proj`, wide));
    },

    head(params, rows) {
      const weight = config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
      return matmulRows(norm(params, "model.norm", rows), params.get(weight));
    },
  };

  function llamaParams(c: LlamaConfig): ParamSpecs {
    const queryWidth = numHeads * headDim;
    const keyWidth = numKeyValueHeads * headDim;
    const gain: ParamSpec = { shape: [hiddenSize], init: { kind: "constant", value: 1 } };
    const matrix = (out: number, inner: number, std = c.initializerRange): ParamSpec => ({
      shape: [out, inner],
      init: { kind: "normal", std },
    });
    // The two projections that write into the residual stream start smaller, by the number of times
    // that they are added (Radford et al. 2019, section 2.3).
    const residual = c.initializerRange / Math.sqrt(2 * numLayers);
    const specs: Record<string, ParamSpec> = {
      "model.embed_tokens.weight": matrix(c.vocabSize, hiddenSize),
    };
    for (let layer = 0; layer < numLayers; layer++) {
      const name = layerName(layer);
      specs[`${name}.input_layernorm.weight`] = gain;
      specs[`${name}.self_attn.q_proj.weight`] = matrix(queryWidth, hiddenSize);
      specs[`${name}.self_attn.k_proj.weight`] = matrix(keyWidth, hiddenSize);
      specs[`${name}.self_attn.v_proj.weight`] = matrix(keyWidth, hiddenSize);
      specs[`${name}.self_attn.o_proj.weight`] = matrix(hiddenSize, queryWidth, residual);
      specs[`${name}.post_attention_layernorm.weight`] = gain;
      specs[`${name}.mlp.gate_proj.weight`] = matrix(c.intermediateSize, hiddenSize);
      specs[`${name}.mlp.up_proj.weight`] = matrix(c.intermediateSize, hiddenSize);
      specs[`${name}.mlp.down_proj.weight`] = matrix(hiddenSize, c.intermediateSize, residual);
    }
    specs["model.norm.weight"] = gain;
    if (!c.tieWordEmbeddings) specs["lm_head.weight"] = matrix(c.vocabSize, hiddenSize);
    return specs;
  }
}
