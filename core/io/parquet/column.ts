/**
 * Columns of a row group, decoded.
 *
 * hyparquet decodes. What it offers first is asynchronous, for files behind a network; a corpus is a
 * synchronous sequence and the file is here, so the synchronous steps underneath are used.
 */

import type { ColumnMetaData, DecodedArray, RowGroup, SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { assembleNested } from "hyparquet/src/assemble.js";
import { parquetHeader, readColumn } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getTreePath } from "hyparquet/src/schema.js";
import { flatten } from "hyparquet/src/utils.js";
import { UserError } from "../../contracts/errors.ts";
import type { ParquetFile } from "./file.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How values are made; hyparquet would put other characters for what is not UTF-8. */
const PARSERS = { ...DEFAULT_PARSERS, stringFromBytes: decodeText };

/** A column's name, which may hold anything, in one line. */
export function quote(name: string): string {
  return JSON.stringify(name);
}

/**
 * The values of a column in a row group, one for each row.
 *
 * @param schema the root of the file's schema, and `column` one of its children
 * @throws {UserError} when the column is broken, or compressed in a way that is not read.
 */
export function readGroupColumn(
  file: ParquetFile,
  schema: SchemaTree,
  column: SchemaTree,
  group: RowGroup,
): ArrayLike<unknown> {
  const { name } = column.element;
  const rows = Number(group.num_rows);
  return file.decode(`column ${quote(name)}`, () => {
    // A structure is stored as its leaves; assembling them leaves one entry, the column's own.
    const stored = new Map<string, DecodedArray>();
    for (const { meta_data: chunk } of group.columns) {
      if (chunk?.path_in_schema[0] !== name) continue;
      const bytes = readChunk(file, chunk);
      checkPages(bytes, Number(chunk.num_values));
      stored.set(chunk.path_in_schema.join("."), decodeChunk(bytes, chunk, schema, rows));
    }
    assembleNested(stored, column, PARSERS);
    const values = stored.get(name);
    if (values?.length !== rows) throw new Error("it has not as many rows as its row group");
    return values;
  });
}

/** The bytes of a column, or of a leaf of it, in a row group. */
function readChunk(file: ParquetFile, chunk: ColumnMetaData): Uint8Array<ArrayBuffer> {
  const { codec } = chunk;
  if (codec !== "UNCOMPRESSED" && !compressors[codec]) {
    throw new UserError(
      `Cannot read ${file.path}: column ${quote(chunk.path_in_schema[0]!)} is compressed with ` +
        `${codec ?? "an unknown codec"}, which is not read; write it again with zstd or snappy`,
    );
  }
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  // Written so that NaN fails.
  if (!(start >= 0 && length >= 0 && start + length <= file.size)) {
    throw new Error("it is not where the footer says");
  }
  return file.read(start, length);
}

/**
 * Checks that pages which follow each other hold `count` values, as far as their headers tell.
 * hyparquet believes the headers, and some that are damaged would have it read without end.
 */
function checkPages(bytes: Uint8Array<ArrayBuffer>, count: number): void {
  const reader = { view: new DataView(bytes.buffer), offset: 0 };
  for (let values = 0; values < count;) {
    const page = parquetHeader(reader);
    const v2 = page.data_page_header_v2;
    const data = page.data_page_header ?? v2;
    const inPage = data ? data.num_values : 0;
    const sizes = [page.uncompressed_page_size, page.compressed_page_size, inPage];
    if (v2) {
      const levels = v2.definition_levels_byte_length + v2.repetition_levels_byte_length;
      sizes.push(v2.num_nulls, v2.num_rows, v2.definition_levels_byte_length);
      sizes.push(v2.repetition_levels_byte_length, page.compressed_page_size - levels);
    }
    reader.offset += page.compressed_page_size;
    values += inPage;
    sizes.push(bytes.length - reader.offset, count - values);
    if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw new Error("the header of a page is broken");
    }
  }
}

function decodeChunk(
  bytes: Uint8Array<ArrayBuffer>,
  chunk: ColumnMetaData,
  schema: SchemaTree,
  rows: number,
): DecodedArray {
  const pathInSchema = chunk.path_in_schema;
  const schemaPath = getTreePath(schema, pathInSchema);
  const { element } = schemaPath.at(-1)!;
  const { data } = readColumn(
    { view: new DataView(bytes.buffer), offset: 0 },
    { groupStart: 0, groupRows: rows, selectStart: 0, selectEnd: rows },
    { ...chunk, pathInSchema, schemaPath, element, parsers: PARSERS, compressors },
  );
  return flatten(data);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Error("it is not UTF-8");
  }
}
