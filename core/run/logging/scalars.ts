/** The rows of a run's CSV files, and its final numbers, as scalars by tag. */

import fs from "node:fs";
import { LAYER_COLUMNS, METRIC_COLUMNS, type MetricRow, readMetrics } from "../metrics_csv.ts";
import { type LoggedStep, type Scalars } from "./logger.ts";

type MetricColumn = typeof METRIC_COLUMNS[number];

/** A row of `layer_activity.csv`. */
export type LayerRow = MetricRow<typeof LAYER_COLUMNS[number]>;

/** The tag of every column of `metrics.csv`. */
export const TAGS: Readonly<Record<Exclude<MetricColumn, "step">, string>> = {
  epoch: "schedule/epoch",
  "train_loss": "loss/train",
  "ce_loss": "loss/cross_entropy",
  "kd_loss": "loss/distillation",
  "gate_loss": "loss/gates",
  "target_loss": "loss/target",
  "hidden_loss": "loss/hidden",
  "policy_loss": "loss/policy",
  "validation_loss": "loss/validation",
  perplexity: "validation/perplexity",
  "avg_active_layers": "routing/active_layers",
  "skip_ratio": "routing/skip_ratio",
  "target_skip": "routing/target_skip",
  temperature: "schedule/temperature",
  "learning_rate": "schedule/learning_rate",
  "router_entropy": "routing/entropy",
  "tokens_per_second": "speed/tokens_per_second",
  "gflops_per_second": "speed/gflops_per_second",
  "peak_memory_mb": "memory/peak_mb",
};

/** `layer_activity/layer_04`: share of tokens that ran the layer. */
function layerTag(layer: number): string {
  return `layer_activity/layer_${String(layer).padStart(2, "0")}`;
}

/** The numbers of a step by tag; empty cells are left out. */
export function scalarsOf(row: MetricRow<string>, layers: readonly LayerRow[] = []): Scalars {
  const values: MetricRow<string> = row;
  const own = Object.entries(TAGS).map(([column, tag]) => [tag, values[column]] as const);
  const active = layers.map((each) => [layerTag(each.layer!), each.active_share] as const);
  return Object.fromEntries(
    [...own, ...active].filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** The steps that the CSV files of a run hold. */
export function loggedSteps(metrics: string, layers: string, time = Date.now()): LoggedStep[] {
  const activity = Map.groupBy(
    fs.existsSync(layers) ? readMetrics(layers) as LayerRow[] : [],
    ({ step }) => step,
  );
  return readMetrics(metrics).map((row) => ({
    step: row.step,
    time,
    scalars: scalarsOf(row, activity.get(row.step)),
  }));
}

/** All numbers in a tree, by their path: `final/rows/routed/loss`, `final/frontier/0/budget`. */
export function numbersIn(tree: unknown, path: string): [path: string, value: number][] {
  if (typeof tree === "number") return [[path, tree]];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([name, value]) => numbersIn(value, `${path}/${name}`));
}
