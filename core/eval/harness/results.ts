/** Results in the shape of lm-evaluation-harness 0.4.13's `results.json`. */

import { isDeepStrictEqual } from "node:util";
import { type GroupOutcome, type MetricResult, type TaskOutcome } from "./outcome.ts";

/** How an evaluation was done. */
export interface EvaluationSettings {
  /** Such as `"dlr"`. */
  readonly model: string;
  /** What it was given, such as `{ run: "…" }`. */
  readonly modelArguments: Readonly<Record<string, unknown>>;
  readonly modelName: string;
  readonly batchSize: string;
  readonly limit: number | null;
  readonly seed: number;
  readonly maxLength: number;
  /** Unix time in seconds. */
  readonly date: number;
  readonly seconds: number;
}

type Entry = Record<string, unknown>;

function directions({ metrics }: TaskOutcome): Record<string, boolean> {
  return Object.fromEntries(metrics.map(({ metric, higherIsBetter }) => [metric, higherIsBetter]));
}

/** The whole file as an object, keys in the order of the original. */
export function resultsFile(
  tasks: readonly TaskOutcome[],
  groups: readonly GroupOutcome[],
  settings: EvaluationSettings,
): Record<string, unknown> {
  const byName = [...tasks].sort((a, b) => a.name < b.name ? -1 : 1);
  const each = <T>(of: (task: TaskOutcome) => T) =>
    Object.fromEntries(byName.map((task) => [task.name, of(task)]));
  // As in the original, a group of groups has no value in common.
  const common = <T>(of: (task: TaskOutcome) => T) =>
    Object.fromEntries(groups.flatMap(({ name, members }) => {
      const own = tasks.filter((task) => members.includes(task.name)).map(of);
      const same = own.length > 0 && own.every((value) => isDeepStrictEqual(value, own[0]));
      return same ? [[name, own[0]!]] : [];
    }));
  const groupEntries = Object.fromEntries(groups.map((group) => [group.name, groupEntry(group)]));
  const { seed, limit, batchSize, model, modelArguments } = settings;
  return {
    results: {
      ...Object.fromEntries(tasks.map((task) => [task.name, taskEntry(task)])),
      ...groupEntries,
    },
    ...(groups.length > 0 ? { groups: groupEntries } : {}),
    "group_subtasks": Object.fromEntries(
      groups.toReversed().map(({ name, members }) => [name, members]),
    ),
    configs: each(({ name, outputType, shots, version }) => ({
      task: name,
      "output_type": outputType,
      "num_fewshot": shots,
      metadata: { version },
    })),
    versions: {
      ...each(({ version }) => version),
      ...Object.fromEntries(groups.map(({ name, version }) => [name, version])),
    },
    "n-shot": { ...each(({ shots }) => shots), ...common(({ shots }) => shots) },
    "higher_is_better": { ...each(directions), ...common(directions) },
    "n-samples": each(({ available, documents }) => ({
      original: available,
      effective: documents,
    })),
    config: {
      model,
      "model_args": modelArguments,
      "batch_size": batchSize,
      limit,
      "fewshot_seed": seed,
    },
    date: settings.date,
    "max_length": settings.maxLength,
    "task_hashes": each(({ hash }) => hash),
    "model_source": model,
    "model_name": settings.modelName,
    "total_evaluation_time_seconds": String(settings.seconds),
    // Not in the original: what the router did.
    routing: Object.fromEntries(
      tasks.filter(({ routing }) => routing).map((task) => [task.name, routingEntry(task)]),
    ),
  };
}

function taskEntry({ name, alias, documents, metrics }: TaskOutcome): Entry {
  return { name, alias, "sample_len": documents, ...metricEntries(metrics) };
}

function groupEntry({ name, alias, documents, metrics }: GroupOutcome): Entry {
  return {
    alias,
    name,
    "sample_len": documents,
    ...metricEntries(metrics),
    "sample_count": Object.fromEntries(metrics.map((own) => [keyOf(own), documents])),
  };
}

function keyOf({ metric, filter }: Pick<MetricResult, "metric" | "filter">): string {
  return `${metric},${filter}`;
}

function metricEntries(metrics: readonly Omit<MetricResult, "values">[]): Entry {
  return Object.fromEntries(metrics.flatMap((own) => [
    [keyOf(own), own.value],
    [`${own.metric}_stderr,${own.filter}`, own.stderr ?? "N/A"],
  ]));
}

function routingEntry({ routing, tokens, seconds }: TaskOutcome): Entry {
  const { activeLayers, totalLayers, skipRatio, layerActivity } = routing!;
  return {
    "active_layers": activeLayers,
    "total_layers": totalLayers,
    "skip_ratio": skipRatio,
    "layer_activity": layerActivity,
    "tokens_per_second": tokens / seconds,
  };
}
