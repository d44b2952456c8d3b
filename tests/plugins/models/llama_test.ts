/** The Llama family's parameters, and adapters beside projections that have a bias. */

import assert from "node:assert/strict";
import { input } from "../../../core/graph/mod.ts";
import {
  initialize,
  inputNodes,
  loraAdapters,
  loraNames,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../../core/nn/mod.ts";
import { forward } from "../../../core/routing/mod.ts";
import { floats, type HostTensor, ints } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { llama, type LlamaConfig } from "../../../plugins/models/llama/mod.ts";
import { jitter } from "../../support/tiny_student.ts";

const CONFIG: LlamaConfig = {
  vocabSize: 16,
  hiddenSize: 12,
  numLayers: 2,
  numHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositions: 32,
  intermediateSize: 20,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  initializerRange: 0.3,
  biases: ["self_attn.q_proj", "mlp.down_proj"],
};

Deno.test("biases are declared beside their projections, start at 0 and change no other draw", () => {
  const specs = llama(CONFIG).params();
  const names = Object.keys(specs).filter((name) => name.endsWith(".bias"));
  assert.deepEqual(names, [
    "model.layers.0.self_attn.q_proj.bias",
    "model.layers.0.mlp.down_proj.bias",
    "model.layers.1.self_attn.q_proj.bias",
    "model.layers.1.mlp.down_proj.bias",
  ]);
  assert.deepEqual(specs[names[0]!], { shape: [16], init: { kind: "constant", value: 0 } });
  assert.deepEqual(specs[names[1]!], { shape: [12], init: { kind: "constant", value: 0 } });
  const plain = initialize(llama({ ...CONFIG, biases: [] }).params(), 5);
  const biased = initialize(specs, 5);
  assert.deepEqual(Object.keys(biased).length, Object.keys(plain).length + names.length);
  for (const [name, tensor] of Object.entries(plain)) assert.deepEqual(biased[name], tensor);
});

const LORA: LoraOptions = {
  rank: 2,
  alpha: 4,
  dropout: 0,
  targets: ["q_proj", "k_proj", "down_proj"],
};

/** The weights with alpha / rank times B A added to each adapted matrix; biases as they were. */
function merged(base: Weights, adapter: Weights): Weights {
  const sum: Record<string, Weights[string]> = { ...base };
  for (const name of Object.keys(base)) {
    const { a, b } = loraNames(name.replace(/\.weight$/, ""));
    const [left, right] = [adapter[b], adapter[a]];
    if (!left || !right) continue;
    const [out, inner] = base[name]!.shape as [number, number];
    const weight = floats([out, inner], base[name]!.data.slice());
    for (let i = 0; i < out * inner; i++) {
      const [row, column] = [Math.floor(i / inner), i % inner];
      for (let k = 0; k < LORA.rank; k++) {
        weight.data[i]! += LORA.alpha / LORA.rank *
          left.data[row * LORA.rank + k]! * right.data[k * inner + column]!;
      }
    }
    sum[name] = weight;
  }
  return sum;
}

Deno.test("an adapter beside a bias gives what the merged matrix and the same bias give", () => {
  const model = llama(CONFIG);
  // Biases and B away from the zeros that they start with.
  const base = jitter(initialize(model.params(), 1), 0.2, 1);
  const adapter = jitter(initialize(loraParams(model, LORA), 2), 0.2, 2);
  const nodes = { ...inputNodes(model.params()), ...inputNodes(loraParams(model, LORA)) };
  const params = new ParamNodes(nodes);
  const tokens = input("tokens", [1, 6], "int32");
  const logitsOf = (params: ParamNodes, weights: Weights): HostTensor => {
    const logits = model.head(params, forward(model, params, tokens).hiddenStates);
    const feeds = { ...weights, tokens: ints([1, 6], [3, 1, 4, 1, 5, 9]) };
    return evaluate({ logits }, feeds).logits;
  };
  const largest = (a: HostTensor, b: HostTensor) =>
    Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i]!)));

  const adapted = params.withAdapters(loraAdapters(model, LORA, nodes, false));
  const actual = logitsOf(adapted, { ...base, ...adapter });
  const off = largest(actual, logitsOf(params, merged(base, adapter)));
  assert.ok(off < 1e-5, `the logits differ by ${off}`);
  const change = largest(actual, logitsOf(params, base));
  assert.ok(change > 0.1, `the adapter changes the logits by ${change}`);
});
