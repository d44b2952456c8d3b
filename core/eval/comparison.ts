/** A trained model beside everything that it has to be compared with, on the same text. */

import { type Router } from "../contracts/mod.ts";
import {
  flopsAt,
  type OperatingPoint,
  randomGates,
  type RoutingStatistics,
  type TokenFlops,
} from "../routing/mod.ts";
import { RandomStream } from "../tensor/mod.ts";
import { type FrontierPoint, frontierPoints } from "./model_frontier.ts";
import { choiceAccuracy, type ChoiceBatches } from "./choices.ts";
import { type Evaluator, type LabelledBatch } from "./evaluator.ts";
import { gateInformation, lookupGates } from "./lookup_controls.ts";
import { greedyStaticMask, staticMaskGates } from "./static_mask.ts";
import { type RoutedLoss, type TextLoss } from "./text_loss.ts";

/**
 * A way of running the model:
 * - `base`, `full-depth`: the frozen and the trained model, all blocks
 * - `routed`: the trained model as its router says; `sampled`: with gates drawn as in training
 * - `shuffled`, `rate-matched`, `random`: the router's gates on other tokens, random gates at its rate
 *   per layer, and overall
 * - `static-mask`: the best fixed choice of blocks; `by-token`, `by-position`: tables in its place
 * - `base-random`: the frozen model with as much random skipping
 */
export type Way = typeof ORDER[number];

/** The order in which ways are listed. */
const ORDER = [
  "base",
  "full-depth",
  "routed",
  "sampled",
  "shuffled",
  "rate-matched",
  "random",
  "static-mask",
  "by-token",
  "by-position",
  "base-random",
] as const;

/** Controls that skip as much as the router, without reading the context. */
export const CONTROLS: readonly Way[] = [
  "shuffled",
  "rate-matched",
  "random",
  "static-mask",
  "by-token",
  "by-position",
];

const inOrder = (a: ComparisonRow, b: ComparisonRow) => ORDER.indexOf(a.way) - ORDER.indexOf(b.way);

/** What came out of running the model in one way. */
export interface ComparisonRow {
  readonly way: Way;
  readonly result: TextLoss;
  /** Absent: at full depth. */
  readonly statistics?: RoutingStatistics;
  /** Operations of matrix products per token. */
  readonly flopsPerToken: number;
  /** Share of questions answered right, where they were asked. */
  readonly accuracy?: number;
}

/** Everything a finished model is measured by. */
export interface Comparison {
  readonly rows: readonly ComparisonRow[];
  /** The same model at the plan's budgets, which rise. */
  readonly frontier: readonly FrontierPoint[];
  /** I(gate; token | layer) in bits; absent where nothing reads tokens. */
  readonly information?: number;
  /** Routable blocks that the best static mask leaves out, in the order of their choice. */
  readonly staticMask?: readonly number[];
}

/** What to compare on. */
export interface ComparisonPlan {
  readonly router: Router;
  /** Where the router works. */
  readonly point: OperatingPoint;
  /** Also draw the router's gates as in training, at this temperature. Absent: do not. */
  readonly sampleAt?: number | undefined;
  readonly validation: readonly LabelledBatch[];
  /** Training text: thresholds, tables and masks are chosen on it. */
  readonly calibration: readonly LabelledBatch[];
  /** Training text for the search of the static mask; empty: no search. */
  readonly maskSearch: readonly LabelledBatch[];
  readonly choices: ChoiceBatches;
  readonly budgets: readonly number[];
  readonly costs: TokenFlops;
  readonly seed: number;
}

/** About how many batches {@link compareWays} runs, for a progress bar. */
export function expectedBatches(plan: ComparisonPlan): number {
  const { router, validation, calibration, maskSearch, choices, budgets, costs, point } = plan;
  const samples = plan.sampleAt === undefined ? 0 : 1;
  const asked = (3 + samples) * choices.batches.length;
  if (router.decidesBy !== "state") return 4 * validation.length + asked;
  const tables = router.promptTokens ? 0 : calibration.length + 2 * validation.length;
  const layers = costs.block.length;
  const masked = maskSearch.length === 0 ? 0 : Math.ceil(point.targetSkip * layers);
  const search = maskSearch.length * masked * (layers - (masked - 1) / 2);
  const frontier = budgets.length * (calibration.length + validation.length);
  const ways = 9 + samples + (masked > 0 ? 1 : 0);
  return ways * validation.length + asked + tables + search + frontier;
}

