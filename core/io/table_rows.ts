/**
 * Rows of data sets: JSON lines, CSV, parquet and articles of plain text, with a name for each row that
 * messages can use.
 */

import fs from "node:fs";
import { extname } from "node:path";
// Named, as Deno does not look for types of a package that is linked.
// @ts-types="@types/d3-dsv"
import { csvParseRows } from "d3-dsv";
import { type TaskRow } from "../contracts/task.ts";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "./failures.ts";
import { isJsonObject } from "./json.ts";
import { parquetColumns, parquetRows } from "./parquet/mod.ts";
import { wikitextPages } from "./wikitext_pages.ts";

/** Endings of files that rows are read from, the preferred first. */
export const TABLE_ENDINGS = [".parquet", ".jsonl", ".ndjson", ".csv"] as const;

/** Endings of plain text, which is read where a row has a single column that is told. */
export const TEXT_ENDINGS = [".raw", ".txt"] as const;

/** A row and where it stands, such as `test.jsonl, line 3`. */
export interface LocatedRow {
  readonly row: TaskRow;
  readonly where: string;
}

/**
 * The rows of a file, read as the ending of its name says. A CSV file begins with the names of its
 * columns, unless `columns` are told and its first row is none of them. Plain text is cut into articles
 * as WikiText's are, each of them the only column of a row.
 *
 * @throws {UserError} when the file cannot be read, or a row is broken, naming the row.
 */
export function tableRows(path: string, columns?: readonly string[]): LocatedRow[] {
  const ending = extname(path).toLowerCase();
  if (ending === ".parquet") {
    const wanted = Object.fromEntries(parquetColumns(path).map((name) => [name, "any"] as const));
    return Array.from(parquetRows(path, wanted), (row, i) => ({
      // As the data set has it: a key is there although its value is not.
      row: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null])),
      where: `${path}, row ${i + 1}`,
    }));
  }
  const text = readText(path);
  if (TEXT_ENDINGS.some((own) => own === ending)) return pageRows(text, path, columns);
  return ending === ".csv" ? csvRows(text, path, columns) : jsonRows(text, path);
}

/** A file's text, without a mark of its byte order. */
function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    throw explainFailure(error, "read the data", path);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`Cannot read the data ${path}: it is not UTF-8; convert it`);
  }
}

function pageRows(text: string, path: string, columns: readonly string[] = []): LocatedRow[] {
  const [column, ...others] = columns;
  if (column === undefined || others.length > 0) {
    throw new UserError(
      `Cannot read the data ${path}: its rows have several columns, which plain text has not; ` +
        `give a file with ${TABLE_ENDINGS.join(", ")} at its end`,
    );
  }
  return wikitextPages(text).map(({ page, line }) => ({
    row: { [column]: page },
    where: `${path}, line ${line}`,
  }));
}

function jsonRows(text: string, path: string): LocatedRow[] {
  return text.split("\n").flatMap((line, i): LocatedRow[] => {
    if (line.trim() === "") return [];
    const where = `${path}, line ${i + 1}`;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      throw new UserError(`Cannot read ${where}: it is not valid JSON; write one object on a line`);
    }
    if (!isJsonObject(row)) throw new UserError(`Cannot read ${where}: it is not an object`);
    return [{ row, where }];
  });
}

function csvRows(text: string, path: string, told: readonly string[] | undefined): LocatedRow[] {
  const cells = csvParseRows(text).filter((row) => row.length > 1 || row[0] !== "");
  const [first = []] = cells;
  const headless = told !== undefined && !told.every((name) => first.includes(name));
  const names = headless ? told : first;
  return cells.slice(headless ? 0 : 1).map((row, i): LocatedRow => {
    const where = `${path}, row ${i + (headless ? 1 : 2)}`;
    if (row.length !== names.length) {
      throw new UserError(
        `Cannot read ${where}: it has ${row.length} cells for ${names.length} columns ` +
          `(${names.join(", ")}); quote cells that hold commas`,
      );
    }
    return { row: Object.fromEntries(names.map((name, column) => [name, row[column]!])), where };
  });
}
