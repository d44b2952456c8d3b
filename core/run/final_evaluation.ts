/** What a finished run is measured on, and how that is shown. */

import {
  compareWays,
  type Comparison,
  type ComparisonPlan,
  type ComparisonRow,
  type Evaluator,
  expectedBatches,
  type Interval,
  type OperatingPoint,
  pairedDifference,
  rowOf,
  type Way,
} from "../eval/mod.ts";
import { RoutingStatistics, tokenFlops } from "../routing/mod.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { type Parts } from "./parts.ts";
import { createProgress } from "./progress.ts";
import { formatTable } from "./table.ts";
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
  evaluator.onBatch = () => progress.update(Math.min(++done, total));
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

/** What tables call the ways of running a model. */
function nameOf(way: Way, { router }: Parts["student"]): string {
  const { decidesBy, name, promptTokens } = router.router;
  switch (way) {
    case "base":
      return "base model, full depth";
    case "full-depth":
      return "trained model, full depth";
    case "routed":
      return { state: "routed", chance: `under ${name} gates`, rule: "trained model" }[decidesBy];
    case "sampled":
      return decidesBy === "state" ? "routed, gates drawn as in training" : "gates as in training";
    case "shuffled":
      return `  same gates, shuffled over ${promptTokens ? "sequences" : "tokens"}`;
    case "rate-matched":
      return "  random, same rate per layer";
    case "random":
      return "  random, same rate overall";
    case "static-mask":
      return "  best static mask";
    case "by-token":
      return "  looked up by token";
    case "by-position":
      return "  looked up by position";
    case "base-random":
      return "base model, random skipping";
  }
}

/** The comparison as a table: one row per way of running the model. */
export function comparisonTable(comparison: Comparison, { student }: Parts): string {
  const base = rowOf(comparison, "base");
  const layers = student.model.dims.numLayers;
  return formatTable(
    [
      { title: "validation" },
      { title: "loss", digits: 4 },
      { title: "perplexity", digits: 3 },
      { title: "× base", digits: 3 },
      { title: "active layers", digits: 2 },
      { title: "skip ratio", digits: 3 },
      { title: "FLOPs", digits: 3 },
      { title: "questions", digits: 3 },
    ],
    comparison.rows.map(({ way, result, statistics, flopsPerToken, accuracy }) => [
      nameOf(way, student),
      result.loss,
      result.perplexity,
      result.perplexity / base.result.perplexity,
      statistics?.activeLayers ?? layers,
      statistics?.skipRatio ?? 0,
      flopsPerToken / base.flopsPerToken,
      accuracy,
    ]),
  );
}

/** One model at several budgets; undefined where there is only one. */
export function frontierTable(comparison: Comparison): string | undefined {
  const base = rowOf(comparison, "base");
  if (comparison.frontier.length === 0) return undefined;
  return formatTable(
    [
      { title: "budget", digits: 2 },
      { title: "skip ratio", digits: 3 },
      { title: "FLOPs", digits: 3 },
      { title: "loss", digits: 4 },
      { title: "perplexity", digits: 3 },
      { title: "× base", digits: 3 },
    ],
    comparison.frontier.map(({ budget, result, flopsPerToken }) => [
      budget,
      result.statistics.skipRatio,
      flopsPerToken / base.flopsPerToken,
      result.loss,
      result.perplexity,
      result.perplexity / base.result.perplexity,
    ]),
  );
}

/** Depth by kind of token, deepest first; undefined where tokens carry no kinds. */
export function kindTable(comparison: Comparison): string | undefined {
  const { statistics } = rowOf(comparison, "routed");
  if (!statistics || statistics.byKind.length < 2 || comparison.information === undefined) {
    return undefined;
  }
  const { byKind, tokens } = statistics;
  return formatTable(
    [
      { title: "kind of token" },
      { title: "share", digits: 3 },
      { title: "active layers", digits: 2 },
    ],
    byKind.toSorted((a, b) => b.activeLayers - a.activeLayers)
      .map(({ kind, tokens: count, activeLayers }) => [kind, count / tokens, activeLayers]),
  );
}

/** Controls that skip as much as the router, without reading the context. */
const CONTROLS: readonly Way[] = [
  "shuffled",
  "rate-matched",
  "random",
  "static-mask",
  "by-token",
  "by-position",
];

/** In plain words, whether the router earns its place; undefined for a router that reads nothing. */
export function verdict(comparison: Comparison, { student }: Parts): string | undefined {
  const { rows, information } = comparison;
  if (information === undefined) return undefined;
  const routed = rowOf(comparison, "routed");
  const { collapse, entropy } = routed.statistics!;
  const over = (row: ComparisonRow) => pairedDifference(row.result, routed.result);
  const shuffled = over(rowOf(comparison, "shuffled"));
  const best = rows.filter(({ way }) => CONTROLS.includes(way))
    .reduce((a, b) => a.result.loss <= b.result.loss ? a : b);
  const lines = [
    collapse === "none"
      ? undefined
      : `The router has collapsed (${collapse}): it treats all tokens alike.`,
    `Shuffling the gates costs ${showInterval(shuffled)} nats per token: what the router reads ` +
    `${shuffled.low > 0 ? "matters" : "makes no difference that this text could show"}.`,
    shuffled.low > 0 ? tableLine(comparison, shuffled.value) : undefined,
    `Of what skips as much without the router, "${nameOf(best.way, student).trim()}" does best: ` +
    `${betterBy(over(best))}.`,
    `Gates carry ${information.toFixed(3)} bits about the token, beyond the layer; one decision ` +
    `has an entropy of ${entropy.toFixed(3)} bits at full noise.`,
  ];
  return lines.filter((line) => line !== undefined).join("\n");
}

/** How much of what the router reads is the token itself, or its position. */
function tableLine({ rows }: Comparison, shuffledCost: number): string | undefined {
  const loss = (way: Way) => rows.find((row) => row.way === way)?.result.loss;
  const [routed, token, position] = (["routed", "by-token", "by-position"] as const).map(loss);
  if (token === undefined || position === undefined) return undefined;
  const share = (other: number) =>
    `${Math.round(100 * Math.max(0, 1 - (other - routed!) / shuffledCost))}%`;
  return `A table of the router's mean answers by token would keep ${
    share(token)
  } of that, one by ` +
    `position ${share(position)}; the rest is context.`;
}

function betterBy(difference: Interval): string {
  const { value, low, high } = difference;
  if (low > 0) return `the router is better by ${showInterval(difference)} nats`;
  if (high >= 0) return `there is no clear difference (${showInterval(difference)} nats)`;
  return `it beats the router by ${showInterval({ value: -value, low: -high, high: -low })} nats`;
}

function showInterval({ value, low, high }: Interval): string {
  return `${value.toFixed(3)} (95%: ${low.toFixed(3)} to ${high.toFixed(3)})`;
}
