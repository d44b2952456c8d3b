/**
 * LoRA adapters (Hu et al. 2021, arXiv 2106.09685), named and scaled as PEFT does.
 *
 * A projection W gets W + (alpha / rank) B A, with A drawn as PyTorch draws linear layers and B zero,
 * so that an untrained adapter changes nothing.
 */

import { type Adapter, type DecoderModel, type ParamSpecs } from "../contracts/mod.ts";
import { cast, input, mul, type Node, scale, shapeOf } from "../graph/mod.ts";
import { bytes, type HostTensor, RandomStream, sizeOf } from "../tensor/mod.ts";
import { adaptedProjections } from "./projections.ts";

/** Settings of the adapters. */
export interface LoraOptions {
  readonly rank: number;
  readonly alpha: number;
  /** Share of the adapter's input entries that are dropped in training, in [0, 1). */
  readonly dropout: number;
  /** Which projections are adapted, as {@link adaptedProjections} takes it. */
  readonly targets: readonly string[];
}

/** Names of the adapter's two matrices beside the projection `name`. */
export function loraNames(name: string): { a: string; b: string } {
  return { a: `${name}.lora_A.weight`, b: `${name}.lora_B.weight` };
}

/** Declares the matrices of every adapter. */
export function loraParams(model: DecoderModel, options: LoraOptions): ParamSpecs {
  const base = model.params();
  const specs: Record<string, ParamSpecs[string]> = {};
  for (const name of adaptedProjections(model, options.targets)) {
    const [out, inner] = base[`${name}.weight`]!.shape as [number, number];
    const { a, b } = loraNames(name);
    const { rank } = options;
    specs[a] = { shape: [rank, inner], init: { kind: "kaimingUniform", fanIn: inner } };
    specs[b] = { shape: [out, rank], init: { kind: "constant", value: 0 } };
  }
  return specs;
}

/** Prefix of the inputs that carry dropout masks. */
const DROPOUT_INPUT = "dropout:";

/** Adapters as a graph reads them. With `training`, dropout masks become inputs of the graph. */
export function loraAdapters(
  model: DecoderModel,
  options: LoraOptions,
  nodes: Readonly<Record<string, Node>>,
  training: boolean,
): Record<string, Adapter> {
  const adapters: Record<string, Adapter> = {};
  for (const name of adaptedProjections(model, options.targets)) {
    const { a, b } = loraNames(name);
    adapters[name] = {
      a: nodes[a]!,
      b: nodes[b]!,
      scale: options.alpha / options.rank,
      ...(training && options.dropout > 0
        ? { dropout: dropoutOf(DROPOUT_INPUT + name, options.dropout) }
        : {}),
    };
  }
  return adapters;
}

/** Dropout by a mask that is fed as `name`: once for each `x`, as parts of a projection share it. */
function dropoutOf(name: string, dropout: number): (x: Node) => Node {
  const dropped = new WeakMap<Node, Node>();
  return (x) => {
    let kept = dropped.get(x);
    if (!kept) {
      const mask = input(name, shapeOf(x), "uint8");
      dropped.set(x, kept = mul(x, scale(cast(mask, "float32"), 1 / (1 - dropout))));
    }
    return kept;
  };
}

/**
 * Draws the dropout masks that a program asks for: 1 keeps an entry. Each comes from a stream of
 * (seed, projection, step), so a step can be repeated bit for bit.
 */
export function dropoutMasks(
  inputs: Iterable<readonly [string, { readonly shape: readonly number[] }]>,
  dropout: number,
  seed: number,
  step: number,
): Record<string, HostTensor> {
  const masks: Record<string, HostTensor> = {};
  const limit = Math.round(dropout * 2 ** 16);
  for (const [name, { shape }] of inputs) {
    if (!name.startsWith(DROPOUT_INPUT)) continue;
    const random = new RandomStream(seed, name, step);
    const mask = new Uint8Array(sizeOf(shape));
    for (let i = 0; i < mask.length; i += 2) {
      // Two 16-bit draws a word: the share is exact to 1 / 65,536, at half the cost.
      const word = random.uint32();
      mask[i] = (word & 0xffff) >= limit ? 1 : 0;
      if (i + 1 < mask.length) mask[i + 1] = (word >>> 16) >= limit ? 1 : 0;
    }
    masks[name] = bytes(shape, mask);
  }
  return masks;
}
