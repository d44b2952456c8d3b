/**
 * Finds the rows of a data set's split: made, in a folder of data, or on the hub.
 *
 * In a folder, `<folder>/` is the data set's own, and the first of these that is there is read, each
 * with `.parquet`, `.jsonl`, `.ndjson` or `.csv` at its end:
 *
 *   <folder>/<config>/<split>      <folder>/<split>/<config>_<split>     <folder>/<config>_<split>
 *   <folder>/<split>
 *
 * where ARC-Challenge may also be written arc_challenge, and validation valid or val.
 */

import fs from "node:fs";
import { join } from "node:path";
import { type Repositories, type Repository } from "../contracts/repositories.ts";
import { type TaskDataset, type TaskRow } from "../contracts/task.ts";
import { UserError } from "../contracts/errors.ts";
import { type LocatedRow, TABLE_ENDINGS, tableRows } from "./table_rows.ts";

/** Where data sets are. */
export interface TaskDataSource {
  /** A folder of data sets; absent: the hub. */
  readonly dataDir?: string | undefined;
  readonly repositories: Repositories;
}

/** Rows, and how messages name them. */
export interface TaskRows {
  readonly rows: readonly TaskRow[];
  readonly whereIs: (place: number) => string;
}

/** Other names of splits in files. */
const SPLIT_NAMES: Readonly<Record<string, readonly string[]>> = {
  validation: ["validation", "valid", "val"],
};

/**
 * The rows of a split, in order.
 *
 * @throws {UserError} when there are none, saying what was looked for, or a file cannot be read.
 */
export async function taskRows(
  dataset: TaskDataset,
  split: string,
  source: TaskDataSource,
): Promise<TaskRows> {
  if (dataset.rows) {
    const rows = [...dataset.rows(split)];
    return { rows, whereIs: (place) => `${dataset.folder} ${split}, document ${place + 1}` };
  }
  const files = source.dataDir === undefined
    ? await hubFiles(dataset, split, source.repositories)
    : [localFile(dataset, split, source.dataDir)];
  const located = files.flatMap((file) => tableRows(file, dataset.columns));
  if (located.length === 0) {
    throw new UserError(`Cannot ask anything: ${files.join(", ")} has no rows`);
  }
  return {
    rows: located.map((one) => restored(dataset, one)),
    whereIs: (place) => located[place]?.where ?? files.join(", "),
  };
}

/** A row of a file as the data set has it: some files hold it in another form. */
function restored({ fromCells }: TaskDataset, { row, where }: LocatedRow): TaskRow {
  if (!fromCells) return row;
  try {
    return fromCells(row);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Cannot read ${where}: ${error.message}`);
    throw error;
  }
}

function localFile({ folder, config }: TaskDataset, split: string, dataDir: string): string {
  const splits = SPLIT_NAMES[split] ?? [split];
  const configs = config === undefined
    ? []
    : [...new Set([config, config.toLowerCase().replaceAll("-", "_")])];
  const stems = splits.flatMap((name) => [
    ...configs.flatMap((own) => [`${own}/${name}`, `${name}/${own}_${name}`, `${own}_${name}`]),
    name,
  ]);
  const root = join(dataDir, folder);
  for (const stem of stems) {
    for (const ending of TABLE_ENDINGS) {
      const path = join(root, stem + ending);
      if (fs.existsSync(path)) return path;
    }
  }
  throw new UserError(
    `There is no data for the split "${split}" in ${root}: looked for ${
      stems.join(", ")
    }, each with ` +
      `${TABLE_ENDINGS.join(", ")}`,
  );
}

/** The parquet files of a split on the hub, in the order of their parts, downloaded. */
async function hubFiles(
  { hub, config, folder }: TaskDataset,
  split: string,
  repositories: Repositories,
): Promise<string[]> {
  if (hub === undefined) {
    throw new UserError(
      `The data set ${folder} is not on the hub: give its folder with --data-dir`,
    );
  }
  const repository: Repository = { type: "dataset", id: hub };
  let chosen: readonly string[] = [];
  const choose = (files: readonly string[]) => chosen = splitFiles(files, config, split);
  let root = await repositories.fetch(repository, choose);
  if (chosen.length === 0) {
    // The hub makes parquet files of data sets in other formats, on a branch of their own.
    root = await repositories.fetch({ ...repository, revision: "refs/convert/parquet" }, choose);
  }
  if (chosen.length > 0) return chosen.map((file) => join(root, file));
  throw new UserError(
    `The data set ${hub} has no parquet files for the split "${split}"` +
      (config === undefined ? "" : ` of ${config}`) + ": give its folder with --data-dir",
  );
}

/** Parquet files whose folder is the configuration's and whose path names the split. */
export function splitFiles(
  files: readonly string[],
  config: string | undefined,
  split: string,
): string[] {
  const names = (path: string, word: string) => path.split(/[/._-]/).includes(word);
  const parquet = files.filter((file) => file.endsWith(".parquet")).sort();
  const own = parquet.filter((file) => config !== undefined && file.split("/").includes(config));
  return (own.length > 0 ? own : parquet)
    .filter((file) => names(config === undefined ? file : file.replace(config, ""), split));
}
