/** The loss of a routed model: language modelling, distillation, and the price of depth. */

import { type Decision } from "../contracts/mod.ts";
import {
  add,
  broadcastTo,
  crossEntropy,
  div,
  klDivergence,
  mean,
  mul,
  type Node,
  reduceSum,
  scalar,
  scale,
  shapeOf,
  stopGradient,
  sub,
} from "../graph/mod.ts";
import { activityPenalty, layerActivity, priced, targetPenalty } from "../routing/mod.ts";

/** Weights of the parts that do not change during a run. */
export interface ObjectiveOptions {
  /** Share of the language loss that distillation takes over once it is warm; 0 builds no teacher. */
  readonly distillWeight: number;
  /** Temperature of the distillation. */
  readonly distillTemperature: number;
  /** Factor on the distillation, beside its weight; 1 unless told. */
  readonly distillScale?: number;
  /** Weight of the distance between the student's last states and the teacher's; 0 unless told. */
  readonly hiddenWeight?: number;
  /** Price of one block run per token (L1). */
  readonly sparsityWeight: number;
  /** Factors on that price at the first and at the last routable block; 1 and 1 unless told. */
  readonly sparsityRamp?: readonly [number, number];
  /** Weight of the squared distance between skip ratio and target. */
  readonly targetWeight: number;
}

/** Whether an objective needs the frozen model's pass. */
export function needsTeacher({ distillWeight, hiddenWeight = 0 }: ObjectiveOptions): boolean {
  return distillWeight > 0 || hiddenWeight > 0;
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
  /** What a sequence has cost of late: the policy gradient's baseline. */
  readonly usualCost: Node;
  /** Factor on the policy gradient: 0 as long as nobody knows what is usual, then 1. */
  readonly policyShare: Node;
}

/** The loss of a language model, and its parts without their weights. Scalars. */
export interface LanguageLoss {
  readonly loss: Node;
  /** In nats per token. */
  readonly crossEntropy: Node;
  /** The same for each token, in the shape of the targets, padding included. */
  readonly tokenLosses: Node;
  /** KL(teacher || student) at the distillation temperature, times its square. */
  readonly distill?: Node;
}

/** Everything that a training step answers. Scalars, where not said otherwise. */
export interface LossParts extends Omit<LanguageLoss, "tokenLosses"> {
  /** Distance of the last states from the teacher's, as {@link hiddenDistance} says. */
  readonly hidden?: Node;
  /** Routable blocks run per token. */
  readonly sparsity?: Node;
  /** Squared distance of the skip ratio from its target. */
  readonly target?: Node;
  /** What the policy gradient is taken of; its value means nothing. */
  readonly policy?: Node;
  /** What a sequence cost: cross-entropy, depth and distance from the target, with their weights. */
  readonly cost?: Node;
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
  options: Pick<ObjectiveOptions, "distillTemperature" | "distillScale">,
  inputs: Pick<ObjectiveInputs, "lossScale" | "distillShare">,
  logits: Node,
  targets: Node,
  tokenMask: Node,
  teacherLogits?: Node,
): LanguageLoss {
  const perToken = (loss: Node) => mul(reduceSum(mul(loss, tokenMask)), inputs.lossScale);
  const tokenLosses = crossEntropy(logits, targets);
  const own = perToken(tokenLosses);
  if (!teacherLogits) return { loss: own, crossEntropy: own, tokenLosses };
  // Gradients of softened logits shrink with the temperature's square (Hinton et al. 2015).
  const t = options.distillTemperature;
  const kl = klDivergence(scale(logits, 1 / t), scale(teacherLogits, 1 / t));
  const distill = scale(perToken(kl), t * t);
  const loss = add(
    mul(sub(scalar(1), inputs.distillShare), own),
    mul(inputs.distillShare, scale(distill, options.distillScale ?? 1)),
  );
  return { loss, crossEntropy: own, tokenLosses, distill };
}

/**
 * How far the student's states are from the teacher's: |s - t|² / |t|², a mean over real tokens.
 *
 * @param states `[B, T, D]`
 * @param taught the frozen model's, likewise
 */
export function hiddenDistance(
  states: Node,
  taught: Node,
  tokenMask: Node,
  lossScale: Node,
): Node {
  const squares = (x: Node) => reduceSum(mul(x, x), [2]); // [B, T]
  const perToken = div(squares(sub(states, taught)), add(squares(taught), scalar(1e-6)));
  return mul(reduceSum(mul(perToken, tokenMask)), lossScale);
}

/** What an objective is charged on. */
export interface Outcome {
  readonly language: LanguageLoss;
  /** float32 `[B, T]`, 1 for real tokens. */
  readonly tokenMask: Node;
  readonly decision?: Decision | undefined;
  /** See {@link hiddenDistance}. */
  readonly hidden?: Node | undefined;
}

/**
 * The language loss + the distance of states + L1 blocks + w (skip - target)², where padding enters
 * none of them. A router that is trained by policy gradient pays for depth through its cost; gates
 * with nothing graded behind them pay nothing.
 */
export function objective(
  options: ObjectiveOptions,
  inputs: ObjectiveInputs,
  { language, tokenMask, decision, hidden }: Outcome,
): LossParts {
  const { tokenLosses, ...parts } = language;
  let { loss } = parts;
  if (hidden) loss = add(loss, scale(hidden, options.hiddenWeight ?? 0));
  const known = { ...parts, ...(hidden ? { hidden } : {}) };
  if (!decision) return { ...known, loss };

  const activity = layerActivity(decision.gates, tokenMask);
  if (decision.penalty) loss = add(loss, mul(decision.penalty, inputs.microShare));
  if (decision.logProbability) {
    const cost = sequenceCost(options, inputs, tokenLosses, tokenMask, decision.gates); // [B]
    const excess = mul(stopGradient(sub(cost, inputs.usualCost)), inputs.policyShare);
    const average = (x: Node) => mul(mean(x), inputs.microShare);
    const policy = average(mul(excess, decision.logProbability));
    return { ...known, loss: add(loss, policy), policy, cost: average(cost), activity };
  }
  if (!decision.logits) return { ...known, loss, activity };
  const sparsity = mul(activityPenalty(activity, options.sparsityRamp), inputs.microShare);
  const target = mul(targetPenalty(activity, inputs.targetSkip), inputs.microShare);
  loss = add(loss, scale(sparsity, options.sparsityWeight));
  loss = add(loss, scale(target, options.targetWeight));
  return { ...known, loss, sparsity, target, activity };
}

/** What each sequence cost, `[B]`: its cross-entropy, and for its depth as in {@link objective}. */
function sequenceCost(
  { sparsityWeight, sparsityRamp, targetWeight }: ObjectiveOptions,
  { targetSkip }: ObjectiveInputs,
  tokenLosses: Node,
  tokenMask: Node,
  gates: Node,
): Node {
  const tokens = add(reduceSum(tokenMask, [1]), scalar(1e-9)); // [B]
  const ofSequence = (perToken: Node) => div(reduceSum(mul(perToken, tokenMask), [1]), tokens);
  const [batch, length] = shapeOf(tokenMask) as [number, number];
  const layers = shapeOf(gates)[2]!;
  const perToken = broadcastTo(gates, [batch, length, layers]);
  const active = ofSequence(reduceSum(perToken, [2]));
  const price = ofSequence(reduceSum(priced(perToken, sparsityRamp), [2]));
  const skip = sub(scalar(1), scale(active, 1 / layers));
  const gap = sub(skip, targetSkip);
  return add(
    add(ofSequence(tokenLosses), scale(price, sparsityWeight)),
    scale(mul(gap, gap), targetWeight),
  );
}
