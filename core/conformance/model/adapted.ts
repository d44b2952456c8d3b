/** A model with an adapter beside every projection. */

import { type DecoderModel } from "../../contracts/mod.ts";
import {
  adaptedProjections,
  initialize,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  type ParamNodes,
  type Weights,
} from "../../nn/mod.ts";
import { moved } from "../drawn.ts";
import { type ModelSetup } from "./subject.ts";

/** Adapters of all projections. */
export function loraOf(model: DecoderModel): LoraOptions {
  const last = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  const all = Array.from({ length: model.dims.numLayers }, (_, layer) => model.projections(layer));
  return { rank: 2, alpha: 4, dropout: 0, targets: [...new Set(all.flat().map(last))] };
}

/** Parameters with adapters, which are drawn so that each of them does something. */
export class Adapted {
  readonly lora: LoraOptions;
  /** Names of the adapted projections. */
  readonly projections: readonly string[];
  readonly params: ParamNodes;
  /** Values of the adapters' matrices. */
  readonly weights: Weights;

  constructor({ model, params }: ModelSetup) {
    this.lora = loraOf(model);
    this.projections = adaptedProjections(model, this.lora.targets);
    const specs = loraParams(model, this.lora);
    this.weights = moved(initialize(specs, 8), 0.2);
    this.params = params.withAdapters(loraAdapters(model, this.lora, inputNodes(specs), false));
  }
}
