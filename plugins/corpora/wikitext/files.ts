/** The files of WikiText: which they are, in the dataset's repository and in a folder. */

import fs from "node:fs";
import { join } from "node:path";
import type { Split } from "../../../core/contracts/corpus.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import { explainFailure } from "../../../core/io/failures.ts";

/** The dataset on the Hugging Face hub. */
export const WIKITEXT_DATASET = "Salesforce/wikitext";

/** Each corpus's configuration of the dataset, which is a folder in its repository. */
export const WIKITEXT_CONFIGURATIONS = {
  wikitext103: "wikitext-103-raw-v1",
  wikitext2: "wikitext-2-raw-v1",
} as const;

/** The corpora that the dataset gives. */
export type WikitextName = keyof typeof WIKITEXT_CONFIGURATIONS;

/** In a file's name, which part of how many it is: `train-00000-of-00002.parquet`. */
const PART = /-\d{5}-of-(\d{5})\b/;

/**
 * The files of a corpus among all those of the dataset's repository.
 *
 * @param files paths from the repository's root, with `/` between folders
 * @throws {UserError} naming the first file that is missing.
 */
export function wikitextFiles(name: WikitextName, files: readonly string[]): string[] {
  const where = `the dataset ${WIKITEXT_DATASET}`;
  return Object.values(bySplit(name, files, where)).flat();
}

/**
 * The paths of a corpus's files, in the order of their rows, in a folder that is laid out as the
 * dataset's repository is.
 *
 * @throws {UserError} when the folder cannot be read, or naming the first file that is missing.
 */
export function findWikitext(name: WikitextName, folder: string): Record<Split, string[]> {
  const configuration = WIKITEXT_CONFIGURATIONS[name];
  let names: string[];
  try {
    const there = fs.readdirSync(folder).includes(configuration);
    names = there ? fs.readdirSync(join(folder, configuration)) : [];
  } catch (error) {
    throw explainFailure(error, "read WikiText from", folder);
  }
  const files = bySplit(name, names.map((file) => `${configuration}/${file}`), folder);
  const paths = (split: Split) => files[split].map((file) => join(folder, file));
  return { train: paths("train"), validation: paths("validation"), test: paths("test") };
}

function bySplit(
  name: WikitextName,
  files: readonly string[],
  where: string,
): Record<Split, string[]> {
  const ofSplit = (split: Split) => {
    const start = `${WIKITEXT_CONFIGURATIONS[name]}/${split}-`;
    const found = files.filter((file) => file.startsWith(start) && file.endsWith(".parquet"));
    const missing = missingFile(start, found);
    if (missing === undefined) return found.toSorted();
    throw new UserError(
      `Cannot read WikiText from ${where}: it has no ${missing}; ` +
        `it should be laid out as ${WIKITEXT_DATASET} on the Hugging Face hub`,
    );
  };
  return { train: ofSplit("train"), validation: ofSplit("validation"), test: ofSplit("test") };
}

/** The first file that is not among a split's, whose paths begin with `start`, as their names tell. */
function missingFile(start: string, files: readonly string[]): string | undefined {
  const [first] = files;
  if (first === undefined) return `${start}*.parquet`;
  const count = PART.exec(first)?.[1];
  for (let index = 0; index < Number(count ?? 0); index++) {
    const part = `${start}${String(index).padStart(5, "0")}-of-${count}`;
    if (!files.some((file) => file.startsWith(part))) return `${part}.parquet`;
  }
  return undefined;
}
