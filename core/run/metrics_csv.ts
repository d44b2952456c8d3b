/**
 * The metrics of a run as CSV files that grow by a line at a time.
 *
 * A process killed at any moment leaves whole lines and at most one torn one, which is dropped when
 * the run is continued; rows after the checkpoint are dropped too, so that the files of a continued
 * run equal those of an unbroken one. Only the timing columns differ, which therefore come last.
 */

import { csvFormatRow, csvParseRows } from "d3-dsv";
import { UserError } from "../contracts/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { explainFailure } from "../io/failures.ts";

/** Columns that depend on the machine and its load: they differ between equal runs. */
export const TIMING_COLUMNS = ["tokens_per_second", "gflops_per_second", "peak_memory_mb"] as const;

/**
 * Columns of `metrics.csv`, one row per optimizer step. `train_loss` is (1 - a) times
 * `ce_loss` plus a times `kd_loss` (both in nats per token) plus `gate_loss`, `target_loss`,
 * `hidden_loss` and `policy_loss`, which are written as they enter the sum, with their weights. Validation columns are empty at steps
 * without an evaluation.
 */
export const METRIC_COLUMNS = [
  "step",
  "epoch",
  "train_loss",
  "ce_loss",
  "kd_loss",
  "gate_loss",
  "target_loss",
  "hidden_loss",
  "policy_loss",
  "validation_loss",
  "perplexity",
  "avg_active_layers",
  "skip_ratio",
  "target_skip",
  "temperature",
  "learning_rate",
  "router_entropy",
  ...TIMING_COLUMNS,
] as const;

/** Names of the files in a run folder. */
export const METRICS_FILE = "metrics.csv";
export const LAYERS_FILE = "layer_activity.csv";

/** Columns of `layer_activity.csv`: share of tokens for which a layer ran, per step and layer. */
export const LAYER_COLUMNS = ["step", "layer", "active_share"] as const;

/** A row; a column that is absent or `undefined` stays empty. Every row has its step. */
export type MetricRow<Column extends string> =
  & { readonly step: number }
  & { readonly [column in Column]?: number | undefined };

/** An open CSV file with fixed columns. Dispose of it to close it. */
export class MetricsCsv<Column extends string> implements Disposable {
  readonly path: string;
  readonly #columns: readonly Column[];
  #file: Deno.FsFile;
  #lastStep = -Infinity;

  private constructor(path: string, columns: readonly Column[], file: Deno.FsFile) {
    this.path = path;
    this.#columns = columns;
    this.#file = file;
  }

  /**
   * Opens the file at `path`, with its line of titles if it is new.
   *
   * @param resumeAfterStep for a run that is continued from this step: rows after it, and a torn
   *   last line, are dropped. Without it the file is started anew.
   * @throws {UserError} when the file cannot be written, or has other columns than these.
   */
  static open<Column extends string>(
    path: string,
    columns: readonly Column[],
    resumeAfterStep?: number,
  ): MetricsCsv<Column> {
    const kept = resumeAfterStep === undefined ? [] : wholeRows(path, columns, resumeAfterStep);
    writeFileAtomic(path, [columns, ...kept].map((row) => csvFormatRow([...row]) + "\n").join(""));
    const csv = new MetricsCsv(path, columns, openToAppend(path));
    csv.#lastStep = Number(kept.at(-1)?.[stepIndex(columns)] ?? -Infinity);
    return csv;
  }

  /**
   * Adds a row, in one write.
   *
   * @throws {RangeError} when its step is before that of the row above.
   * @throws {UserError} when the disk is full.
   */
  append(row: MetricRow<Column>): void {
    if (row.step < this.#lastStep) {
      throw new RangeError(
        `Cannot append step ${row.step} to ${this.path}: it already holds step ${this.#lastStep}`,
      );
    }
    const values: MetricRow<string> = row;
    const cells = this.#columns.map((column) => values[column]?.toString() ?? "");
    const line = new TextEncoder().encode(csvFormatRow(cells) + "\n");
    try {
      for (let done = 0; done < line.length;) done += this.#file.writeSync(line.subarray(done));
    } catch (error) {
      throw explainFailure(error, "write", this.path);
    }
    this.#lastStep = row.step;
  }

  /** Forces what was written to the disk. Call it before a checkpoint that relies on these rows. */
  flush(): void {
    this.#file.syncDataSync();
  }

  /** Drops the rows after `step`, as when training goes back to a checkpoint. */
  truncateAfterStep(step: number): void {
    this.#file.close();
    const reopened = MetricsCsv.open(this.path, this.#columns, step);
    this.#file = reopened.#file;
    this.#lastStep = reopened.#lastStep;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Reads a metrics file: numbers by column, empty cells absent. A torn last line is left out.
 *
 * @throws {UserError} when the file is missing.
 */
export function readMetrics(path: string): MetricRow<string>[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw explainFailure(error, "read", path);
  }
  const [columns, ...rows] = wholeLines(text);
  if (columns === undefined) return [];
  const step = stepIndex(columns);
  return rows.map((row) => ({
    // An empty cell is no step, not step 0.
    step: Number(row[step] || NaN),
    ...Object.fromEntries(
      row.map((cell, index) => [columns[index] ?? `column ${index + 1}`, cell] as const)
        .filter(([, cell]) => cell !== "")
        .map(([column, cell]) => [column, Number(cell)]),
    ),
  }));
}

/** The cells of all lines that end in a line break: a torn one does not. */
function wholeLines(text: string): string[][] {
  return csvParseRows(text.slice(0, text.lastIndexOf("\n") + 1));
}

function stepIndex(columns: readonly string[]): number {
  const index = columns.indexOf("step");
  if (index < 0) throw new RangeError(`Metrics need a column "step", there are: ${columns}`);
  return index;
}

function wholeRows(path: string, columns: readonly string[], lastStep: number): string[][] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    // A run killed before its first line has nothing to keep.
    if (error instanceof Deno.errors.NotFound) return [];
    throw explainFailure(error, "read", path);
  }
  const [titles, ...rows] = wholeLines(text);
  if (titles === undefined) return [];
  if (titles.join() !== columns.join()) {
    throw new UserError(
      `Cannot continue ${path}: its columns are ${titles.join(", ")}, ` +
        `this version writes ${columns.join(", ")}; start a new run with --fresh`,
    );
  }
  const step = stepIndex(columns);
  return rows.filter((row) => row.length === columns.length && Number(row[step]) <= lastStep);
}

function openToAppend(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { append: true });
  } catch (error) {
    throw explainFailure(error, "write", path);
  }
}
