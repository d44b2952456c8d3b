/**
 * Times transformers.js on the CPU.
 *
 *   cd FOLDER && node time_transformers_js.mjs MODELS/transformers SETTINGS     a JSON line each
 *
 * Each step is the model's forward pass, as the library's own `generate` calls it: one row of
 * logits for each sequence, and the keys and values that came out go in with the next token.
 */

import { basename, dirname } from "node:path";
import { loadPackage, main, report, timed, tokenSource } from "./common.mjs";

await main(async (modelPath, settings) => {
  const { promptTokens, prefillRounds, decodeSteps, decodeBatches, threads, seed } = settings;
  const { AutoModelForCausalLM, DynamicCache, env, Tensor } = await loadPackage(
    "@huggingface/transformers",
  );
  env.allowRemoteModels = false;
  env.localModelPath = dirname(modelPath);
  const model = await AutoModelForCausalLM.from_pretrained(basename(modelPath), {
    dtype: "q4",
    device: "cpu",
    "session_options": { intraOpNumThreads: threads },
  });
  const tokens = tokenSource(model.config.vocab_size, seed);

  const whole = (rows, columns, values) =>
    new Tensor("int64", BigInt64Array.from(values, BigInt), [rows, columns]);
  /** Computes tokens of each sequence after `past` others; keys and values go into the cache. */
  async function compute(cache, batch, count, past) {
    const length = past + count;
    const answer = await model({
      "input_ids": whole(batch, count, tokens(batch * count)),
      "attention_mask": whole(batch, length, new Array(batch * length).fill(1)),
      "num_logits_to_keep": new Tensor("int64", [1n], []),
      "past_key_values": cache,
    });
    const { logits, ...presents } = answer;
    if (logits.dims[1] !== 1) {
      throw new Error("the model computes more logits than it is asked for");
    }
    const renamed = Object.entries(presents).map(([name, tensor]) => [
      name.replace("present", "past_key_values"),
      tensor,
    ]);
    cache.update(Object.fromEntries(renamed));
  }

  const times = [];
  for (let round = 0; round <= prefillRounds; round++) {
    times.push(await timed(() => compute(new DynamicCache(), 1, promptTokens, 0)));
  }
  report("prefill", 1, times);
  for (const batch of decodeBatches) {
    const cache = new DynamicCache();
    await compute(cache, batch, promptTokens, 0);
    const times = [];
    for (let step = 0; step <= decodeSteps; step++) {
      times.push(await timed(() => compute(cache, batch, 1, promptTokens + step)));
    }
    report("decode", batch, times);
  }
});
