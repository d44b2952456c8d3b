/**
 * Text files as corpora: plain text, JSON lines with a text each, or parquet with a column of texts.
 *
 * A plain text file is cut into documents at the coarsest of three grains that gives enough of them:
 * articles, where there are headings as in WikiText (` = Title = ` between blank lines); paragraphs,
 * between blank lines; lines. In a JSON lines file every line is a document, in a parquet file every
 * row.
 *
 * The split of a document follows from its text alone, by the rank of its SHA-256 among all: the
 * same text, twice in the file or in another order, is always in the same split.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { basename, extname } from "node:path";
import type { Corpus, Document, Split } from "../contracts/corpus.ts";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "./failures.ts";
import { isJsonObject } from "./json.ts";
import { parquetRows } from "./parquet/mod.ts";

/** How a text file is read. */
export interface TextCorpusOptions {
  /** The key of the text in a JSON lines file, the column in parquet; `"text"` unless told. */
  readonly field?: string;
  /** Share of the documents for validation, in (0, 1); 0.1 unless told. At least one document. */
  readonly validationShare?: number;
  /** Share of the documents for testing; otherwise as `validationShare`. */
  readonly testShare?: number;
}

/** A grain gives enough documents when it gives at least this many. */
const ENOUGH_DOCUMENTS = 10;

/** One document for each split. */
const FEWEST_DOCUMENTS = 3;

/** V8 cannot hold a longer string: 2^29 − 24 characters. */
const LONGEST_TEXT = 2 ** 29 - 24;

/** Endings of files that hold text, but not as text. */
const OTHER_FORMATS = [".json", ".csv", ".arrow", ".gz", ".zip", ".zst", ".bin"];

/**
 * The documents of a text file (`.txt`, or any other name), a JSON lines file (`.jsonl`, `.ndjson`)
 * or a parquet file (`.parquet`), split into training, validation and test parts that share no
 * document.
 *
 * @throws {UserError} when the file is missing, empty, a folder or not text, has too few documents or
 *   too much text, a line of JSON lines is broken (with its number), or a parquet file is broken or
 *   has no texts under the column's name.
 */
export function textCorpus(path: string, options: TextCorpusOptions = {}): Corpus {
  const shares = {
    validation: checkShare(options.validationShare ?? 0.1, "validationShare"),
    test: checkShare(options.testShare ?? 0.1, "testShare"),
  };
  const splits = splitByContent(readDocuments(path, options.field ?? "text"), shares, path);
  return {
    name: basename(path, extname(path)),
    kinds: [],
    documents: (split) => splits[split],
  };
}

/** All documents of a file, read as the ending of its name says. */
function readDocuments(path: string, field: string): Document[] {
  const ending = extname(path).toLowerCase();
  if (OTHER_FORMATS.includes(ending)) {
    throw new UserError(
      `Cannot read the text ${path}: ${ending} is not read; give plain text (.txt), JSON lines ` +
        '(.jsonl, a {"text": ...} on every line) or parquet (.parquet, with a column "text")',
    );
  }
  if (ending === ".parquet") return readParquet(path, field);
  const content = readText(path);
  const jsonLines = ending === ".jsonl" || ending === ".ndjson";
  return jsonLines ? parseJsonLines(content, path, field) : cutPlainText(content);
}

function checkShare(share: number, name: string): number {
  if (share > 0 && share < 1) return share;
  throw new UserError(`Cannot split the text: ${name} is ${share}; it must be between 0 and 1`);
}

/** The file's text, with line ends as `\n`. */
function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    if (fs.statSync(path).size > LONGEST_TEXT) throw tooLong(path);
    bytes = fs.readFileSync(path);
  } catch (error) {
    throw explainFailure(error, "read the text", path);
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    throw new UserError(
      `Cannot read the text ${path}: byte ${zero} is zero, so it is not text; ` +
        "give a text file in UTF-8",
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(
      `Cannot read the text ${path}: it is not UTF-8; convert it, or give another file`,
    );
  }
  if (text.trim() === "") {
    throw new UserError(`Cannot read the text ${path}: it is empty; give a file with text`);
  }
  return text.replaceAll("\r\n", "\n");
}

function tooLong(path: string): UserError {
  return new UserError(
    `Cannot read the text ${path}: its text is more than the 512 MiB that are read at once; ` +
      "give a part of it",
  );
}

/** Documents at the coarsest grain that gives enough of them, without the empty ones. */
function cutPlainText(text: string): Document[] {
  const grains = [cutAtHeadings, (whole: string) => whole.split(/\n[^\S\n]*\n/)];
  for (const cut of grains) {
    const documents = nonEmpty(cut(text));
    if (documents.length >= ENOUGH_DOCUMENTS) return documents;
  }
  return nonEmpty(text.split("\n"));
}

/** Cuts before every heading of an article; sections (` = = Title = = `) do not count. */
function cutAtHeadings(text: string): string[] {
  return text.split(/(?<=^|\n[^\S\n]*\n)(?=[^\S\n]*= [^=\n]+ =[^\S\n]*\n[^\S\n]*(?:\n|$))/);
}

function nonEmpty(texts: readonly string[]): Document[] {
  return texts.map((text) => ({ text: text.trim() })).filter(({ text }) => text !== "");
}

function parseJsonLines(content: string, path: string, field: string): Document[] {
  const documents: Document[] = [];
  content.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const broken = (what: string) =>
      new UserError(`Cannot read the text ${path}: line ${index + 1} ${what}`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw broken("is not valid JSON; write one JSON object on every line");
    }
    const text = isJsonObject(value) ? value[field] : undefined;
    if (typeof text !== "string") {
      throw broken(`has no text under ${JSON.stringify(field)}; name the key with the text`);
    }
    documents.push(...nonEmpty([text]));
  });
  return documents;
}

function readParquet(path: string, column: string): Document[] {
  const documents: Document[] = [];
  let length = 0;
  for (const { [column]: text = "" } of parquetRows(path, { [column]: "string" })) {
    length += text.length;
    if (length > LONGEST_TEXT) throw tooLong(path);
    documents.push(...nonEmpty([text]));
  }
  return documents;
}

function splitByContent(
  documents: readonly Document[],
  shares: { readonly validation: number; readonly test: number },
  path: string,
): Record<Split, Document[]> {
  const keys = documents.map(({ text }) => createHash("sha256").update(text).digest("hex"));
  const ranked = [...new Set(keys)].sort();
  if (ranked.length < FEWEST_DOCUMENTS) {
    throw new UserError(
      `Cannot split the text ${path}: ${ranked.length} different document(s) are too few for ` +
        "training, validation and test; give more text (blank lines end a document of plain text)",
    );
  }
  // Low ranks for validation, the next for testing, and at least one for each of the three.
  const most = ranked.length - 1;
  const validation = Math.min(Math.max(1, Math.round(ranked.length * shares.validation)), most - 1);
  const test = Math.min(Math.max(1, Math.round(ranked.length * shares.test)), most - validation);
  const homes = new Map<string, Split>();
  ranked.forEach((key, rank) => {
    homes.set(key, rank < validation ? "validation" : rank < validation + test ? "test" : "train");
  });
  const splits: Record<Split, Document[]> = { train: [], validation: [], test: [] };
  documents.forEach((document, index) => splits[homes.get(keys[index]!)!].push(document));
  return splits;
}
