/** What a finished run shows: tables of the comparison, the frontier and the kinds of tokens. */

import { type Comparison, rowOf, type Way } from "../eval/mod.ts";
import { type Parts } from "./parts.ts";
import { formatTable } from "./table.ts";

/** What tables call the ways of running a model. */
export function nameOf(way: Way, { router }: Parts["student"]): string {
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
