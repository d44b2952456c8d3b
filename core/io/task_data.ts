/**
 * Finds the rows of a data set's split: made, in a folder of data, or on the hub.
 *
 * In a folder, `<folder>/` is the data set's own, and the first of these that is there is read, each
 * with `.parquet`, `.jsonl`, `.ndjson` or `.csv` at its end:
 *
 *   <folder>/<config>/<split>      <folder>/<split>/<config>_<split>     <folder>/<config>_<split>
 *   <folder>/<split>
 *
 * where ARC-Challenge may also be written arc_challenge, and validation valid or val. Articles, rows of
 * a single column, may also be plain text, with `.raw` or `.txt` at its end, and be called wiki.<split>.
 */

import fs from "node:fs";
import { join } from "node:path";
import { type Repositories, type Repository } from "../contracts/repositories.ts";
import { type TaskDataset, type TaskRow } from "../contracts/task.ts";
import { UserError } from "../contracts/errors.ts";
import { type LocatedRow, TABLE_ENDINGS, tableRows, TEXT_ENDINGS } from "./table_rows.ts";

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
    if (rows.length === 0) {
      throw new UserError(`Cannot ask anything: ${dataset.folder} makes no rows for "${split}"`);
    }
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

function localFile(
  { folder, config, columns }: TaskDataset,
  split: string,
  dataDir: string,
): string {
  const splits = SPLIT_NAMES[split] ?? [split];
  const configs = config === undefined
    ? []
    : [...new Set([config, config.toLowerCase().replaceAll("-", "_")])];
  const stems = splits.flatMap((name) => [
    ...configs.flatMap((own) => [`${own}/${name}`, `${name}/${own}_${name}`, `${own}_${name}`]),
    name,
  ]);
  const endings: string[] = [...TABLE_ENDINGS];
  if (columns?.length === 1) {
    endings.push(...TEXT_ENDINGS);
    stems.push(...splits.map((name) => `wiki.${name}`));
  }
  const root = join(dataDir, folder);
  for (const stem of stems) {
    for (const ending of endings) {
      const path = join(root, stem + ending);
      if (fs.existsSync(path)) return path;
    }
  }
  throw new UserError(
    `There is no data for the split "${split}" in ${root}` +
      (fs.existsSync(root) ? "" : ", which is not there") +
      `: looked for ${stems.join(", ")}, each with ${endings.join(", ")}; give one of them, or ` +
      "leave out --data-dir to take the data from the hub",
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
  const choose = (files: readonly string[]) => {
    chosen = splitFiles(files, config, split);
    if (chosen.length > 0) return chosen;
    // Thrown rather than nothing chosen: a run keeps to the first commit that it had files of.
    throw new UserError(
      `The data set ${hub} has no parquet files for the split "${split}"` +
        (config === undefined ? "" : ` of ${config}`) + ": give its folder with --data-dir",
    );
  };
  const root = await fetchOrConverted(repository, repositories, choose);
  return chosen.map((file) => join(root, file));
}

/** The hub makes parquet files of data sets in other formats, on a branch of their own. */
async function fetchOrConverted(
  repository: Repository,
  repositories: Repositories,
  choose: (files: readonly string[]) => readonly string[],
): Promise<string> {
  try {
    return await repositories.fetch(repository, choose);
  } catch (error) {
    // Any error that users are told: without the hub, the cache has only the branch that was used.
    if (!(error instanceof UserError)) throw error;
    try {
      return await repositories.fetch({ ...repository, revision: "refs/convert/parquet" }, choose);
    } catch (again) {
      throw again instanceof UserError ? error : again;
    }
  }
}

/**
 * Parquet files whose path names the split, in the folder of the configuration where there is one.
 */
export function splitFiles(
  files: readonly string[],
  config: string | undefined,
  split: string,
): string[] {
  const names = (path: string, word: string) => path.split(/[/._-]/).includes(word);
  const parquet = files.filter((file) => file.endsWith(".parquet")).sort();
  // Not those of another configuration: they would be asked under this one's name.
  const own = parquet.filter((file) => config === undefined || file.split("/").includes(config));
  return own.filter((file) => names(file.replace(config ?? "", ""), split));
}
