/** The data that the goldens are of, made from the folder of shared data as the generator makes it. */

import fs from "node:fs";
import { join } from "node:path";
import { type TaskDataset } from "../../../core/contracts/mod.ts";
import { tableRows, type TaskRows, taskRows } from "../../../core/io/mod.ts";
import { assertNoDownload } from "./no_download.ts";

/** ARC rows before this one are the test split, and those after it what examples are drawn from. */
const ARC_TEST_ROWS = 300;
const WIKITEXT_PAGES = 20;

/** Subjects of MMLU that there are test questions of, in the order of their names. */
export function mmluSubjects(data: string): string[] {
  return fs.readdirSync(join(data, "mmlu/test")).map((file) => file.replace("_test.csv", ""))
    .sort();
}

/** Finds the rows that the goldens are of. */
export function goldenRows(data: string) {
  return async (dataset: TaskDataset, split: string): Promise<TaskRows> => {
    const whereIs = (place: number) => `${dataset.folder} ${split}, row ${place + 1}`;
    if (dataset.folder === "arc") {
      const rows = tableRows(join(data, "arc/arc_challenge_test.jsonl")).map(({ row }) => row);
      const own = split === "test" ? rows.slice(0, ARC_TEST_ROWS) : rows.slice(ARC_TEST_ROWS);
      return { rows: own, whereIs };
    }
    if (dataset.folder === "wikitext") {
      const pages = tableRows(join(data, "wikitext2/valid.txt"), ["page"]).map(({ row }) => row);
      return { rows: pages.slice(0, WIKITEXT_PAGES), whereIs };
    }
    return await taskRows(dataset, split, { dataDir: data, repositories: assertNoDownload });
  };
}
