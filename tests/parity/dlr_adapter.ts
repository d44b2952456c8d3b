/**
 * An adapter as dlr saves it, with the logits that it gives, for PEFT to check.
 *
 *   deno run -P tests/parity/dlr_adapter.ts tests/parity/goldens/dlr_adapter
 *
 * Its rank, scale and choice of projections differ from those of PEFT's golden adapter. All values
 * come from a seed, so a test can hold today's writer against what PEFT once accepted.
 */

import { join } from "node:path";
import { input } from "../../core/graph/mod.ts";
import { writeSafetensors } from "../../core/io/mod.ts";
import {
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { writeAdapter } from "../../core/train/mod.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";
import { goldenBatch, tinyLlama } from "./golden.ts";

/** Settings of the adapter. */
export const OPTIONS: LoraOptions = {
  rank: 3,
  alpha: 6,
  dropout: 0.05,
  targets: ["q_proj", "v_proj", "down_proj"],
};

/** What PEFT is told to be the model underneath. */
export const BASE_MODEL = "tests/parity/goldens/tiny_llama";

/** Both matrices of every adapter, far enough from 0 to change the logits plainly. */
export function drawAdapter(options: LoraOptions = OPTIONS): Weights {
  const specs = Object.entries(loraParams(tinyLlama().model, options));
  return Object.fromEntries(specs.map(([name, { shape }]): [string, FloatTensor] => {
    const random = new RandomStream(20_26, name);
    const tensor = floats(shape);
    tensor.data.forEach((_, i) => tensor.data[i] = 0.2 * random.normal());
    return [name, tensor];
  }));
}

/** Logits `[2, 12, 64]` of the tiny Llama on the golden tokens with an adapter, dropout off. */
export function adaptedLogits(options: LoraOptions, adapter: Weights): HostTensor {
  const { model, weights } = tinyLlama();
  const nodes = { ...inputNodes(model.params()), ...inputNodes(loraParams(model, options)) };
  const params = new ParamNodes(nodes).withAdapters(loraAdapters(model, options, nodes, false));
  const { tokens } = goldenBatch();
  const pass = forward(model, params, input("tokens", tokens.shape, "int32"));
  const logits = model.head(params, pass.hiddenStates);
  return evaluate({ logits }, { ...weights, ...adapter, tokens }).logits;
}

if (import.meta.main) {
  const folder = Deno.args[0];
  if (folder === undefined) throw new Error("Give the folder to write to");
  const adapter = drawAdapter();
  writeAdapter(folder, tinyLlama().model, OPTIONS, adapter, BASE_MODEL);
  const { shape, data } = adaptedLogits(OPTIONS, adapter);
  const logits = floats(shape, Float32Array.from(data));
  writeSafetensors(join(folder, "logits.safetensors"), [{ name: "logits", tensor: logits }]);
}
