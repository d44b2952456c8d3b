/** What a finished run is measured on, and how that is shown. */

import { randomGates } from "../routing/mod.ts";
import { RandomStream } from "../tensor/mod.ts";
import {
  type Evaluator,
  type LabelledBatch,
  type RoutedLoss,
  type TextLoss,
} from "../train/mod.ts";
import { formatTable } from "./table.ts";

/** The routed model beside everything that it has to be compared with. */
export interface FinalEvaluation {
  /** The frozen model at full depth. */
  readonly base: TextLoss;
  /** The frozen model with as many blocks skipped at random. */
  readonly baseRandom: TextLoss;
  /** The trained model at full depth. */
  readonly fullDepth: TextLoss;
  readonly routed: RoutedLoss;
  readonly random: RoutedLoss;
  readonly rateMatched: RoutedLoss;
  readonly shuffled: RoutedLoss;
}

/** Runs every comparison on the same text, at the router's calibrated threshold. */
export async function evaluateFinally(
  evaluator: Evaluator,
  batches: readonly LabelledBatch[],
  threshold: number,
  seed: number,
): Promise<FinalEvaluation> {
  const routed = await evaluator.routed(batches, threshold);
  const { layerActivity, skipRatio } = routed.statistics;
  const control = (kind: "random" | "rate-matched" | "shuffled") =>
    evaluator.control(kind, batches, threshold, layerActivity, seed);
  return {
    base: await evaluator.base(batches),
    baseRandom: await evaluator.baseUnder(
      batches,
      (batch, shape) =>
        randomGates(shape, 1 - skipRatio, new RandomStream(seed, "base-skips", batch)),
    ),
    fullDepth: await evaluator.fullDepth(batches),
    routed,
    random: await control("random"),
    rateMatched: await control("rate-matched"),
    shuffled: await control("shuffled"),
  };
}

/** The numbers that `run.json` ends with. */
export function finalNumbers(evaluation: FinalEvaluation, wallSeconds: number) {
  const { base, baseRandom, fullDepth, routed, random, rateMatched, shuffled } = evaluation;
  const { statistics } = routed;
  return {
    perplexity: routed.perplexity,
    basePerplexity: base.perplexity,
    fullDepthPerplexity: fullDepth.perplexity,
    randomPerplexity: random.perplexity,
    rateMatchedPerplexity: rateMatched.perplexity,
    shuffledPerplexity: shuffled.perplexity,
    baseRandomPerplexity: baseRandom.perplexity,
    skipRatio: statistics.skipRatio,
    activeLayers: statistics.activeLayers,
    totalLayers: statistics.anchorLayers + statistics.routableLayers,
    routerEntropy: statistics.entropy,
    collapse: statistics.collapse,
    layerActivity: statistics.layerActivity,
    activeLayersByKind: Object.fromEntries(
      statistics.byKind.map(({ kind, activeLayers }) => [kind, activeLayers]),
    ),
    validationTokens: routed.tokens,
    wallSeconds,
  };
}

/** The comparison as a table: one row per way of running the model. */
export function comparisonTable(evaluation: FinalEvaluation): string {
  const { base, baseRandom, fullDepth, routed, random, rateMatched, shuffled } = evaluation;
  const layers = routed.statistics.anchorLayers + routed.statistics.routableLayers;
  type Statistics = RoutedLoss["statistics"];
  const row = (name: string, result: TextLoss, skips?: Statistics, router?: Statistics) => [
    name,
    result.loss,
    result.perplexity,
    result.perplexity / base.perplexity,
    skips?.activeLayers ?? layers,
    skips?.skipRatio ?? 0,
    router?.entropy,
    router?.collapse,
  ];
  return formatTable(
    [
      { title: "validation" },
      { title: "loss", digits: 4 },
      { title: "perplexity", digits: 3 },
      { title: "× base", digits: 3 },
      { title: "active layers", digits: 2 },
      { title: "skip ratio", digits: 3 },
      { title: "entropy", digits: 3 },
      { title: "collapse" },
    ],
    [
      row("base model, full depth", base),
      row("trained model, full depth", fullDepth),
      row("routed", routed, routed.statistics, routed.statistics),
      row("  same gates, shuffled over tokens", shuffled, shuffled.statistics),
      row("  random, same rate per layer", rateMatched, rateMatched.statistics),
      row("  random, same rate overall", random, random.statistics),
      row("base model, random skipping", baseRandom, random.statistics),
    ],
  );
}

/** Depth by kind of token, deepest first; undefined where tokens carry no kinds. */
export function kindTable({ routed: { statistics } }: FinalEvaluation): string | undefined {
  const { byKind, tokens } = statistics;
  if (byKind.length < 2) return undefined;
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
