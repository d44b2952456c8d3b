/**
 * Writes a model of random weights and a published model's shapes, as a folder in Hugging Face format:
 * bfloat16, a file for each layer, nano's tokenizer. Nothing of the published model is in it.
 */

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic, writeSafetensors } from "../../core/io/mod.ts";
import { type ModelConfig, modelOf } from "./models.ts";
import { randomWeights } from "./step_workload.ts";

const NANO = join(import.meta.dirname!, "../../plugins/models/nano");

/** Writes the folder. Weights are made one layer at a time, so a large model needs little memory. */
export function writeRandomCheckpoint(folder: string, config: ModelConfig): void {
  mkdirSync(folder, { recursive: true });
  const model = modelOf(config, "a random checkpoint");
  const weights = randomWeights(model);
  const shards = Map.groupBy(
    Object.keys(model.params()),
    (name) => /^model\.layers\.\d+/.exec(name)?.[0] ?? name,
  );
  const number = (value: number) => String(value).padStart(5, "0");
  const places: Record<string, string> = {};
  [...shards.values()].forEach((names, i) => {
    const file = `model-${number(i + 1)}-of-${number(shards.size)}.safetensors`;
    const tensors = names.map((name) => ({ name, tensor: weights.read(name) }));
    writeSafetensors(join(folder, file), tensors, { format: "pt" }, { floats: "BF16" });
    for (const name of names) places[name] = file;
  });
  const write = (name: string, value: unknown) =>
    writeFileAtomic(join(folder, name), JSON.stringify(value, null, 1) + "\n");
  write("model.safetensors.index.json", { metadata: {}, "weight_map": places });
  // transformers goes by the type, where dlr goes by the architecture.
  const [architecture] = config["architectures"] as readonly string[];
  const type = architecture!.replace("ForCausalLM", "").toLowerCase();
  write("config.json", { "model_type": type, ...config });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    copyFileSync(join(NANO, name), join(folder, name));
  }
}
