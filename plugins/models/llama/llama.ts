/**
 * The Llama family (Touvron et al. 2023, arXiv 2302.13971): RMSNorm before each half of a block,
 * rotary positions, grouped-query attention, SwiGLU. Parameters carry the names that Hugging Face
 * checkpoints give them. Members of the family differ in sizes, frequencies and biases.
 */

import {
  type DecoderModel,
  type Memory,
  type ModelDims,
  type Params,
  type ParamSpec,
  type ParamSpecs,
  type RopeScaling,
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
import {
  attention,
  linear,
  ropeFrequencies,
  ropeTables,
  splitHeads,
} from "../../../core/nn/mod.ts";

/** What distinguishes one member of the family from another. */
export interface LlamaConfig extends ModelDims {
  readonly intermediateSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Absent: frequencies are what `ropeTheta` makes them. */
  readonly ropeScaling?: RopeScaling;
  /** Projections with a bias. Absent: none. */
  readonly biases?: readonly Projection[];
  /** The head shares the embedding's matrix. */
  readonly tieWordEmbeddings: boolean;
  /** Standard deviation of freshly drawn matrices. */
  readonly initializerRange: number;
}

const EMBEDDING = "model.embed_tokens.weight";

const PROJECTIONS = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
] as const;

/** A projection, by its name within a block. */
export type Projection = typeof PROJECTIONS[number];

/** A decoder of the Llama family. */
export function llama(config: LlamaConfig): DecoderModel {
  const { hiddenSize, numHeads, numKeyValueHeads, headDim, numLayers, rmsNormEps } = config;
  const frequencies = ropeFrequencies(headDim, config.ropeTheta, config.ropeScaling);
  const tablesFor = ropeTables(frequencies, config.maxPositions);
  const layerName = (layer: number) => `model.layers.${layer}`;
  const norm = (params: Params, name: string, x: Node) =>
    rmsNorm(x, params.get(`${name}.weight`), rmsNormEps);
  const rotate = (x: Node, positions: Node, heads: number) => {
    const { cos, sin } = tablesFor(positions);
    return rope(x, positions, cos, sin, heads);
  };

  return {
    name: "llama",
    dims: config,
    params: () => llamaParams(config),
    redundant(name) {
      if (name === "lm_head.weight" && config.tieWordEmbeddings) return { copyOf: EMBEDDING };
      return name.endsWith(".rotary_emb.inv_freq") ? {} : undefined;
    },
    projections: (layer) => PROJECTIONS.map((name) => `${layerName(layer)}.${name}`),

    embed: (params, tokens) => gatherRows(params.get(EMBEDDING), tokens),

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
      const weight = config.tieWordEmbeddings ? EMBEDDING : "lm_head.weight";
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
      [EMBEDDING]: matrix(c.vocabSize, hiddenSize),
    };
    const project = (layer: number, projection: Projection, weight: ParamSpec) => {
      const name = `${layerName(layer)}.${projection}`;
      specs[`${name}.weight`] = weight;
      if (!c.biases?.includes(projection)) return;
      specs[`${name}.bias`] = {
        shape: weight.shape.slice(0, 1),
        init: { kind: "constant", value: 0 },
      };
    };
    for (let layer = 0; layer < numLayers; layer++) {
      const name = layerName(layer);
      specs[`${name}.input_layernorm.weight`] = gain;
      project(layer, "self_attn.q_proj", matrix(queryWidth, hiddenSize));
      project(layer, "self_attn.k_proj", matrix(keyWidth, hiddenSize));
      project(layer, "self_attn.v_proj", matrix(keyWidth, hiddenSize));
      project(layer, "self_attn.o_proj", matrix(hiddenSize, queryWidth, residual));
      specs[`${name}.post_attention_layernorm.weight`] = gain;
      project(layer, "mlp.gate_proj", matrix(c.intermediateSize, hiddenSize));
      project(layer, "mlp.up_proj", matrix(c.intermediateSize, hiddenSize));
      project(layer, "mlp.down_proj", matrix(hiddenSize, c.intermediateSize, residual));
    }
    specs["model.norm.weight"] = gain;
    if (!c.tieWordEmbeddings) specs["lm_head.weight"] = matrix(c.vocabSize, hiddenSize);
    return specs;
  }
}
