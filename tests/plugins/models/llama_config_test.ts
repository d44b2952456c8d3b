/** Reading a Llama's `config.json`: what is understood, and what is refused by its field's name. */

import assert from "node:assert/strict";
import { readLlamaConfig } from "../../../plugins/models/llama/mod.ts";
import { userError } from "../../core/io/support.ts";

const SOURCE = "models/small/config.json";

/** Every field that has to be there. */
const REQUIRED = {
  "vocab_size": 320,
  "hidden_size": 64,
  "intermediate_size": 96,
  "num_hidden_layers": 3,
  "num_attention_heads": 4,
  "max_position_embeddings": 128,
  "rms_norm_eps": 1e-6,
};

const read = (changes: Readonly<Record<string, unknown>> = {}) =>
  readLlamaConfig({ ...REQUIRED, ...changes }, SOURCE);

Deno.test("a configuration with only what is needed gets Llama's defaults", () => {
  assert.deepEqual(read(), {
    vocabSize: 320,
    hiddenSize: 64,
    intermediateSize: 96,
    numLayers: 3,
    numHeads: 4,
    numKeyValueHeads: 4,
    headDim: 16,
    maxPositions: 128,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    tieWordEmbeddings: false,
    initializerRange: 0.02,
  });
});

Deno.test("both ways to write the base of rotary positions are read", () => {
  assert.equal(read({ "rope_theta": 500_000 }).ropeTheta, 500_000);
  const parameters = { "rope_type": "default", "rope_theta": 1e6 };
  assert.equal(read({ "rope_parameters": parameters }).ropeTheta, 1e6);
  assert.equal(read({ "rope_parameters": null, "rope_scaling": null }).ropeTheta, 10_000);
});

Deno.test("grouped heads, a head size of its own and tied embeddings are read", () => {
  const config = read({
    "num_key_value_heads": 2,
    "head_dim": 24,
    "tie_word_embeddings": true,
    "initializer_range": 0.1,
  });
  assert.equal(config.numKeyValueHeads, 2);
  assert.equal(config.headDim, 24);
  assert.equal(config.tieWordEmbeddings, true);
  assert.equal(config.initializerRange, 0.1);
  assert.equal(read({ "head_dim": null }).headDim, 16);
});

Deno.test("fields that do not change the result may hold anything", () => {
  assert.deepEqual(read({ "attention_dropout": 0.1, "torch_dtype": "bfloat16", "x": [1] }), read());
});

for (const field of Object.keys(REQUIRED)) {
  Deno.test(`a configuration without ${field} is refused by its name`, async () => {
    const config: Record<string, unknown> = { ...REQUIRED };
    delete config[field];
    await userError(() => readLlamaConfig(config, SOURCE), SOURCE, `"${field}"`);
  });
}

const REFUSED: readonly [field: string, value: unknown, ...says: string[]][] = [
  ["vocab_size", 0],
  ["vocab_size", "32000"],
  ["hidden_size", 64.5],
  ["num_hidden_layers", -1],
  ["rms_norm_eps", 0],
  ["rope_theta", -10_000],
  ["tie_word_embeddings", "yes"],
  ["hidden_act", "gelu", "silu"],
  ["attention_bias", true, "biases"],
  ["mlp_bias", true, "biases"],
  ["rope_scaling", { "type": "linear", "factor": 2 }, "scaled"],
  ["rope_parameters", { "rope_type": "llama3", "rope_theta": 5e5 }, "rope_type", "default"],
];

for (const [field, value, ...says] of REFUSED) {
  Deno.test(`a configuration with ${field} ${JSON.stringify(value)} is refused`, async () => {
    await userError(() => read({ [field]: value }), SOURCE, field, ...says);
  });
}

Deno.test("sizes that do not fit each other are refused with the fields they are in", async () => {
  const uneven = { "hidden_size": 66 };
  await userError(() => read(uneven), SOURCE, '"hidden_size" 66', '"num_attention_heads" 4');
  const groups = { "num_key_value_heads": 3 };
  await userError(() => read(groups), SOURCE, '"num_key_value_heads" 3', "multiple");
  // Rotary positions turn pairs.
  await userError(() => read({ "head_dim": 15 }), SOURCE, '"head_dim" 15', "even");
});
