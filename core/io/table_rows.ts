/** Rows of data sets: JSON lines, CSV and parquet, with a name for each row that messages can use. */

import fs from "node:fs";
import { extname } from "node:path";
import { csvParseRows } from "d3-dsv";
import { type TaskRow } from "../contracts/task.ts";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "./failures.ts";
import { isJsonObject } from "./json.ts";
import { parquetColumns, parquetRows } from "./parquet/mod.ts";

/** Endings of files that rows are read from, the preferred first. */
export const TABLE_ENDINGS = [".parquet", ".jsonl", ".ndjson", ".csv"] as const;

/** A row and where it stands, such as `test.jsonl, line 3`. */
export interface LocatedRow {
  readonly row: TaskRow;
  readonly where: string;
}

/**
 * The rows of a file, read as the ending of its name says. A CSV file begins with the names of its
 * columns, unless `columns` are told and its first row is none of them.
 *
 * @throws {UserError} when the file cannot be read, or a row is broken, naming the row.
 */
export function tableRows(path: string, columns?: readonly string[]): LocatedRow[] {
  const ending = extname(path).toLowerCase();
  if (ending === ".parquet") {
    const wanted = Object.fromEntries(parquetColumns(path).map((name) => [name, "any"] as const));
    return Array.from(parquetRows(path, wanted), (row, i) => ({
      row,
      where: `${path}, row ${i + 1}`,
    }));
  }
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8").replace(/^\ufeff/, "");
  } catch (error) {
    throw explainFailure(error, "read the data", path);
  }
  return ending === ".csv" ? csvRows(text, path, columns) : jsonRows(text, path);
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
