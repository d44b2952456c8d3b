/** The tiny checkpoints of the example plugins' families, and running them. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  type Backend,
  type DecoderModel,
  type Feeds,
  type ModelKind,
} from "../../core/contracts/mod.ts";
import { input } from "../../core/graph/mod.ts";
import {
  type ConfigFields,
  openCheckpointWeights,
  openSafetensors,
  readJsonObject,
} from "../../core/io/mod.ts";
import {
  baseNodes,
  type BasePrecision,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { gemma2Kind } from "../../examples/gemma2/mod.ts";
import { gptNeoXKind } from "../../examples/gpt_neox/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";

/** Where they are. */
export const CHECKPOINTS = fileURLToPath(
  new URL("../parity/goldens/examples", import.meta.url),
);

/** What each of them is read by. */
export const KINDS: Readonly<Record<string, ModelKind>> = {
  "neox_parallel": gptNeoXKind,
  "neox_sequential": gptNeoXKind,
  "gemma2_bounded": gemma2Kind,
  "gemma2_free": gemma2Kind,
};

/** What they are run on. */
export const BACKENDS: readonly (() => Backend)[] = [
  () => referenceBackend(),
  () => onnxBackend({ threads: 1 }),
];

/** Their names. */
export const NAMES = Object.keys(KINDS);

/** A checkpoint's model. @param changes fields that are other than its `config.json` says */
export function modelOf(name: string, changes: ConfigFields = {}): DecoderModel {
  const path = `${CHECKPOINTS}/${name}/config.json`;
  return KINDS[name]!.fromConfig(
    { ...readJsonObject(path, "the configuration"), ...changes },
    path,
  );
}

/** A checkpoint's parameters. */
export function weightsOf(name: string): Weights {
  using source = openCheckpointWeights(`${CHECKPOINTS}/${name}`);
  const names = Object.keys(modelOf(name).params());
  return Object.fromEntries(names.map((parameter) => [parameter, source.read(parameter)]));
}

/** What transformers computed: tokens and their logits. */
export function goldenOf(name: string): ReadonlyMap<string, HostTensor> {
  using file = openSafetensors(`${CHECKPOINTS}/${name}/logits.safetensors`);
  return new Map([...file.tensors.keys()].map((key) => [key, file.readHost(key)]));
}

/** How a model is run. */
export interface RunOptions {
  /** Skipped blocks are left out instead of blended in. */
  readonly compacted?: boolean;
  readonly precision?: BasePrecision;
  /** Adapters on it, whose matrices are among the feeds. */
  readonly lora?: LoraOptions;
}

/** Logits of `tokens`, under `gates` of every layer but the first where there are any. */
export async function logitsOf(
  backend: Backend,
  model: DecoderModel,
  feeds: Feeds & { readonly tokens: HostTensor; readonly gates?: HostTensor },
  { compacted = false, precision = "float32", lora }: RunOptions = {},
): Promise<HostTensor> {
  const adapters = lora ? inputNodes(loraParams(model, lora)) : {};
  const base = new ParamNodes(baseNodes(model, precision));
  const params = lora ? base.withAdapters(loraAdapters(model, lora, adapters, false)) : base;
  const { tokens, gates } = feeds;
  const routing = gates && { gates: input("gates", gates.shape), anchorLayers: 1 };
  const read = input("tokens", tokens.shape, "int32");
  const { hiddenStates } = forward(model, params, read, routing, { compacted });
  await using program = await backend.compile({ logits: model.head(params, hiddenStates) });
  return (await program.run(feeds)).logits;
}

/** Random gates of every layer but the first, 1 with this probability. */
export function drawGates(model: DecoderModel, { shape }: HostTensor, rate = 0.6): HostTensor {
  const random = new RandomStream(3, "gates");
  const gates = floats([...shape, model.dims.numLayers - 1]);
  for (let i = 0; i < gates.data.length; i++) gates.data[i] = random.uniform() < rate ? 1 : 0;
  return gates;
}

/** Largest difference between two tensors, relative to the largest magnitude of the second. */
export function distance(actual: HostTensor, expected: HostTensor): number {
  assert.deepEqual(actual.shape, expected.shape);
  let [largest, difference] = [0, 0];
  expected.data.forEach((x, i) => {
    largest = Math.max(largest, Math.abs(x));
    difference = Math.max(difference, Math.abs(x - actual.data[i]!));
  });
  return difference / largest;
}
