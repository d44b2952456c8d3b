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
    biases: [],
  });
});

Deno.test("both ways to write the base of rotary positions are read", () => {
  assert.equal(read({ "rope_theta": 500_000 }).ropeTheta, 500_000);
  const parameters = { "rope_type": "default", "rope_theta": 1e6 };
  assert.equal(read({ "rope_parameters": parameters }).ropeTheta, 1e6);
  assert.equal(read({ "rope_parameters": null, "rope_scaling": null }).ropeTheta, 10_000);
  // Where both are there, transformers 5 takes what is inside.
  assert.equal(read({ "rope_theta": 500_000, "rope_parameters": parameters }).ropeTheta, 1e6);
});

const LLAMA_31 = {
  "factor": 8,
  "low_freq_factor": 1,
  "high_freq_factor": 4,
  "original_max_position_embeddings": 8192,
};

Deno.test("scaled rotary positions are read in every spelling", () => {
  const llama3 = {
    kind: "llama3",
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 8192,
  };
  const linear = { kind: "linear", factor: 2.5 };
  const scaled = (given: object, key = "rope_scaling") => read({ [key]: given }).ropeScaling;
  assert.deepEqual(scaled({ "rope_type": "llama3", ...LLAMA_31 }), llama3);
  assert.deepEqual(scaled({ "type": "llama3", ...LLAMA_31 }), llama3);
  assert.deepEqual(scaled({ "rope_type": "llama3", ...LLAMA_31 }, "rope_parameters"), llama3);
  assert.deepEqual(scaled({ "rope_type": "linear", "factor": 2.5 }), linear);
  assert.deepEqual(scaled({ "type": "linear", "factor": 2.5 }), linear);
  assert.deepEqual(scaled({ "rope_type": "linear", "factor": 2.5 }, "rope_parameters"), linear);
  assert.equal(scaled({ "rope_type": "default" }), undefined);
  assert.equal(scaled({ "rope_theta": 1e6 }, "rope_parameters"), undefined);
});

Deno.test("biases are those of the attention, of the MLP, or of both", () => {
  const attention = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`);
  const mlp = ["gate_proj", "up_proj", "down_proj"].map((name) => `mlp.${name}`);
  assert.deepEqual(read({ "attention_bias": true }).biases, attention);
  assert.deepEqual(read({ "mlp_bias": true }).biases, mlp);
  const both = read({ "attention_bias": true, "mlp_bias": true });
  assert.deepEqual(both.biases, [...attention, ...mlp]);
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
    const kind = field === "rms_norm_eps" ? "number" : "whole number";
    await refusal(config, `"${field}" is missing; give a positive ${kind}`);
  });
}

/** Asserts that the reader says this, and only this, of a configuration. */
async function refusal(config: Readonly<Record<string, unknown>>, says: string): Promise<void> {
  const whole = RegExp(`^${RegExp.escape(`Cannot use ${SOURCE}: ${says}`)}$`);
  await userError(() => readLlamaConfig(config, SOURCE), whole);
}

const WHOLE = "give a positive whole number";
const TYPES = "supported are default, linear, llama3";

const REFUSED: readonly [config: Readonly<Record<string, unknown>>, says: string][] = [
  [{ "vocab_size": 0 }, `"vocab_size" is 0; ${WHOLE}`],
  [{ "vocab_size": "32000" }, `"vocab_size" is "32000"; ${WHOLE}`],
  [{ "hidden_size": 64.5 }, `"hidden_size" is 64.5; ${WHOLE}`],
  [{ "num_hidden_layers": -1 }, `"num_hidden_layers" is -1; ${WHOLE}`],
  [{ "num_attention_heads": null }, `"num_attention_heads" is null; ${WHOLE}`],
  [{ "rms_norm_eps": 0 }, '"rms_norm_eps" is 0; give a positive number'],
  [{ "tie_word_embeddings": "yes" }, '"tie_word_embeddings" is "yes"; give true or false'],
  [{ "attention_bias": 1 }, '"attention_bias" is 1; give true or false'],
  [{ "mlp_bias": null }, '"mlp_bias" is null; give true or false'],
  [{ "hidden_act": "gelu" }, '"hidden_act" is "gelu"; only "silu" is supported'],
  [{ "rope_theta": -10_000 }, '"rope_theta" is -10000; give a positive number'],
  [{ "rope_scaling": "linear" }, '"rope_scaling" is "linear"; give an object or null'],
  [
    { "rope_scaling": { "type": "dynamic", "factor": 2 } },
    `"rope_scaling.type" is "dynamic"; ${TYPES}`,
  ],
  [
    { "rope_parameters": { "rope_type": "yarn", "rope_theta": 5e5 } },
    `"rope_parameters.rope_type" is "yarn"; ${TYPES}`,
  ],
  [
    { "rope_scaling": { "type": "linear" } },
    '"rope_scaling.factor" is missing; give a number of at least 1',
  ],
  [
    { "rope_parameters": { "rope_type": "linear", "factor": 0.5 } },
    '"rope_parameters.factor" is 0.5; give a number of at least 1',
  ],
  [
    { "rope_scaling": { "rope_type": "llama3", "factor": 8, "low_freq_factor": 1 } },
    '"rope_scaling.high_freq_factor" is missing; give a positive number',
  ],
  [
    {
      "rope_scaling": { ...LLAMA_31, "rope_type": "llama3", "original_max_position_embeddings": 0 },
    },
    `"rope_scaling.original_max_position_embeddings" is 0; ${WHOLE}`,
  ],
  [
    { "rope_scaling": { "rope_type": "llama3", ...LLAMA_31, "low_freq_factor": 4 } },
    '"rope_scaling.low_freq_factor" 4 is not below "rope_scaling.high_freq_factor" 4; ' +
    "correct one of them",
  ],
  // Rotary positions turn pairs.
  [{ "head_dim": 15 }, '"head_dim" is 15; give an even number, as rotary positions turn pairs'],
  [{ "head_dim": -16 }, `"head_dim" is -16; ${WHOLE}`],
  [
    { "hidden_size": 66 },
    '"hidden_size" 66 over "num_attention_heads" 4 does not give heads of an even size; ' +
    'correct one of them or give "head_dim"',
  ],
  [
    { "hidden_size": 60 },
    '"hidden_size" 60 over "num_attention_heads" 4 does not give heads of an even size; ' +
    'correct one of them or give "head_dim"',
  ],
  [
    { "num_key_value_heads": 3 },
    '"num_attention_heads" 4 is not a multiple of "num_key_value_heads" 3; correct one of them',
  ],
];

for (const [changes, says] of REFUSED) {
  Deno.test(`a configuration with ${JSON.stringify(changes)} is refused`, async () => {
    await refusal({ ...REQUIRED, ...changes }, says);
  });
}
