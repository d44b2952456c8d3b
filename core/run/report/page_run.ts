/** A run as the HTML report shows it. */

import { createHash } from "node:crypto";
import {
  type PageActivity,
  type PageBudget,
  type PageCurve,
  type PageNumbers,
  type PageRun,
  type PageStatus,
  type PageTokens,
  type PageWay,
} from "../../report/page_data.ts";
import { thinned } from "../../report/smoothing.ts";
import { type RunResult } from "../results_folder.ts";

/** More points of a curve than this are averaged in groups: no screen shows them. */
const MOST_POINTS = 240;
/** Likewise columns of a heatmap. */
const MOST_STEPS = 80;
/** Digits that a curve is drawn with. */
const DIGITS = 5;

/** Columns of `metrics.csv` that say where a row stands, not what was measured. */
const NO_CURVES: ReadonlySet<string> = new Set(["step", "epoch"]);

/** What a run's own folder does not say of itself. */
export interface Around {
  /** What its record says, or that nobody works on it. */
  readonly status: PageStatus;
  readonly tokens: PageTokens | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** A run with thin curves; whatever its record lacks, as one of another version may, is `null`. */
export function pageRun(result: RunResult, { status, tokens }: Around): PageRun {
  const { folder, record, metrics } = result;
  const config = fields(record.config);
  const router = fields(config["router"]);
  const final = fields(record.final);
  const base = number(fields(fields(final["rows"])["base"])["flopsPerToken"]);
  const ended = status === "finished";
  const own = ended ? numbersOf(final, base) : numbersSoFar(result);
  const activity = activityOf(result.layerActivity);
  const [model, data] = [string(config["model"]), string(config["data"])];
  const run = {
    id: folder,
    experiment: record.name,
    model,
    data,
    router: string(router["name"]),
    seed: record.seed,
    status,
    group: `${model} on ${data}, ${string(config["sequenceLength"])} tokens`,
    startedAt: record.startedAt,
    seconds: number(final["wallSeconds"]) ?? secondsBetween(record.startedAt, record.finishedAt),
    step: metrics.at(-1)?.step ?? number(final["step"]) ?? 0,
    steps: number(config["steps"]),
    ...own,
    activeLayers: number(final["activeLayers"]) ?? last(result, "avg_active_layers"),
    totalLayers: number(final["totalLayers"]) ??
      (activity ? Math.max(...activity.layers) + 1 : null),
    anchorLayers: number(router["anchorLayers"]),
    baseFlops: base,
    collapse: string(final["collapse"]),
    preliminary: !ended,
    curves: curvesOf(result),
    activity,
    finalActivity: finalActivityOf(final),
    budgets: list(final["frontier"]).map((at): PageBudget => ({
      budget: number(fields(at)["budget"]),
      ...numbersOf(fields(at), base),
    })),
    ways: Object.entries(fields(final["rows"])).map(([way, row]): PageWay => ({
      way,
      ...numbersOf(fields(row), base),
    })),
    tokens,
    commandLine: string(record.commandLine),
    commit: string(record.commit),
    machine: machineOf(fields(record.machine)),
    config,
  };
  return { ...run, version: versionOf(run) };
}

function machineOf(machine: Fields): string {
  const cores = number(machine["cores"]);
  const memory = number(machine["memoryGigabytes"]);
  return [
    string(machine["processor"]),
    cores === null ? "" : `${cores} cores`,
    memory === null ? "" : `${memory} GB`,
    string(machine["os"]),
    string(machine["arch"]),
  ].filter((part) => part !== "").join(", ");
}

/** A short text that differs where the contents do. */
export function versionOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url").slice(0, 16);
}

function numbersOf(row: Fields, base: number | null): PageNumbers {
  const flops = number(row["flopsPerToken"]);
  return {
    skipRatio: number(row["skipRatio"]),
    loss: number(row["loss"]),
    perplexity: number(row["perplexity"]),
    flopsShare: flops === null || base === null ? null : rounded(flops / base),
    accuracy: number(row["accuracy"]),
  };
}

/** What a run that has not ended last measured. */
function numbersSoFar(result: RunResult): PageNumbers {
  return {
    skipRatio: last(result, "skip_ratio"),
    loss: last(result, "validation_loss"),
    perplexity: last(result, "perplexity"),
    flopsShare: null,
    accuracy: null,
  };
}

function last({ metrics }: RunResult, column: string): number | null {
  return metrics.findLast((row) => row[column] !== undefined)?.[column] ?? null;
}

function curvesOf({ metrics }: RunResult): PageCurve[] {
  const columns = new Set(metrics.flatMap((row) => Object.keys(row)));
  return [...columns].filter((column) => !NO_CURVES.has(column)).map((column) => {
    const points = metrics.filter((row) => row[column] !== undefined)
      .map((row) => ({ step: row.step, value: row[column]! }));
    const flat = points.every(({ value }) => value === points[0]!.value);
    // Of a line that never moves its ends are enough.
    const drawn = flat && points.length > 2
      ? [points[0]!, points.at(-1)!]
      : thinned(points, MOST_POINTS);
    return {
      column,
      steps: drawn.map(({ step }) => step),
      values: drawn.map(({ value }) => rounded(value)),
    };
  });
}

function activityOf(rows: RunResult["layerActivity"]): PageActivity | null {
  const bySteps = new Map<number, Map<number, number>>();
  for (const { step, layer, "active_share": share } of rows) {
    if (layer === undefined || share === undefined) continue;
    if (!bySteps.has(step)) bySteps.set(step, new Map());
    bySteps.get(step)!.set(layer, share);
  }
  if (bySteps.size === 0) return null;
  const all = [...bySteps.keys()];
  const every = Math.ceil(all.length / MOST_STEPS);
  // Counted from the end, so that the last evaluation is always there.
  const steps = all.filter((_, index) => (all.length - 1 - index) % every === 0);
  const layers = [...new Set([...bySteps.values()].flatMap((shares) => [...shares.keys()]))]
    .sort((a, b) => a - b);
  return {
    steps,
    layers,
    shares: steps.map((step) =>
      layers.map((layer) => {
        const share = bySteps.get(step)!.get(layer);
        return share === undefined ? null : rounded(share, 3);
      })
    ),
  };
}

function finalActivityOf(final: Fields): number[] | null {
  const shares = list(final["layerActivity"]).map(number).filter((share) => share !== null);
  return shares.length === 0 ? null : shares.map((share) => rounded(share, 3));
}

function secondsBetween(start: string, end: string | null | undefined): number | null {
  const seconds = (Date.parse(end ?? "") - Date.parse(start)) / 1000;
  return Number.isFinite(seconds) ? seconds : null;
}

function rounded(value: number, digits = DIGITS): number {
  return Number(value.toPrecision(digits));
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function string(value: unknown): string {
  return value === undefined || value === null || typeof value === "object" ? "" : String(value);
}
