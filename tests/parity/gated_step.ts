/** The golden step with gates and distillation: what it is made of, and what it must give. */

import assert from "node:assert/strict";
import { type Router } from "../../core/contracts/mod.ts";
import { type Weights } from "../../core/nn/mod.ts";
import { type HostTensor } from "../../core/tensor/mod.ts";
import { type StepSchedule, type TrainingStep } from "../../core/train/mod.ts";
import { assertParity, goldenBatch, LENGTH, SEQUENCES } from "./golden.ts";

/** Layers 0 and 1 of the tiny Llama always run. */
export const ANCHOR_LAYERS = 2;
export const GATES_SHAPE = [SEQUENCES, LENGTH, 2];

/** Cross-entropy and distillation, at the weights of the goldens. */
export const DISTILLED = {
  distillWeight: 0.3,
  distillTemperature: 2,
  sparsityWeight: 0,
  targetWeight: 0,
};
/** A schedule without distillation. */
export const STILL: StepSchedule = { temperature: 1, distillShare: 0, targetSkip: 0 };

/**
 * Answers with gates that are its parameters, so that a training step differentiates by them and
 * any value can be given.
 */
const gatesAsParameters: Router = {
  name: "gates-as-parameters",
  decidesBy: "state",
  params: () => ({ gates: { shape: GATES_SHAPE, init: { kind: "constant", value: 1 } } }),
  decide: (params) => ({ gates: params.get("gates"), logits: params.get("gates") }),
};

/** The router of the golden step. */
export const GATED = { router: gatesAsParameters, anchorLayers: ANCHOR_LAYERS };

/** PEFT's prefix to the names of the model. */
const PREFIX = "base_model.model.";

/** Names of the golden gradients and parameters, with the name each tensor has here. */
export function adapterKeys(
  weights: Readonly<Record<string, unknown>>,
): [key: string, name: string][] {
  const names = Object.keys(weights);
  assert.equal(names.length, 56, "four layers, seven projections, two matrices each");
  return names.map((name) => [PREFIX + name, name]);
}

/** Fails unless a step gives the golden losses and gradients, of gates and of every adapter. */
export async function assertGatedStep(
  step: TrainingStep,
  expected: ReadonlyMap<string, HostTensor>,
  adapter: Weights,
): Promise<void> {
  const schedule = { ...STILL, distillShare: 0.3 };
  const { losses, gradients } = await step.run([goldenBatch()], schedule, 0, 0);
  assertParity(losses.loss, expected.get("loss")!, "loss");
  assertParity(losses.crossEntropy, expected.get("ce")!, "cross-entropy");
  assertParity(losses.distill, expected.get("kd")!, "distillation");
  assertParity(gradients["gates"]!, expected.get("grad_gates")!, "gradient of the gates");
  for (const [key, own] of adapterKeys(adapter)) {
    assertParity(gradients[own]!, expected.get(`grad.${key}`)!, `gradient of ${own}`);
  }
}
