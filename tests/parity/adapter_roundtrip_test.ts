/** Adapters on disk: the same bits back, the files that PEFT reads, and what is refused. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSafetensors, readJsonObject, writeSafetensors } from "../../core/io/mod.ts";
import { type LoraOptions, loraParams } from "../../core/nn/mod.ts";
import { floats, type HostTensor } from "../../core/tensor/mod.ts";
import { readAdapter, writeAdapter } from "../../core/train/mod.ts";
import { inFolder, userError } from "../core/io/support.ts";
import { adaptedLogits, BASE_MODEL, drawAdapter, OPTIONS } from "./dlr_adapter.ts";
import { assertParity, golden, PEFT_ADAPTER, tinyLlama } from "./golden.ts";

/** An adapter of ours that PEFT has loaded and agreed with (see README.md). */
const CHECKED_ADAPTER = fileURLToPath(new URL("./goldens/dlr_adapter", import.meta.url));

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** Names, shapes and bytes of the tensors in an adapter's folder. */
function storedTensors(folder: string): Record<string, unknown> {
  using file = openSafetensors(join(folder, WEIGHTS));
  return Object.fromEntries(
    [...file.tensors.keys()].sort().map((name) => [name, file.readRaw(name)]),
  );
}

Deno.test("an adapter that was written is read back bit for bit, with its settings", async () => {
  await inFolder((folder) => {
    const { model } = tinyLlama();
    const adapter = drawAdapter();
    // What else is trained, such as a router, stays out of the adapter.
    writeAdapter(folder, model, OPTIONS, { ...adapter, "router.0.bias": floats([1]) }, BASE_MODEL);
    const { options, weights } = readAdapter(folder, model);
    assert.deepEqual(options, OPTIONS);
    assert.deepEqual(weights, adapter);
  });
});

Deno.test("writing PEFT's own adapter again gives its file names, keys, shapes and bytes", async () => {
  await inFolder((folder) => {
    const { model } = tinyLlama();
    const { options, weights } = readAdapter(PEFT_ADAPTER, model);
    assert.equal(options.rank, 4);
    assert.equal(options.alpha, 8);
    assert.equal(options.dropout, 0);
    writeAdapter(folder, model, options, weights, BASE_MODEL);
    const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
    assert.deepEqual(names(folder), names(PEFT_ADAPTER));
    assert.deepEqual(storedTensors(folder), storedTensors(PEFT_ADAPTER));
    // Every setting of ours is one of PEFT's, with PEFT's value.
    const theirs = readJsonObject(join(PEFT_ADAPTER, CONFIG), "the configuration");
    const ours = readJsonObject(join(folder, CONFIG), "the configuration");
    for (const [key, value] of Object.entries(ours)) assert.deepEqual(theirs[key], value, key);
  });
});

Deno.test("the writer still writes the adapter that PEFT accepted", async () => {
  await inFolder((folder) => {
    writeAdapter(folder, tinyLlama().model, OPTIONS, drawAdapter(), BASE_MODEL);
    assert.deepEqual(storedTensors(folder), storedTensors(CHECKED_ADAPTER));
    assert.equal(
      Deno.readTextFileSync(join(folder, CONFIG)),
      Deno.readTextFileSync(join(CHECKED_ADAPTER, CONFIG)),
    );
  });
});

Deno.test("the adapter that PEFT accepted still gives the logits that PEFT agreed with", () => {
  const { options, weights } = readAdapter(CHECKED_ADAPTER, tinyLlama().model);
  using file = openSafetensors(join(CHECKED_ADAPTER, "logits.safetensors"));
  const expected = file.read("logits");
  assertParity(adaptedLogits(options, weights), expected, "logits");
  const plain: HostTensor = golden("forward").get("logits")!;
  assert.throws(() => assertParity(plain, expected, "logits"), "the adapter changes something");
});

