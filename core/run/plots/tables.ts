/** CSV tables of results as figures read them: of any version, with columns missing or more. */

import { dirname } from "node:path";
import { type ResultsFolder, type ResultTable } from "../results_folder.ts";
import { fileName } from "./plot.ts";

/** A row: cells that are numbers, and all cells as texts. */
export interface PlotRow {
  readonly number: (column: string) => number | undefined;
  readonly text: (column: string) => string | undefined;
}

/** A table that has what a figure needs. */
export interface PlotTable {
  /** What its figures are called: by the folder or the run that it is in. */
  readonly source: string;
  readonly rows: readonly PlotRow[];
}

/**
 * The tables of a name in which at least one row has a number in each of `columns`; their other rows
 * are left out.
 */
export function tablesNamed(
  { tables, runs }: Pick<ResultsFolder, "tables" | "runs">,
  name: string,
  columns: readonly string[],
): PlotTable[] {
  return tables.filter((table) => table.name === name).map((table) => ({
    source: sourceOf(table, runs),
    rows: table.rows.map(plotRow)
      .filter(({ number }) => columns.every((column) => number(column) !== undefined)),
  })).filter(({ rows }) => rows.length > 0);
}

function plotRow(row: ResultTable["rows"][number]): PlotRow {
  const text = (column: string) => {
    const cell = row[column]?.trim();
    return cell === undefined || cell === "" ? undefined : cell;
  };
  const number = (column: string) => {
    const value = Number(text(column) ?? NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  return { number, text };
}

/** Folders that sort results, but name none. */
const SORTS = new Set(["runs", "sweeps", "benchmarks", "eval_summaries"]);

/** Name of what a folder below the results holds: `sweeps/exp8` is exp8. */
export function folderSource(folder: string): string {
  const parts = folder.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  if (SORTS.has(parts[0]!) && parts.length > 1) parts.shift();
  return fileName(parts.join("-")) || "results";
}

/** A table beside a run, as exp19 leaves one, is named by the run. */
function sourceOf({ path }: ResultTable, runs: ResultsFolder["runs"]): string {
  const folder = dirname(path);
  const run = runs.find((own) => own.folder === folder)?.record;
  return run ? fileName(`${run.name}-seed${run.seed}`) : folderSource(folder);
}
