/** One trained model at several budgets, by moving its threshold. */

import { flopsAt, type TokenFlops } from "../routing/mod.ts";
import { choiceAccuracy, type ChoiceBatches } from "./choices.ts";
import { type Evaluator, type LabelledBatch } from "./evaluator.ts";
import { type RoutedLoss } from "./text_loss.ts";

/** One model at one budget. */
export interface FrontierPoint {
  readonly budget: number;
  readonly threshold: number;
  readonly result: RoutedLoss;
  readonly flopsPerToken: number;
  /** Share of questions answered right, where they were asked. */
  readonly accuracy?: number;
}

/** What budgets are measured on. */
export interface FrontierPlan {
  readonly budgets: readonly number[];
  readonly validation: readonly LabelledBatch[];
  /** Training text, on which thresholds are set. */
  readonly calibration: readonly LabelledBatch[];
  readonly costs: TokenFlops;
  /** Absent: no questions are asked. */
  readonly choices?: ChoiceBatches;
}

/** The model at each budget, by rising budget. */
export async function frontierPoints(
  evaluator: Evaluator,
  { budgets, validation, calibration, costs, choices }: FrontierPlan,
): Promise<FrontierPoint[]> {
  const points: FrontierPoint[] = [];
  for (const budget of budgets.toSorted((a, b) => a - b)) {
    const at = await evaluator.calibrate(calibration, budget);
    const result = await evaluator.routed(validation, at);
    const accuracy = choices && choices.questions.length > 0
      ? choiceAccuracy(choices, await evaluator.routed(choices.batches, at))
      : undefined;
    points.push({
      budget,
      threshold: at.threshold,
      result,
      flopsPerToken: flopsAt(costs, result.statistics.layerActivity),
      ...(accuracy === undefined ? {} : { accuracy }),
    });
  }
  return points;
}
