/**
 * Every supported family of checkpoints against transformers: configuration, names and types of the
 * stored tensors, and logits, through the readers and on both backends.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Backend, type DecoderModel } from "../../core/contracts/mod.ts";
import { input } from "../../core/graph/mod.ts";
import {
  type JsonObject,
  openCheckpointWeights,
  openSafetensors,
  readJsonObject,
} from "../../core/io/mod.ts";
import { inputNodes, ParamNodes } from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import {
  llama,
  type LlamaConfig,
  llamaKind,
  readLlamaConfig,
} from "../../plugins/models/llama/mod.ts";
import { qwen2Kind, readQwen2Config } from "../../plugins/models/qwen2/mod.ts";
import { assertClose } from "../conformance/close.ts";
import { assertParity } from "./golden.ts";

const FOLDER = fileURLToPath(new URL("./goldens/families", import.meta.url));

/** What a checkpoint is stored as, and what it holds that its model does not read. */
interface Family {
  readonly name: string;
  readonly dtype: string;
  readonly ignored: readonly string[];
}

const FAMILIES: readonly Family[] = [
  // A copy of the embeddings, which the head is tied to.
  { name: "llama_tied", dtype: "F32", ignored: ["lm_head.weight"] },
  { name: "llama3_rope", dtype: "F32", ignored: [] },
  { name: "linear_rope", dtype: "F32", ignored: [] },
  { name: "llama_biased", dtype: "F32", ignored: [] },
  {
    name: "openllama",
    dtype: "F16",
    // The frequencies, which follow from the configuration.
    ignored: [0, 1].map((layer) => `model.layers.${layer}.self_attn.rotary_emb.inv_freq`),
  },
  { name: "qwen2_tied", dtype: "BF16", ignored: [] },
  { name: "qwen2_untied", dtype: "F32", ignored: [] },
];

function configOf(family: string, file = "config.json"): { config: JsonObject; path: string } {
  const path = `${FOLDER}/${family}/${file}`;
  return { config: readJsonObject(path, "the configuration"), path };
}

/** The model that a checkpoint's architecture and configuration describe. */
function modelOf(family: string): DecoderModel {
  const { config, path } = configOf(family);
  const [architecture] = config["architectures"] as string[];
  const kind = [llamaKind, qwen2Kind].find(({ architectures }) =>
    architectures.includes(architecture!)
  );
  assert.ok(kind, `a plugin for ${architecture}`);
  return kind.fromConfig(config, path);
}

function goldenOf(family: string): { tokens: HostTensor; logits: HostTensor } {
  using file = openSafetensors(`${FOLDER}/${family}/logits.safetensors`);
  return { tokens: file.readHost("tokens"), logits: file.readHost("logits") };
}

/** Logits of the golden tokens, by `model` with the checkpoint's weights. */
async function logitsOf(
  family: string,
  model: DecoderModel,
  backend: Backend,
): Promise<HostTensor> {
  using weights = openCheckpointWeights(`${FOLDER}/${family}`);
  const names = Object.keys(model.params());
  const { tokens } = goldenOf(family);
  const params = new ParamNodes(inputNodes(model.params()));
  const pass = forward(model, params, input("tokens", tokens.shape, "int32"));
  await using program = await backend.compile({ logits: model.head(params, pass.hiddenStates) });
  const { logits } = await program.run({
    ...Object.fromEntries(names.map((name) => [name, weights.read(name)])),
    tokens,
  });
  return logits;
}

for (const { name } of FAMILIES) {
  Deno.test(`reference and onnx give transformers' logits of ${name}`, async () => {
    const { logits } = goldenOf(name);
    for (const backend of [referenceBackend(), onnxBackend({ threads: 1 })]) {
      await using _ = backend;
      assertParity(await logitsOf(name, modelOf(name), backend), logits, `${backend.name} logits`);
    }
  });
}

