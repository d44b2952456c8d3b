/** The loss of a routed model: language modelling, distillation, and the price of depth. */

import { type Decision } from "../contracts/mod.ts";
import {
  add,
  crossEntropy,
  klDivergence,
  mul,
  type Node,
  reduceSum,
  scalar,
  scale,
  sub,
} from "../graph/mod.ts";
import { activityPenalty, layerActivity, targetPenalty } from "../routing/mod.ts";

/** Weights of the parts that do not change during a run. */
export interface ObjectiveOptions {
  /** Share of the language loss that distillation takes over once it is warm; 0 builds no teacher. */
  readonly distillWeight: number;
  /** Temperature of the distillation. */
  readonly distillTemperature: number;
  /** Price of one block run per token (L1). */
  readonly sparsityWeight: number;
  /** Weight of the squared distance between skip ratio and target. */
  readonly targetWeight: number;
}

/** Values that change from step to step, as scalar nodes. */
export interface ObjectiveInputs {
  /** 1 / number of real target tokens in the whole optimizer step. */
  readonly lossScale: Node;
  /** 1 / number of micro-batches in the optimizer step. */
  readonly microShare: Node;
  /** Present share of distillation in the language loss. */
  readonly distillShare: Node;
  /** Present target for the skip ratio. */
  readonly targetSkip: Node;
}

/** The loss of a language model, and its parts without their weights. Scalars. */
export interface LanguageLoss {
  readonly loss: Node;
  /** In nats per token. */
  readonly crossEntropy: Node;
  /** KL(teacher || student) at the distillation temperature, times its square. */
  readonly distill?: Node;
}

/** As {@link LanguageLoss}, with the price of depth. Scalars, where not said otherwise. */
export interface LossParts extends LanguageLoss {
  /** Routable blocks run per token. */
  readonly sparsity?: Node;
  /** Squared distance of the skip ratio from its target. */
  readonly target?: Node;
  /** Share of tokens that run each block, `[L']`. */
  readonly activity?: Node;
}

/**
 * (1 - a) CE + a t^2 KL(teacher || student) over some tokens, padding left out.
 *
 * @param logits `[..., V]`
 * @param targets int32 `[...]`
 * @param tokenMask float32 `[...]`, 1 for real tokens
 * @param teacherLogits the frozen model's, likewise; absent: no distillation
 */
export function languageLoss(
  options: Pick<ObjectiveOptions, "distillTemperature">,
  inputs: Pick<ObjectiveInputs, "lossScale" | "distillShare">,
  logits: Node,
  targets: Node,
  tokenMask: Node,
  teacherLogits?: Node,
): LanguageLoss {
  const perToken = (loss: Node) => mul(reduceSum(mul(loss, tokenMask)), inputs.lossScale);
  const own = perToken(crossEntropy(logits, targets));
  if (!teacherLogits) return { loss: own, crossEntropy: own };
  // Gradients of softened logits shrink with the temperature's square (Hinton et al. 2015).
  const t = options.distillTemperature;
  const kl = klDivergence(scale(logits, 1 / t), scale(teacherLogits, 1 / t));
  const distill = scale(perToken(kl), t * t);
  const loss = add(
    mul(sub(scalar(1), inputs.distillShare), own),
    mul(inputs.distillShare, distill),
  );
  return { loss, crossEntropy: own, distill };
}

/**
 * The language loss + L1 blocks + w (skip - target)^2, where padding enters none of them.
 *
 * @param tokenMask float32 `[B, T]`, 1 for real tokens
 */
export function objective(
  options: ObjectiveOptions,
  inputs: ObjectiveInputs,
  language: LanguageLoss,
  tokenMask: Node,
  decision?: Decision,
): LossParts {
  if (!decision) return language;
  const activity = layerActivity(decision.gates, tokenMask);
  const sparsity = mul(activityPenalty(activity), inputs.microShare);
  const target = mul(targetPenalty(activity, inputs.targetSkip), inputs.microShare);
  let { loss } = language;
  loss = add(loss, scale(sparsity, options.sparsityWeight));
  loss = add(loss, scale(target, options.targetWeight));
  if (decision.penalty) loss = add(loss, mul(decision.penalty, inputs.microShare));
  return { ...language, loss, sparsity, target, activity };
}
