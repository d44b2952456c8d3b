/** WikiText's lines as documents. */

import type { Corpus, Document, Split } from "../../../core/contracts/corpus.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import { parquetRows } from "../../../core/io/parquet/mod.ts";
import { findWikitext, type WikitextName } from "./files.ts";

/** Which lines are documents. */
export interface WikitextOptions {
  /** Lines with more characters than this, counted as Unicode code points; 100 unless told. */
  readonly longerThan?: number;
  /**
   * The most documents of each split, `Infinity` for all: 10,000 for training, 1,000 for validation
   * and all for testing unless told.
   */
  readonly most?: Partial<Readonly<Record<Split, number>>>;
}

/** As in the experiments of https://github.com/N0AHZACH/Research, which have no test split. */
const REFERENCE = {
  longerThan: 100,
  most: { train: 10_000, validation: 1_000, test: Infinity },
};

/**
 * WikiText from a folder with the files of its dataset. The rows are lines of articles, headings and
 * empty ones among them; those that are long enough are a document each, unchanged, in the order of
 * the files. Files are read as far as documents are taken.
 *
 * @throws {UserError} when a file is missing or an option is out of range; while documents are taken,
 *   when a file is broken.
 */
export function openWikitext(
  name: WikitextName,
  folder: string,
  options: WikitextOptions = {},
): Corpus {
  const { longerThan = REFERENCE.longerThan } = options;
  const most = { ...REFERENCE.most, ...options.most };
  checkLimit("longerThan", longerThan);
  for (const [split, limit] of Object.entries(most)) checkLimit(`most.${split}`, limit);
  const files = findWikitext(name, folder);
  return {
    name,
    kinds: [],
    documents: (split) => ({
      [Symbol.iterator]: () => documents(files[split], longerThan, most[split]),
    }),
  };
}

function checkLimit(name: string, limit: number): void {
  if (limit === Infinity || Number.isSafeInteger(limit) && limit >= 0) return;
  throw new UserError(
    `Cannot read WikiText: ${name} is ${limit}; it must be a whole number from 0 on, or Infinity`,
  );
}

function* documents(
  files: readonly string[],
  longerThan: number,
  most: number,
): Generator<Document> {
  let left = most;
  for (const file of files) {
    if (left === 0) return;
    for (const { text } of parquetRows(file, { text: "string" })) {
      if (text === undefined || !isLonger(text, longerThan)) continue;
      yield { text };
      if (--left === 0) return;
    }
  }
}

/** Whether a text has more code points than `length`; it has at most as many as code units. */
function isLonger(text: string, length: number): boolean {
  return text.length > length && [...text].length > length;
}
