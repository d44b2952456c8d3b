// deno-lint-ignore-file camelcase -- the keys are those of Hugging Face's config.json
/** A model, a tokenizer and a text that are small enough to be made anew for every test. */

import { join } from "node:path";
import { byteLevelTokenizerConfig, trainByteLevelBpe } from "../../core/io/bpe_trainer.ts";
import { writeSafetensors } from "../../core/io/mod.ts";
import { initialize } from "../../core/nn/mod.ts";
import { RandomStream } from "../../core/tensor/mod.ts";
import { llamaKind } from "../../plugins/models/llama/mod.ts";

/** Three layers of width 16: the least that has an anchor and something to route. */
export const TINY_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 288,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};

/** Writes a random model in Hugging Face format into `folder`. */
export function writeTinyModel(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  const write = (name: string, value: unknown) =>
    Deno.writeTextFileSync(join(folder, name), JSON.stringify(value, null, 1));
  write("config.json", TINY_CONFIG);
  write(
    "tokenizer.json",
    trainByteLevelBpe(tinyLines(), { vocabularySize: TINY_CONFIG.vocab_size }),
  );
  write("tokenizer_config.json", byteLevelTokenizerConfig());
  const weights = initialize(llamaKind.fromConfig(TINY_CONFIG, "the tiny model").params(), 0);
  writeSafetensors(
    join(folder, "model.safetensors"),
    Object.entries(weights).map(([name, tensor]) => ({ name, tensor })),
    { format: "pt" },
  );
}

/** Forty different lines; each is a document of its own. */
export function tinyLines(): string[] {
  const who = ["the cat", "a small bird", "the old man", "my sister", "one fox"];
  const what = ["saw", "found", "wanted", "forgot"];
  const which = ["the red ball", "some bread", "a way home", "the river", "nothing"];
  const random = new RandomStream(0, "tinyLines");
  const pick = (words: readonly string[]) => words[Math.floor(random.uniform() * words.length)]!;
  return Array.from(
    { length: 40 },
    (_, day) => `on day ${day + 1} ${pick(who)} ${pick(what)} ${pick(which)} and slept`,
  );
}