type Run = (batches: readonly LabelledBatch[]) => Promise<TextLoss | RoutedLoss>;

/** Runs every comparison that makes sense for the router. */
export async function compareWays(evaluator: Evaluator, plan: ComparisonPlan): Promise<Comparison> {
  const { router, point, validation, calibration, maskSearch, budgets, seed, costs } = plan;
  const everything = costs.block.map(() => 1);
  const withoutRouter = { ...costs, router: 0 };
  const rows: ComparisonRow[] = [];
  const add = async (
    way: Way,
    run: Run,
    { charged = withoutRouter, keepsMemory = true, asks = false } = {},
  ) => {
    const result = await run(validation);
    const statistics = "statistics" in result ? result.statistics : undefined;
    const activity = statistics?.layerActivity ?? everything;
    const accuracy = asks && plan.choices.questions.length > 0
      ? choiceAccuracy(plan.choices, await run(plan.choices.batches))
      : undefined;
    rows.push({
      way,
      result,
      flopsPerToken: flopsAt(charged, activity, keepsMemory),
      ...(statistics ? { statistics } : {}),
      ...(accuracy === undefined ? {} : { accuracy }),
    });
    return result;
  };

  await add("base", (batches) => evaluator.base(batches), { asks: true });
  const routed = await add("routed", (batches) => evaluator.routed(batches, point), {
    charged: costs,
    keepsMemory: router.decidesBy !== "rule",
    asks: true,
  }) as RoutedLoss;
  const { layerActivity, skipRatio } = routed.statistics;
  // Where nothing is left out the routed model is the one at full depth.
  if (skipRatio > 0) {
    await add("full-depth", (batches) => evaluator.fullDepth(batches), { asks: true });
  }
  if (plan.sampleAt !== undefined || (skipRatio === 0 && router.decidesBy === "chance")) {
    const how = { temperature: plan.sampleAt ?? 1, targetSkip: point.targetSkip };
    await add("sampled", (batches) => evaluator.sampled(batches, how), {
      charged: costs,
      asks: true,
    });
  }
  const skips = rows.find(({ statistics }) => statistics && statistics.skipRatio > 0)?.statistics;
  if (skips) {
    const share = 1 - skips.skipRatio;
    const random = (batch: number) => new RandomStream(seed, "base-skips", batch);
    await add(
      "base-random",
      (batches) =>
        evaluator.baseUnder(batches, (shape, batch) => randomGates(shape, share, random(batch))),
      { charged: { ...withoutRouter, bypass: 0 } },
    );
  }
  if (router.decidesBy !== "state") return { rows: rows.toSorted(inOrder), frontier: [] };

  const control = (kind: "random" | "rate-matched" | "shuffled"): Run => (batches) =>
    evaluator.control(kind, batches, point, layerActivity, seed);
  await add("shuffled", control("shuffled"), { charged: costs });
  await add("rate-matched", control("rate-matched"));
  await add("random", control("random"));
  // A decision about a whole sequence has no token to be looked up by.
  const tables = router.promptTokens
    ? undefined
    : await lookupGates(evaluator, calibration, point, skipRatio);
  if (tables) {
    await add("by-token", (batches) => evaluator.under(batches, tables.token));
    await add("by-position", (batches) => evaluator.under(batches, tables.position));
  }
  let staticMask: number[] | undefined;
  if (maskSearch.length > 0) {
    const count = Math.ceil(skipRatio * layerActivity.length);
    staticMask = await greedyStaticMask(evaluator, maskSearch, layerActivity.length, count);
    const gates = staticMaskGates(staticMask, skipRatio, seed);
    await add("static-mask", (batches) => evaluator.under(batches, gates), { keepsMemory: false });
  }
  return {
    rows: rows.toSorted(inOrder),
    frontier: await frontierPoints(evaluator, { budgets, validation, calibration, costs }),
    information: await gateInformation(evaluator, validation, point),
    ...(staticMask ? { staticMask } : {}),
  };
}

/** The row of a way. @throws {RangeError} when the model was not run in that way. */
export function rowOf({ rows }: Pick<Comparison, "rows">, way: Way): ComparisonRow {
  const row = rows.find((one) => one.way === way);
  if (!row) throw new RangeError(`The model was not run in the way "${way}"`);
  return row;
}
