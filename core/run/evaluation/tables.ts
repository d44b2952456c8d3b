/** What an evaluation prints. */

import {
  differenceInWords,
  type MetricResult,
  pairedMetricDifference,
  type TaskOutcome,
} from "../../eval/mod.ts";
import { type Cell, type Column, formatTable } from "../table.ts";
import { type Evaluation } from "./evaluation.ts";

/** One model's results: a row for each metric of each task and group. */
export function resultsTable({ tasks, groups }: Evaluation): string {
  const routed = tasks.some(({ routing }) => routing);
  const columns: Column[] = [
    { title: "task" },
    { title: "shots", align: "right" },
    { title: "documents", align: "right" },
    { title: "filter" },
    { title: "metric" },
    { title: "value", digits: 4 },
    { title: "± stderr", digits: 4 },
    ...(routed
      ? [
        { title: "active layers", digits: 2 },
        { title: "skip ratio", digits: 3 },
      ]
      : []),
    { title: "tokens/s", align: "right" as const },
  ];
  const rows = tasks.flatMap(({ metrics, ...task }) =>
    metrics.map((own, i): Cell[] => {
      const first = <T>(cell: T) => i === 0 ? cell : "";
      const { routing } = task;
      return [
        first(task.alias),
        first(task.shots),
        first(task.documents),
        own.filter,
        own.metric,
        own.value,
        own.stderr,
        ...(routed ? [first(routing?.activeLayers), first(routing?.skipRatio)] : []),
        first(Math.round(task.tokens / task.seconds)),
      ];
    })
  );
  const together = groups.flatMap(({ metrics, ...group }) =>
    metrics.map((own): Cell[] => [
      group.name,
      "",
      group.documents,
      own.filter,
      own.metric,
      own.value,
      own.stderr,
      ...(routed ? ["", ""] : []),
      "",
    ])
  );
  return formatTable(columns, [...rows, ...together]);
}

/** The metric that stands for a task where there is room for one: the last filter's first. */
function headlineOf({ metrics }: TaskOutcome): MetricResult {
  const last = metrics.at(-1)!.filter;
  return metrics.find(({ filter }) => filter === last)!;
}

/** Several models beside each other: a row for each, a column for each task or group. */
export function comparisonOfModels(evaluations: readonly Evaluation[]): string {
  const [first] = evaluations;
  const grouped = new Set(first!.groups.flatMap(({ members }) => members));
  const groups = first!.groups.filter(({ name }) => !grouped.has(name));
  const tasks = first!.tasks.filter(({ name }) => !grouped.has(name));
  const columns: Column[] = [
    { title: "model" },
    ...groups.map(({ name }) => ({ title: name, align: "right" as const })),
    ...tasks.map((task) => ({
      title: `${task.alias} (${headlineOf(task).metric})`,
      align: "right" as const,
    })),
    { title: "skip ratio", digits: 3 },
  ];
  const cell = ({ value, stderr }: Pick<MetricResult, "value" | "stderr">) =>
    value.toFixed(3) + (stderr === undefined ? "" : ` ± ${stderr.toFixed(3)}`);
  const rows = evaluations.map((own): Cell[] => [
    own.label,
    ...groups.map(({ name }) => cell(own.groups.find((group) => group.name === name)!.metrics[0]!)),
    ...tasks.map(({ name }) => cell(headlineOf(own.tasks.find((task) => task.name === name)!))),
    skipRatioOf(own),
  ]);
  return formatTable(columns, rows);
}

/** Over all tasks, each weighted by the tokens that were computed. */
function skipRatioOf({ tasks }: Evaluation): number | undefined {
  const routed = tasks.filter(({ routing }) => routing);
  if (routed.length === 0) return undefined;
  const tokens = routed.reduce((sum, task) => sum + task.tokens, 0);
  return routed.reduce((sum, task) => sum + task.tokens * task.routing!.skipRatio, 0) / tokens;
}

/** For each task a sentence on whether each model differs from the first beyond noise. */
export function differencesToFirst([first, ...others]: readonly Evaluation[]): string {
  return first!.tasks.flatMap((task) => {
    const base = headlineOf(task);
    return others.map(({ label, tasks }) => {
      const own = headlineOf(tasks.find(({ name }) => name === task.name)!);
      const difference = pairedMetricDifference(own, base);
      return `${task.alias}: ${differenceInWords(label, first!.label, base, difference)}`;
    });
  }).join("\n");
}
