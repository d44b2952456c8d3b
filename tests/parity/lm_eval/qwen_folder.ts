/** The small random Qwen2 of the goldens, by the formula of `make_qwen_folder.py`. */

import fs from "node:fs";
import { join } from "node:path";
import { writeSafetensors } from "../../../core/io/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";

const [VOCABULARY, WIDTH, INNER, LAYERS, WINDOW] = [151936, 64, 160, 2, 512];
const KEY_VALUE = 32;

const CONFIG = {
  architectures: ["Qwen2ForCausalLM"],
  "model_type": "qwen2",
  "bos_token_id": null,
  "eos_token_id": 151645,
  "hidden_act": "silu",
  "hidden_size": WIDTH,
  "initializer_range": 0.02,
  "intermediate_size": INNER,
  "max_position_embeddings": WINDOW,
  "num_attention_heads": 4,
  "num_hidden_layers": LAYERS,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-6,
  "rope_theta": 1000000,
  "tie_word_embeddings": true,
  "use_sliding_window": false,
  "vocab_size": VOCABULARY,
};

const TOKENIZER_CONFIG = {
  "bos_token": null,
  "eos_token": "<|im_end|>",
  "pad_token": "<|endoftext|>",
  "tokenizer_class": "PreTrainedTokenizerFast",
};

type Parameter = readonly [name: string, shape: readonly number[], scale: number, shift: number];

/** In the order that they are drawn in. */
function parameters(): Parameter[] {
  const drawn: Parameter[] = [["model.embed_tokens.weight", [VOCABULARY, WIDTH], 0.5, 0]];
  for (let layer = 0; layer < LAYERS; layer++) {
    const own = `model.layers.${layer}`;
    const projections = [["q", WIDTH, 0.375], ["k", KEY_VALUE, 0.375], [
      "v",
      KEY_VALUE,
      0.25,
    ]] as const;
    for (const [name, rows, scale] of projections) {
      drawn.push([`${own}.self_attn.${name}_proj.weight`, [rows, WIDTH], scale, 0]);
      drawn.push([`${own}.self_attn.${name}_proj.bias`, [rows], 0.5, 0]);
    }
    drawn.push([`${own}.self_attn.o_proj.weight`, [WIDTH, WIDTH], 0.5, 0]);
    drawn.push([`${own}.mlp.gate_proj.weight`, [INNER, WIDTH], 0.25, 0]);
    drawn.push([`${own}.mlp.up_proj.weight`, [INNER, WIDTH], 0.25, 0]);
    drawn.push([`${own}.mlp.down_proj.weight`, [WIDTH, INNER], 0.25, 0]);
    drawn.push([`${own}.input_layernorm.weight`, [WIDTH], 0.25, 1]);
    drawn.push([`${own}.post_attention_layernorm.weight`, [WIDTH], 0.25, 1]);
  }
  return [...drawn, ["model.norm.weight", [WIDTH], 0.25, 1]];
}

/** The number in [-1, 1) of a counter. */
function uniform(counter: number): number {
  let h = Math.imul(counter + 1, 0x9e3779b9);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return (h >>> 8) / 2 ** 23 - 1;
}

/** Writes the model into a folder. */
export function writeQwenFolder(folder: string, tokenizer: string): void {
  let start = 0;
  const tensors = parameters().map(([name, shape, scale, shift]) => {
    const tensor = floats(shape);
    for (let i = 0; i < tensor.data.length; i++) {
      tensor.data[i] = uniform(start + i) * scale + shift;
    }
    start += tensor.data.length;
    return { name, tensor };
  });
  writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  fs.copyFileSync(tokenizer, join(folder, "tokenizer.json"));
  for (
    const [name, content] of [["config", CONFIG], ["tokenizer_config", TOKENIZER_CONFIG]] as const
  ) {
    fs.writeFileSync(join(folder, `${name}.json`), JSON.stringify(content, null, 2) + "\n");
  }
}
