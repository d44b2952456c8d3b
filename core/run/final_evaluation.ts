/** What a finished run is measured on, and the numbers that it ends with. */

import {
  compareWays,
  type Comparison,
  type ComparisonPlan,
  type ComparisonRow,
  type Evaluator,
  expectedBatches,
  rowOf,
} from "../eval/mod.ts";
import { type OperatingPoint, RoutingStatistics, tokenFlops } from "../routing/mod.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { type Parts } from "./parts.ts";
import { createProgress } from "./progress.ts";
import { scheduleAt } from "./schedule.ts";

/**
 * Runs every comparison that makes sense for the run's router.
 *
 * @param quiet no progress
 */
export async function evaluateFinally(
  evaluator: Evaluator,
  config: ExperimentConfig,
  parts: Parts,
  point: OperatingPoint,
  quiet: boolean,
): Promise<Comparison> {
  const { evaluation, router, sequenceLength, seed, steps } = config;
  const { student } = parts;
  const sampleAt = evaluation.gates === "sampled"
    ? scheduleAt(config, steps - 1).temperature
    : undefined;
  const plan: ComparisonPlan = {
    router: student.router.router,
    point,
    sampleAt,
    validation: parts.validationBatches(evaluation.finalBatches),
    calibration: parts.calibrationBatches(evaluation.calibrationBatches),
    maskSearch: parts.calibrationBatches(evaluation.staticMaskBatches),
    choices: parts.validationQuestions(evaluation.questions),
    budgets: evaluation.budgets,
    costs: tokenFlops(
      student.model,
      router.anchorLayers,
      sequenceLength,
      student.router.router,
      router.bypassRank,
    ),
    seed,
  };
  const total = Math.ceil(expectedBatches(plan));
  const progress = createProgress({ label: "evaluation", total, quiet });
  let done = 0;
  evaluator.onBatch = () => {
    if (++done <= total) progress.update(done);
  };
  try {
    return await compareWays(evaluator, plan);
  } finally {
    evaluator.onBatch = () => {};
    progress.stop();
  }
}

/** The way that stands for a run where runs are compared: with the gates that it evaluates with. */
export function headline({ evaluation }: ExperimentConfig, comparison: Comparison): ComparisonRow {
  return rowOf(comparison, evaluation.gates === "sampled" ? "sampled" : "routed");
}

/** Distance from its target at which a router's skip ratio is something else. */
const OFF_TARGET = 0.1;

/** The target that a router was trained for and did not reach; undefined where it did, or had none. */
export function missedTarget(
  { objective }: Pick<ExperimentConfig, "objective">,
  skipRatio: number,
): number | undefined {
  const { targetWeight, targetSkip } = objective;
  return targetWeight > 0 && Math.abs(skipRatio - targetSkip) > OFF_TARGET ? targetSkip : undefined;
}

/** The numbers that `run.json` ends with. */
export function finalNumbers(
  config: ExperimentConfig,
  comparison: Comparison,
  step: number,
  wallSeconds: number,
) {
  const { result, statistics, flopsPerToken, accuracy } = headline(config, comparison);
  const { rows, frontier, information, staticMask } = comparison;
  return {
    step,
    loss: result.loss,
    perplexity: result.perplexity,
    accuracy,
    flopsPerToken,
    ...(statistics ? statisticsNumbers(statistics) : {}),
    gateInformationBits: information,
    staticMask: staticMask?.map((layer) => layer + config.router.anchorLayers),
    rows: Object.fromEntries(rows.map((row) => [row.way, rowNumbers(row)])),
    frontier: frontier.map(({ budget, threshold, result: at, flopsPerToken: flops }) => ({
      budget,
      threshold,
      loss: at.loss,
      perplexity: at.perplexity,
      skipRatio: at.statistics.skipRatio,
      flopsPerToken: flops,
    })),
    validationTokens: result.tokens,
    wallSeconds,
  };
}

function statisticsNumbers(statistics: RoutingStatistics) {
  return {
    skipRatio: statistics.skipRatio,
    activeLayers: statistics.activeLayers,
    totalLayers: statistics.anchorLayers + statistics.routableLayers,
    routerEntropy: statistics.entropy,
    collapse: statistics.collapse,
    layerActivity: statistics.layerActivity,
    activeLayersByKind: Object.fromEntries(
      statistics.byKind.map(({ kind, activeLayers }) => [kind, activeLayers]),
    ),
  };
}

function rowNumbers({ result, statistics, flopsPerToken, accuracy }: ComparisonRow) {
  return {
    loss: result.loss,
    perplexity: result.perplexity,
    skipRatio: statistics?.skipRatio ?? 0,
    ...(statistics ? { activeLayers: statistics.activeLayers } : {}),
    flopsPerToken,
    ...(accuracy === undefined ? {} : { accuracy }),
  };
}
