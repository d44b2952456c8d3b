/** Everything that a folder of results holds, for figures and reports: runs, tables, evaluations. */

import fs from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { csvParse } from "d3-dsv";
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
  const found = {
    runs: [] as RunResult[],
    tables: [] as ResultTable[],
    evaluations: [] as EvaluationResult[],
    notes: [] as string[],
  };
  const attempt = (path: string, read: () => void) => {
    try {
      read();
    } catch (error) {
      found.notes.push(error instanceof UserError ? error.message : `${path}: ${error}`);
    }
  };
  for (const path of filesBelow(root)) {
    const name = basename(path);
    const folder = relative(root, dirname(path)) || ".";
    if (name === RUN_RECORD) attempt(path, () => found.runs.push(readRun(dirname(path), folder)));
    else if (name === "results.json") {
      attempt(path, () => found.evaluations.push(readEvaluation(path, folder)));
    } else if (name.endsWith(".csv") && name !== METRICS_FILE && name !== LAYERS_FILE) {
      const rows = () => [...csvParse(Deno.readTextFileSync(path))];
      attempt(path, () => found.tables.push({ path: relative(root, path), name, rows: rows() }));
    }
  }
  found.runs.sort((a, b) => a.record.startedAt < b.record.startedAt ? -1 : 1);
  return { root, ...found };
}

/** Reads the run in one folder. @throws {UserError} where it is none, or is damaged. */
export function readRun(path: string, folder = "."): RunResult {
  const rows = (name: string) => {
    const file = join(path, name);
    return fs.existsSync(file) ? numbersOnly(readMetrics(file)) : [];
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

function readEvaluation(path: string, folder: string): EvaluationResult {
  let content: unknown;
  try {
    content = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new UserError(`${path} is damaged: ${(error as Error).message}`);
  }
  const { results, model_name: label = folder } = (content ?? {}) as Record<string, unknown>;
  if (typeof results !== "object" || results === null) {
    throw new UserError(`${path} is damaged: it has no "results"`);
  }
  return { folder, label: String(label), results: results as EvaluationResult["results"] };
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
