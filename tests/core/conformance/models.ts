/** A right model for the tests of the models' kit, to be made wrong. */

import { modelPromises, type ModelSubject } from "../../../core/conformance/mod.ts";
import { type DecoderModel } from "../../../core/contracts/mod.ts";
import { oracle } from "../../../plugins/backends/reference/mod.ts";
import { llama } from "../../../plugins/models/llama/mod.ts";

/** Sizes of a Llama that is over in a moment. */
const CONFIG = {
  vocabSize: 23,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  maxPositions: 32,
  intermediateSize: 24,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  initializerRange: 0.3,
} as const;

/** A model that keeps every promise. */
export const RIGHT = llama(CONFIG);

/** Promises of a model that is right but for some of its functions. */
export function promisesOf(wrong: Partial<DecoderModel>, more: Partial<ModelSubject> = {}) {
  return modelPromises({ model: { ...RIGHT, ...wrong }, oracle, ...more });
}
