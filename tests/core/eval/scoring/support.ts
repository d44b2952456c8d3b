/** The tiny student, to be asked things. */

import { type Depth, type InferenceModel, Passes } from "../../../../core/inference/mod.ts";
import { initialize } from "../../../../core/nn/mod.ts";
import { routingParams } from "../../../../core/train/mod.ts";
import { RandomStream } from "../../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../../plugins/backends/reference/mod.ts";
import { drawAdapter, drawWeights, jitter, MODEL } from "../../../support/tiny_student.ts";
import { type RouterName, ROUTERS, studentOf } from "../support.ts";

/** The tiny student at this depth, under this router, in float64. */
export function tinyModel(depth: Depth, router: RouterName = "token-gumbel"): InferenceModel {
  const student = studentOf(ROUTERS[router], [1, 1]);
  const own = jitter(initialize(routingParams(student), 6), 0.3, 6);
  return {
    backend: referenceBackend(),
    student,
    depth,
    weights: { ...drawWeights(), ...drawAdapter(), ...own },
    point: { threshold: 0.1, targetSkip: 0.4 },
  };
}

/** Passes of the tiny student. */
export function passesOf(depth: Depth, router?: RouterName): Passes {
  return new Passes(tinyModel(depth, router));
}

/** Random tokens of the tiny student's vocabulary. */
export function drawTokens(length: number, seed: number): number[] {
  const random = new RandomStream(seed, "tokens");
  return Array.from({ length }, () => random.below(MODEL.dims.vocabSize));
}