/** What is wrong with a configuration, by the field it is in, and what the message must say. */
const REFUSED: readonly [what: string, change: Readonly<Record<string, unknown>>, says: RegExp][] =
  [
    ["DoRA", { "use_dora": true }, /"use_dora".*DoRA/],
    ["rank-stabilised scaling", { "use_rslora": true }, /"use_rslora"/],
    ["ranks that differ by layer", { "rank_pattern": { "q_proj": 8 } }, /"rank_pattern\.q_proj"/],
    ["scales that differ by layer", { "alpha_pattern": { "q_proj": 8 } }, /"alpha_pattern/],
    ["another method than LoRA", { "peft_type": "IA3" }, /"peft_type".*LORA/],
    ["trained biases", { "bias": "all" }, /"bias"/],
    ["fully trained modules", { "modules_to_save": ["lm_head"] }, /"modules_to_save"/],
    ["a choice of layers", { "layers_to_transform": [1, 2] }, /"layers_to_transform"/],
    ["a start that changes the base", { "init_lora_weights": "pissa" }, /"init_lora_weights"/],
    ["adapters that wake up on a phrase", { "alora_invocation_tokens": [5] }, /"alora_invoc/],
    ["a rank of 0", { "r": 0 }, /"r"/],
    ["a projection that the model lacks", { "target_modules": ["c_attn"] }, /"c_attn".*q_proj/],
    ["targets given as a pattern", { "target_modules": ".*proj" }, /"target_modules"/],
  ];

for (const [what, change, says] of REFUSED) {
  Deno.test(`an adapter with ${what} is refused in one line`, async () => {
    await inFolder(async (folder) => {
      const config = readJsonObject(join(PEFT_ADAPTER, CONFIG), "the configuration");
      Deno.writeTextFileSync(join(folder, CONFIG), JSON.stringify({ ...config, ...change }));
      Deno.copyFileSync(join(PEFT_ADAPTER, WEIGHTS), join(folder, WEIGHTS));
      await userError(() => readAdapter(folder, tinyLlama().model), says);
    });
  });
}

/** Copies PEFT's adapter into a folder and hands its tensors to `change`, which may alter them. */
function rewrite(folder: string, change: (tensors: Map<string, HostTensor>) => void): void {
  Deno.copyFileSync(join(PEFT_ADAPTER, CONFIG), join(folder, CONFIG));
  const tensors = new Map<string, HostTensor>();
  using file = openSafetensors(join(PEFT_ADAPTER, WEIGHTS));
  for (const name of file.tensors.keys()) tensors.set(name, file.readHost(name));
  change(tensors);
  writeSafetensors(
    join(folder, WEIGHTS),
    tensors.entries().map(([name, tensor]) => ({ name, tensor })),
  );
}

const Q_PROJ = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";

Deno.test("an adapter whose tensors have other shapes is refused by the tensor's name", async () => {
  await inFolder(async (folder) => {
    rewrite(folder, (tensors) => tensors.set(Q_PROJ, floats([4, 16])));
    await userError(() => readAdapter(folder, tinyLlama().model), Q_PROJ, "[4,16]", "[4,32]");
  });
});

Deno.test("an adapter that lacks a tensor is refused by the tensor's name", async () => {
  await inFolder(async (folder) => {
    rewrite(folder, (tensors) => tensors.delete(Q_PROJ));
    await userError(() => readAdapter(folder, tinyLlama().model), Q_PROJ);
  });
});

Deno.test("an adapter with tensors that would be left out is refused", async () => {
  await inFolder(async (folder) => {
    const extra = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias";
    rewrite(folder, (tensors) => tensors.set(extra, floats([32])));
    await userError(() => readAdapter(folder, tinyLlama().model), extra);
  });
});

Deno.test("a truncated, missing or unreadable adapter file is refused in one line", async () => {
  await inFolder(async (folder) => {
    const { model } = tinyLlama();
    await userError(() => readAdapter(folder, model), CONFIG);
    Deno.writeTextFileSync(join(folder, CONFIG), "{ not json");
    await userError(() => readAdapter(folder, model), CONFIG, "JSON");
    Deno.copyFileSync(join(PEFT_ADAPTER, CONFIG), join(folder, CONFIG));
    await userError(() => readAdapter(folder, model), WEIGHTS);
    const whole = Deno.readFileSync(join(PEFT_ADAPTER, WEIGHTS));
    for (const length of [0, 7, 100, whole.length - 1]) {
      Deno.writeFileSync(join(folder, WEIGHTS), whole.subarray(0, length));
      await userError(() => readAdapter(folder, model), WEIGHTS);
    }
  });
});

Deno.test("each choice of projections makes an adapter of just those", () => {
  const { model } = tinyLlama();
  const options = (targets: string[]): LoraOptions => ({ ...OPTIONS, targets });
  const names = Object.keys(loraParams(model, options(["k_proj", "up_proj"])));
  assert.equal(names.length, 4 * 2 * 2);
  assert.ok(names.every((name) => /\.(k_proj|up_proj)\.lora_[AB]\.weight$/.test(name)));
});
