/** Adapters on disk, as PEFT reads and writes them. */

import { join } from "node:path";
import { z } from "zod";
import { type DecoderModel, UserError } from "../contracts/mod.ts";
import { openSafetensors, readJson, writeFileAtomic, writeSafetensors } from "../io/mod.ts";
import { ALL_LINEAR, type LoraOptions, loraParams, namedTargets, type Weights } from "../nn/mod.ts";
import { sameShape } from "../tensor/mod.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** PEFT puts this before the model's own names. */
const PREFIX = "base_model.model.";

/** What PEFT calls the options, and those of its options that would change the result. */
const schema = z.object({
  "peft_type": z.literal("LORA", { error: "only LORA is supported" }),
  "r": z.int().positive(),
  "lora_alpha": z.number().positive(),
  "lora_dropout": z.number().min(0).lt(1).default(0),
  "target_modules": z.union([
    z.array(z.string()).min(1),
    z.literal(ALL_LINEAR).transform((all) => [all]),
  ]),
  "bias": z.literal("none", { error: 'only "none" is supported' }).default("none"),
  "use_rslora": z.literal(false, { error: "rank-stabilised scaling is not supported" })
    .default(false),
  "use_dora": z.literal(false, { error: "DoRA is not supported" }).default(false),
  "fan_in_fan_out": z.literal(false, { error: "transposed weights are not supported" })
    .default(false),
  "lora_bias": z.literal(false, { error: "biases of adapters are not supported" }).default(false),
  "alora_invocation_tokens": z.null({ error: "activated LoRA is not supported" }).optional(),
  // Others, such as PiSSA, take what they start from out of the weights underneath.
  "init_lora_weights": z.union([z.boolean(), z.enum(["gaussian", "eva", "orthogonal"])], {
    error: "this start changes the model underneath; let PEFT convert the adapter to plain LoRA",
  }).optional(),
  "modules_to_save": z.null({ error: "fully trained modules are not supported" }).optional(),
  "layers_to_transform": z.null({ error: "a choice of layers is not supported" }).optional(),
  "exclude_modules": z.null({ error: "excluded modules are not supported" }).optional(),
  "layer_replication": z.null({ error: "repeated layers are not supported" }).optional(),
  "rank_pattern": z.record(z.string(), z.never({ error: "ranks per layer are not supported" }))
    .optional(),
  "alpha_pattern": z.record(z.string(), z.never({ error: "scales per layer are not supported" }))
    .optional(),
});

/**
 * Writes `adapter_config.json` and `adapter_model.safetensors` into a folder.
 *
 * @param weights may hold more than the adapter; what `model` and `options` call for is written
 * @param baseModel name or folder of the model underneath
 */
export function writeAdapter(
  folder: string,
  model: DecoderModel,
  options: LoraOptions,
  weights: Weights,
  baseModel: string,
): void {
  const config = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": baseModel,
    "inference_mode": true,
    "r": options.rank,
    "lora_alpha": options.alpha,
    "lora_dropout": options.dropout,
    "target_modules": namedTargets(model, options.targets),
    "bias": "none",
    "fan_in_fan_out": false,
    "init_lora_weights": true,
    "modules_to_save": null,
    "use_dora": false,
    "use_rslora": false,
  };
  const names = Object.keys(loraParams(model, options));
  const tensors = names.map((name) => ({ name: PREFIX + name, tensor: weights[name]! }));
  writeSafetensors(join(folder, WEIGHTS), tensors, { format: "pt" });
  writeFileAtomic(join(folder, CONFIG), JSON.stringify(config, null, 2) + "\n");
}

/**
 * Reads an adapter that PEFT or {@link writeAdapter} wrote.
 *
 * @throws {UserError} when a file is missing or broken, uses what is not supported, or does not fit
 * the model.
 */
export function readAdapter(
  folder: string,
  model: DecoderModel,
): { options: LoraOptions; weights: Weights } {
  const path = join(folder, CONFIG);
  const parsed = schema.safeParse(readJson(path, "the adapter's configuration"));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`Cannot use ${path}: "${issue.path.join(".")}": ${issue.message}`);
  }
  const config = parsed.data;
  const options = {
    rank: config.r,
    alpha: config["lora_alpha"],
    dropout: config["lora_dropout"],
    targets: config["target_modules"],
  };
  using file = openSafetensors(join(folder, WEIGHTS));
  const specs = Object.entries(loraParams(model, options));
  const known = new Set(specs.map(([name]) => PREFIX + name));
  const stranger = file.tensors.keys().find((name) => !known.has(name));
  if (stranger !== undefined) {
    throw new UserError(
      `Cannot use ${file.path}: it has ${stranger}, which its ${CONFIG} does not account for in ` +
        "this model; leaving it out would change what the adapter does",
    );
  }
  const weights = Object.fromEntries(specs.map(([name, { shape }]) => {
    const tensor = file.read(PREFIX + name);
    if (!sameShape(tensor.shape, shape)) {
      throw new UserError(
        `Cannot use ${file.path}: ${PREFIX + name} is [${tensor.shape}], this model needs ` +
          `[${shape}]`,
      );
    }
    return [name, tensor];
  }));
  return { options, weights };
}
