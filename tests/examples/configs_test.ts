/** Configurations of the example plugins' families: what the hub has is read, what is wrong is refused. */

import assert from "node:assert/strict";
import { UserError } from "../../core/contracts/mod.ts";
import { readConfig as readGemma2 } from "../../examples/gemma2/config.ts";
import { readConfig as readGptNeoX } from "../../examples/gpt_neox/config.ts";

/** As `config.json` of EleutherAI/pythia-70m-deduped has them. */
const PYTHIA_70M = {
  "architectures": ["GPTNeoXForCausalLM"],
  "bos_token_id": 0,
  "eos_token_id": 0,
  "hidden_act": "gelu",
  "hidden_size": 512,
  "initializer_range": 0.02,
  "intermediate_size": 2048,
  "layer_norm_eps": 1e-05,
  "max_position_embeddings": 2048,
  "model_type": "gpt_neox",
  "num_attention_heads": 8,
  "num_hidden_layers": 6,
  "rotary_emb_base": 10_000,
  "rotary_pct": 0.25,
  "tie_word_embeddings": false,
  "torch_dtype": "float16",
  "use_cache": true,
  "use_parallel_residual": true,
  "vocab_size": 50_304,
};

/** As `config.json` of google/gemma-2-2b has them. */
const GEMMA_2_2B = {
  "architectures": ["Gemma2ForCausalLM"],
  "attention_bias": false,
  "attention_dropout": 0,
  "attn_logit_softcapping": 50,
  "bos_token_id": 2,
  "cache_implementation": "hybrid",
  "final_logit_softcapping": 30,
  "head_dim": 256,
  "hidden_act": "gelu_pytorch_tanh",
  "hidden_activation": "gelu_pytorch_tanh",
  "hidden_size": 2304,
  "initializer_range": 0.02,
  "intermediate_size": 9216,
  "max_position_embeddings": 8192,
  "model_type": "gemma2",
  "num_attention_heads": 8,
  "num_hidden_layers": 26,
  "num_key_value_heads": 4,
  "query_pre_attn_scalar": 256,
  "rms_norm_eps": 1e-06,
  "rope_theta": 10_000,
  "sliding_window": 4096,
  "vocab_size": 256_000,
};

Deno.test("Pythia 70M is read, as transformers 4 and transformers 5 spell it", () => {
  const old = readGptNeoX(PYTHIA_70M, "config.json");
  assert.equal(old.headDim, 64);
  assert.equal(old.rotaryDim, 16);
  assert.equal(old.ropeTheta, 10_000);
  assert.deepEqual([old.parallelResidual, old.attentionBias], [true, true]);
  const { rotary_pct: _, rotary_emb_base: __, ...rest } = PYTHIA_70M;
  const rope = { "partial_rotary_factor": 0.25, "rope_theta": 10_000, "rope_type": "default" };
  assert.deepEqual(readGptNeoX({ ...rest, "rope_parameters": rope }, "config.json"), old);
});

Deno.test("Gemma 2 2B is read, every other layer with a window", () => {
  const config = readGemma2(GEMMA_2_2B, "config.json");
  assert.deepEqual(config.windows.slice(0, 3), [4096, undefined, 4096]);
  assert.equal(config.windows.length, 26);
  assert.deepEqual([config.attentionSoftcap, config.finalSoftcap], [50, 30]);
  assert.equal(config.tieWordEmbeddings, true);
  const free = { ...GEMMA_2_2B, "attn_logit_softcapping": null, "sliding_window": null };
  assert.equal(readGemma2(free, "config.json").attentionSoftcap, undefined);
  assert.ok(readGemma2(free, "config.json").windows.every((window) => window === undefined));
});

const MISTAKES = [
  [readGptNeoX, PYTHIA_70M, { "num_attention_heads": 7 }, '"hidden_size" 512 is not a multiple'],
  [readGptNeoX, PYTHIA_70M, { "rotary_pct": 0.02 }, '"rotary_pct" rotates 1 of a head\'s 64'],
  [readGptNeoX, PYTHIA_70M, { "rotary_pct": 2 }, '"rotary_pct" is 2; give a number above 0 and up'],
  [
    readGptNeoX,
    PYTHIA_70M,
    { "rope_parameters": { "partial_rotary_factor": 0 } },
    '"rope_parameters.partial_rotary_factor" is 0; give a number above 0 and up to 1',
  ],
  [readGptNeoX, PYTHIA_70M, { "hidden_act": "swish" }, '"hidden_act" is "swish"; supported are'],
  [
    readGemma2,
    GEMMA_2_2B,
    { "num_key_value_heads": 3 },
    '"num_attention_heads" 8 is not a multiple',
  ],
  [
    readGemma2,
    GEMMA_2_2B,
    { "layer_types": ["full_attention"] },
    '"layer_types" has 1 entries for 26',
  ],
  [
    readGemma2,
    GEMMA_2_2B,
    { "layer_types": ["chunked_attention"] },
    '"layer_types.0" is "chunked_attention"; supported are sliding_attention, full_attention',
  ],
  [
    readGemma2,
    GEMMA_2_2B,
    { "use_bidirectional_attention": true },
    "a model that reads what comes",
  ],
  [readGemma2, GEMMA_2_2B, { "head_dim": 15 }, '"head_dim" is 15; give an even number'],
] as const;

for (const [read, config, mistake, message] of MISTAKES) {
  Deno.test(`a configuration with ${JSON.stringify(mistake)} is refused in a line`, () => {
    assert.throws(() => read({ ...config, ...mistake }, "a/config.json"), (error: Error) => {
      assert.ok(error instanceof UserError, `${error.name}: ${error.message}`);
      assert.ok(error.message.startsWith("Cannot use a/config.json: "), error.message);
      assert.ok(error.message.includes(message), error.message);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  });
}
