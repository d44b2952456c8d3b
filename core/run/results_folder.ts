/** Everything that a folder of results holds, for figures and reports: runs, tables, evaluations. */

import fs from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { csvParse } from "d3-dsv";
import { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "../io/failures.ts";
import { LAYERS_FILE, type MetricRow, METRICS_FILE, readMetrics } from "./metrics_csv.ts";
import { readRunRecord, RUN_RECORD, type RunRecord } from "./run_record.ts";

/** A run, in whatever state it is. */
export interface RunResult {
  /** Path of its folder below the root; `.` is the root itself. */
  readonly folder: string;
  readonly record: RunRecord;
  /** Rows of `metrics.csv`; columns that its version did not write, and empty cells, are absent. */
  readonly metrics: readonly MetricRow<string>[];
  /** Rows of `layer_activity.csv`, likewise: `step`, `layer`, `active_share`. */
  readonly layerActivity: readonly MetricRow<string>[];
}

/** A CSV file that is not a run's own metrics, such as `trials.csv` or `depth_timing.csv`. */
export interface ResultTable {
  /** Path below the root. */
  readonly path: string;
  /** Its name without folders. */
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** What a model scored on tasks: a `results.json` in the format of lm-evaluation-harness. */
export interface EvaluationResult {
  /** Path of its folder below the root. */
  readonly folder: string;
  /** The model's name. */
  readonly label: string;
  /** Metrics of each task and group, such as `{"arc_easy": {"acc,none": 0.4, ...}}`. */
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Tasks and groups that belong to a group, by its name. */
  readonly members: Readonly<Record<string, readonly string[]>>;
  /** What the router did, by task; empty without one. */
  readonly routing: Readonly<Record<string, TaskRouting>>;
  /** Documents of each task that were asked; null: all of them. */
  readonly limit: number | null;
}

/** What a router did with the tokens of a task. */
export interface TaskRouting {
  readonly activeLayers: number;
  readonly totalLayers: number;
  readonly skipRatio: number;
  /** Share of tokens that run each layer after the anchor layers. */
  readonly layerActivity: readonly number[];
}

/** Whether a run's folder below the results is that of a sweep's trial. */
export function isTrial(folder: string): boolean {
  return /(^|[\\/])trials[\\/]/.test(folder);
}

/** What was found in a folder of results. */
export interface ResultsFolder {
  readonly root: string;
  /** By their start, earliest first. */
  readonly runs: readonly RunResult[];
  readonly tables: readonly ResultTable[];
  readonly evaluations: readonly EvaluationResult[];
  /** What could not be read and why, a line each. */
  readonly notes: readonly string[];
}

/** Folders that hold no results of their own. */
const SKIPPED = new Set(["checkpoints", "node_modules"]);

/**
 * Reads all results below `root`. What is damaged is left out with a note; a run that is still
 * writing is read as far as it has come. A root that does not exist is empty.
 *
 * @throws {UserError} where a folder may not be read.
 */
export function readResults(root: string): ResultsFolder {
  return new ResultsReader(root).read();
}

/** What came of a file the last time, and what it looked like then. */
interface Known {
  readonly stamp: string;
  readonly value?: unknown;
  readonly note?: string;
}

/** Reads a folder as {@link readResults} does, again and again: only what changed is read anew. */
export class ResultsReader {
  #known = new Map<string, Known>();

  constructor(readonly root: string) {}

  /** What is there now; what did not change is the same object as before. */
  read(): ResultsFolder {
    const { root } = this;
    const runs: RunResult[] = [];
    const tables: ResultTable[] = [];
    const evaluations: EvaluationResult[] = [];
    const notes: string[] = [];
    const known = new Map<string, Known>();
    const add = <Value>(into: Value[], path: string, others: string[], read: () => Value) => {
      const stamp = [path, ...others].map(stampOf).join();
      const before = this.#known.get(path);
      const now = before?.stamp === stamp ? before : { stamp, ...outcome(path, read) };
      known.set(path, now);
      if (now.note === undefined) into.push(now.value as Value);
      else notes.push(now.note);
    };
    for (const path of filesBelow(root)) {
      const [name, folderPath] = [basename(path), dirname(path)];
      const folder = relative(root, folderPath) || ".";
      if (name === RUN_RECORD) {
        const others = [METRICS_FILE, LAYERS_FILE].map((file) => join(folderPath, file));
        add(runs, path, others, () => readRun(folderPath, folder));
      } else if (name === "results.json") {
        add(evaluations, path, [], () => readEvaluation(path, folder));
      } else if (name.endsWith(".csv") && name !== METRICS_FILE && name !== LAYERS_FILE) {
        const rows = () => [...csvParse(Deno.readTextFileSync(path))];
        add(tables, path, [], () => ({ path: relative(root, path), name, rows: rows() }));
      }
    }
    this.#known = known;
    runs.sort((a, b) => a.record.startedAt < b.record.startedAt ? -1 : 1);
    return { root, runs, tables, evaluations, notes };
  }
}

/** Differs when the file was written to. */
function stampOf(path: string): string {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : "absent";
}

function outcome(path: string, read: () => unknown): Omit<Known, "stamp"> {
  try {
    return { value: read() };
  } catch (error) {
    return { note: error instanceof UserError ? error.message : `${path}: ${error}` };
  }
}

/** Reads the run in one folder. @throws {UserError} where it is none, or is damaged. */
export function readRun(path: string, folder = "."): RunResult {
  const rows = (name: string) => {
    const file = join(path, name);
    if (!fs.existsSync(file)) return [];
    try {
      return numbersOnly(readMetrics(file));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UserError(`${file} is damaged: ${error.message}`);
    }
  };
  return {
    folder,
    record: readRunRecord(path),
    metrics: rows(METRICS_FILE),
    layerActivity: rows(LAYERS_FILE),
  };
}

/** Rows with a step, and of those the cells that are numbers. */
function numbersOnly(rows: readonly MetricRow<string>[]): MetricRow<string>[] {
  return rows.filter(({ step }) => Number.isFinite(step)).map(({ step, ...cells }) => ({
    step,
    ...Object.fromEntries(Object.entries(cells).filter(([, value]) => Number.isFinite(value))),
  }));
}

const taskRouting = z.object({
  "active_layers": z.number(),
  "total_layers": z.number(),
  "skip_ratio": z.number(),
  "layer_activity": z.array(z.number()),
}).transform((own): TaskRouting => ({
  activeLayers: own.active_layers,
  totalLayers: own.total_layers,
  skipRatio: own.skip_ratio,
  layerActivity: own.layer_activity,
}));

/** The harness's own files have no `routing`, and older ones lack more. */
const evaluationFile = z.object({
  results: z.record(z.string(), z.record(z.string(), z.unknown())),
  "model_name": z.string().optional().catch(undefined),
  "group_subtasks": z.record(z.string(), z.array(z.string())).catch({}),
  config: z.object({ limit: z.number().nullable().catch(null) }).catch({ limit: null }),
  routing: z.record(z.string(), taskRouting).catch({}),
});

function readEvaluation(path: string, folder: string): EvaluationResult {
  let content: unknown;
  try {
    content = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new UserError(`${path} is damaged: ${(error as Error).message}`);
  }
  const read = evaluationFile.safeParse(content);
  if (!read.success) throw new UserError(`${path} is damaged: it has no "results" of tasks`);
  const { results, model_name: label = folder, routing, config, ...file } = read.data;
  return { folder, label, results, members: file.group_subtasks, routing, limit: config.limit };
}

/** Files below a folder, in order of their names; links are not followed. */
function* filesBelow(folder: string): Generator<string> {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw explainFailure(error, "read", folder);
  }
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
