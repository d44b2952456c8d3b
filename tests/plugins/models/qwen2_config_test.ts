/** Reading a Qwen2's `config.json`: what it shares with a Llama's, and what it does not. */

import assert from "node:assert/strict";
import { qwen2Kind, readQwen2Config } from "../../../plugins/models/qwen2/mod.ts";
import { userError } from "../../core/io/support.ts";

const SOURCE = "models/qwen/config.json";

/** Qwen2.5-0.5B's configuration, in the spelling of transformers 4. */
const QWEN_05B = {
  "architectures": ["Qwen2ForCausalLM"],
  "attention_dropout": 0.0,
  "bos_token_id": 151643,
  "eos_token_id": 151643,
  "hidden_act": "silu",
  "hidden_size": 896,
  "initializer_range": 0.02,
  "intermediate_size": 4864,
  "max_position_embeddings": 32768,
  "max_window_layers": 24,
  "model_type": "qwen2",
  "num_attention_heads": 14,
  "num_hidden_layers": 24,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-6,
  "rope_theta": 1000000.0,
  "sliding_window": 32768,
  "tie_word_embeddings": true,
  "torch_dtype": "bfloat16",
  "use_cache": true,
  "use_mrope": false,
  "use_sliding_window": false,
  "vocab_size": 151936,
};

Deno.test("Qwen2.5-0.5B is read, with biases on queries, keys and values", () => {
  assert.deepEqual(readQwen2Config(QWEN_05B, SOURCE), {
    vocabSize: 151936,
    hiddenSize: 896,
    intermediateSize: 4864,
    numLayers: 24,
    numHeads: 14,
    numKeyValueHeads: 2,
    headDim: 64,
    maxPositions: 32768,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    tieWordEmbeddings: true,
    initializerRange: 0.02,
    biases: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
  });
});

Deno.test("the model is called qwen2 and reads what Qwen2.5-0.5B stores", () => {
  assert.deepEqual(qwen2Kind.architectures, ["Qwen2ForCausalLM"]);
  const model = qwen2Kind.fromConfig(QWEN_05B, SOURCE);
  assert.equal(model.name, "qwen2");
  const names = Object.keys(model.params());
  // An embedding and a norm; in each layer seven matrices, three biases and two norms.
  assert.equal(names.length, 2 + 24 * 12);
  assert.ok(!names.includes("lm_head.weight"));
  const total = Object.values(model.params())
    .reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
  // As its card says: 0.49 billion, 0.36 of them outside the embedding.
  assert.equal(total, 494_032_768);
});

Deno.test("sliding windows and a Llama's mistakes are refused in a line", async () => {
  const refusal = (changes: object, says: string) =>
    userError(
      () => readQwen2Config({ ...QWEN_05B, ...changes }, SOURCE),
      RegExp(`^${RegExp.escape(`Cannot use ${SOURCE}: ${says}`)}$`),
    );
  await refusal(
    { "use_sliding_window": true },
    '"use_sliding_window" is true; sliding windows are not supported, ' +
      "use a model whose layers attend to all positions",
  );
  await refusal({ "hidden_act": "gelu" }, '"hidden_act" is "gelu"; only "silu" is supported');
  await refusal(
    { "hidden_size": undefined },
    '"hidden_size" is missing; give a positive whole number',
  );
  await refusal(
    { "rope_scaling": { "type": "yarn", "factor": 4 } },
    '"rope_scaling.type" is "yarn"; supported are default, linear, llama3',
  );
});