/** Random gates of every layer but the first, as the model of `family` runs under them. */
async function underGates(family: string, compacted: boolean): Promise<HostTensor> {
  const model = modelOf(family);
  using weights = openCheckpointWeights(`${FOLDER}/${family}`);
  const { tokens } = goldenOf(family);
  const [batch, length] = tokens.shape as [number, number];
  const layers = model.dims.numLayers - 1;
  const random = new RandomStream(3, family);
  const gates = floats(
    [batch, length, layers],
    Array.from({ length: batch * length * layers }, () => random.uniform() < 0.6 ? 1 : 0),
  );
  const params = new ParamNodes(inputNodes(model.params()));
  const pass = forward(
    model,
    params,
    input("tokens", tokens.shape, "int32"),
    { gates: input("gates", gates.shape), anchorLayers: 1 },
    { compacted },
  );
  await using backend = onnxBackend({ threads: 1 });
  await using program = await backend.compile({ logits: model.head(params, pass.hiddenStates) });
  const names = Object.keys(model.params());
  const feeds = Object.fromEntries(names.map((name) => [name, weights.read(name)]));
  return (await program.run({ ...feeds, tokens, gates })).logits;
}

for (const { name } of FAMILIES) {
  Deno.test(`skipping gives the logits of gating on ${name} within 1e-4`, async () => {
    const [skipped, gated] = [await underGates(name, true), await underGates(name, false)];
    const off = distance(gated, goldenOf(name).logits);
    assert.ok(off > 0.01, "the gates change nothing");
    assertClose(skipped, gated, { absolute: 1e-4, relative: 0 }, "logits");
  });
}

Deno.test("every tensor of a checkpoint is read, or known to be of no use", () => {
  for (const { name, dtype, ignored } of FAMILIES) {
    using weights = openCheckpointWeights(`${FOLDER}/${name}`);
    const specs = modelOf(name).params();
    for (const [parameter, { shape }] of Object.entries(specs)) {
      const stored = weights.tensors.get(parameter);
      assert.deepEqual(stored?.shape, shape, `the shape of ${parameter} in ${name}`);
      assert.equal(stored?.dtype, dtype, `the type of ${parameter} in ${name}`);
    }
    const unread = [...weights.tensors.keys()].filter((tensor) => !(tensor in specs));
    assert.deepEqual(unread.toSorted(), ignored, name);
  }
});

Deno.test("a configuration reads the same as transformers 4 and transformers 5 spell it", () => {
  const [old, current] = ["config_v4.json", "config.json"].map((file) => {
    const { config, path } = configOf("llama3_rope", file);
    return readLlamaConfig(config, path);
  });
  assert.deepEqual(old, current);
  assert.equal(current!.ropeScaling?.kind, "llama3");
});

/** Largest difference between two tensors, relative to the largest magnitude of the second. */
function distance(actual: HostTensor, expected: HostTensor): number {
  let [largest, difference] = [0, 0];
  expected.data.forEach((x, i) => {
    largest = Math.max(largest, Math.abs(x));
    difference = Math.max(difference, Math.abs(x - actual.data[i]!));
  });
  return difference / largest;
}

const withoutScaling = ({ ropeScaling: _, ...config }: LlamaConfig): LlamaConfig => config;
const withoutBiases = (config: LlamaConfig): LlamaConfig => ({ ...config, biases: [] });

/** What some goldens are to hold a model to, taken out of it. */
const DAMAGES = [
  { name: "llama3_rope", lost: "scaling", read: readLlamaConfig, damage: withoutScaling },
  { name: "linear_rope", lost: "scaling", read: readLlamaConfig, damage: withoutScaling },
  { name: "llama_biased", lost: "biases", read: readLlamaConfig, damage: withoutBiases },
  { name: "qwen2_tied", lost: "biases", read: readQwen2Config, damage: withoutBiases },
  { name: "qwen2_untied", lost: "biases", read: readQwen2Config, damage: withoutBiases },
];

for (const { name, lost, read, damage } of DAMAGES) {
  Deno.test(`without its ${lost} ${name} is a thousand tolerances from its logits`, async () => {
    const { config, path } = configOf(name);
    await using backend = referenceBackend();
    const logits = await logitsOf(name, llama(damage(read(config, path))), backend);
    const off = distance(logits, goldenOf(name).logits);
    assert.ok(off > 0.1, `off by ${off} of the largest logit`);
  });
}
