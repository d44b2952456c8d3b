/**
 * Rows of a parquet file on disk, read one row group at a time: only the columns that are asked for,
 * and no row group before a row of it is wanted.
 */

import type { SchemaTree } from "hyparquet";
import { parquetSchema } from "hyparquet/src/metadata.js";
import { UserError } from "../../contracts/errors.ts";
import { quote, readGroupColumn } from "./column.ts";
import { ParquetFile } from "./file.ts";

/** The types that a column can be asked for, and the values they give. */
interface ColumnTypes {
  string: string;
  number: number;
  boolean: boolean;
  /** Whatever is there: lists as arrays, structures as objects, points in time as `Date`. */
  any: unknown;
}

/** Names of the columns to read, each with the type that its values must have. */
export type ParquetColumns = Readonly<Record<string, keyof ColumnTypes>>;

/** A row: the value of each column, `undefined` where it is null. */
export type ParquetRow<C extends ParquetColumns> = {
  readonly [Name in keyof C]: ColumnTypes[C[Name]] | undefined;
};

/**
 * The rows of a parquet file, in order; the file is open while they are taken. Numbers of 64 bits
 * come as `number` where that is exact; where it is not, as `bigint` from a column of type `"any"`
 * and as an error from one of type `"number"`.
 *
 * @throws {UserError} while rows are taken, naming the file, and the column where there is one: not
 *   there, not a parquet file, truncated, broken or encrypted, compressed in an unknown way, without
 *   a wanted column, or with a value of another type than it was asked for.
 */
export function* parquetRows<const C extends ParquetColumns>(
  path: string,
  columns: C,
): Generator<ParquetRow<C>, void, undefined> {
  using file = new ParquetFile(path);
  const metadata = file.readMetadata();
  const schema = file.decode("its footer", () => parquetSchema(metadata));
  const wanted = Object.entries(columns).map(([name, type]) => ({
    name,
    type,
    column: findColumn(schema, name, path),
  }));
  let row = 0;
  for (const group of metadata.row_groups) {
    const read = wanted.map(({ name, type, column }) => ({
      name,
      type,
      values: readGroupColumn(file, schema, column, group),
    }));
    for (let i = 0; i < Number(group.num_rows); i++) {
      row++;
      const entries = read.map(({ name, type, values }) => {
        const value = plain(values[i]);
        if (type !== "any" && value !== undefined && typeof value !== type) {
          throw new UserError(
            `Cannot read ${path}: row ${row} of column ${quote(name)} is ${describe(value)}, ` +
              `not a ${type}; convert the column, or name another`,
          );
        }
        return [name, value];
      });
      yield Object.fromEntries(entries) as ParquetRow<C>;
    }
  }
}

/** The part of the schema that describes a column, and with it those within it. */
function findColumn(schema: SchemaTree, name: string, path: string): SchemaTree {
  const column = schema.children.find(({ element }) => element.name === name);
  if (column) return column;
  const names = schema.children.map(({ element }) => quote(element.name)).join(", ");
  throw new UserError(
    `Cannot read ${path}: it has no column ${quote(name)}; its columns are ${names || "none"}`,
  );
}

/** A value without `bigint` where `number` is exact and without `null`, inside of it too. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

function describe(value: unknown): string {
  if (typeof value === "bigint") return "an integer beyond 2^53";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return typeof value === "object" ? "a structure" : `a ${typeof value}`;
}

/**
 * Names of the columns of a parquet file, in order.
 *
 * @throws {UserError} when the file cannot be read.
 */
export function parquetColumns(path: string): string[] {
  using file = new ParquetFile(path);
  const metadata = file.readMetadata();
  const schema = file.decode("its footer", () => parquetSchema(metadata));
  return schema.children.map(({ element }) => element.name);
}
