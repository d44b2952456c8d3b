import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { UserError } from "../../../core/contracts/errors.ts";
import { type ParquetColumns, parquetRows } from "../../../core/io/parquet/mod.ts";
import { inFolder, userError } from "./support.ts";

const GOLDEN = fileURLToPath(new URL("../../parity/goldens/parquet/", import.meta.url));

const SEED = 2311;

type WriteOptions = Omit<Parameters<typeof parquetWriteBuffer>[0], "columnData">;

/** A parquet file's bytes. */
function encode(columns: readonly ColumnSource[], options: WriteOptions = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData: [...columns], ...options }));
}

/** Overwrites a column of a row group, as a disk or a download may do. */
function spoil(file: Uint8Array, rowGroup: number, column: number): Uint8Array {
  const chunk = parquetMetadata(file).row_groups[rowGroup]!.columns[column]!.meta_data!;
  const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
  return file.slice().fill(0xff, start, start + Number(chunk.total_compressed_size));
}

const texts = (...data: readonly (string | null)[]): ColumnSource => ({
  name: "text",
  data: [...data],
  type: "STRING",
});

Deno.test("a file that pyarrow wrote has the rows that were put into it", () => {
  // JSON has null where a row has undefined; integers beyond 2^53 are written as strings.
  const expected = JSON.parse(
    fs.readFileSync(join(GOLDEN, "rows.json"), "utf8"),
    (key, value) => key === "large" ? BigInt(value) : value,
  );
  const rows = [...parquetRows(join(GOLDEN, "rows.parquet"), {
    text: "string",
    title: "string",
    label: "number",
    large: "any",
    score: "number",
    right: "boolean",
    choices: "any",
    answer: "any",
  })];
  const asJson = (value: unknown): unknown => {
    if (value === undefined) return null;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(asJson);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asJson(inner)]));
  };
  assert.equal(rows.length, 18);
  assert.deepEqual(rows.map(asJson), expected);
});

Deno.test("rows come back as they were written, whatever the row groups and pages", () =>
  inFolder((folder) => {
    const path = join(folder, "rows.parquet");
    const row = fc.record({
      text: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
      count: fc.option(fc.maxSafeInteger(), { nil: undefined }),
      score: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
      right: fc.option(fc.boolean(), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 40 }),
        fc.integer({ min: 1, max: 15 }),
        fc.integer({ min: 10, max: 200 }),
        (rows, rowGroupSize, pageSize) => {
          const columns: ColumnSource[] = [
            texts(...rows.map(({ text }) => text ?? null)),
            {
              name: "count",
              data: rows.map(({ count }) => count === undefined ? null : BigInt(count)),
              type: "INT64",
            },
            { name: "score", data: rows.map(({ score }) => score ?? null), type: "DOUBLE" },
            { name: "right", data: rows.map(({ right }) => right ?? null), type: "BOOLEAN" },
          ];
          fs.writeFileSync(path, encode(columns, { rowGroupSize, pageSize }));
          const read = parquetRows(path, {
            text: "string",
            count: "number",
            score: "number",
            right: "boolean",
          });
          assert.deepEqual(
            [...read],
            rows.map(({ text, count, score, right }) => ({
              text,
              count,
              score,
              right,
            })),
          );
        },
      ),
      { seed: SEED, numRuns: 60 },
    );
  }));

Deno.test("only the wanted columns are read, and row groups only when their rows are taken", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.parquet");
    const columns = [texts("a", "b", "c", "d"), { name: "label", data: [1, 2, 3, 4] }];
    const file = encode(columns, { rowGroupSize: 2 });
    fs.writeFileSync(path, spoil(spoil(file, 1, 0), 0, 1));
    const taken: unknown[] = [];
    for (const row of parquetRows(path, { text: "string" })) {
      taken.push(row);
      if (taken.length === 2) break;
    }
    assert.deepEqual(taken, [{ text: "a" }, { text: "b" }]);
    await userError(
      () => [...parquetRows(path, { text: "string" })],
      /^Cannot read .*rows\.parquet: column "text" makes no sense(?: \(.+\))?; download or write it again$/,
    );
    await userError(() => [...parquetRows(path, { label: "number" })], 'column "label" makes no');
  }));

Deno.test("an integer is a number where that is exact, and otherwise a bigint or refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.parquet");
    const data = [2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 53n];
    fs.writeFileSync(path, encode([{ name: "id", data, type: "INT64" }]));
    const ids = [...parquetRows(path, { id: "any" })].map(({ id }) => id);
    assert.deepEqual(ids, [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 53n]);
    await userError(
      () => [...parquetRows(path, { id: "number" })],
      'row 3 of column "id" is an integer beyond 2^53, not a number; convert the column',
    );
  }));

Deno.test("a file that is not a whole parquet file is refused by what is wrong with it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.parquet");
    const refused = (content: Uint8Array | string, message: string) => {
      fs.writeFileSync(path, content);
      return userError(() => [...parquetRows(path, {})], `Cannot read ${path}: ${message}`);
    };
    await userError(() => [...parquetRows(path, {})], `${path}: no such file`);
    await userError(() => [...parquetRows(folder, {})], `${folder}: it is a folder, not a file`);
    await refused("", "it is not a parquet file; check what it is");
    await refused("PAR1PAR1", "it is not a parquet file; check what it is");
    await refused("version https://git-lfs.github.com/spec/v1", "it is not a parquet file");
    await refused("PARE----PARE", "it is encrypted; write it without encryption");
    const file = encode([texts("a", "b", "c")]);
    await refused(
      file.subarray(0, file.length - 5),
      "it is truncated: its end is missing; download or write it again",
    );
    const lying = file.slice();
    new DataView(lying.buffer).setUint32(file.length - 8, 4_000_000, true);
    await refused(
      lying,
      `its footer should be 4000000 bytes long, but it has ${file.length} bytes; download`,
    );
    const length = new DataView(file.buffer).getUint32(file.length - 8, true);
    await refused(file.slice().fill(0xff, -8 - length, -8), "its footer makes no sense");
  }));

Deno.test("a column that cannot be read as it was asked for is refused by its name", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.parquet");
    const refused = (column: ColumnSource, message: string, options: WriteOptions = {}) => {
      fs.writeFileSync(path, encode([{ name: "title", data: ["a", "b"] }, column], options));
      const columns: ParquetColumns = { text: "string" };
      return userError(() => [...parquetRows(path, columns)], `Cannot read ${path}: ${message}`);
    };
    await refused(
      { name: "body\n", data: ["a", "b"] },
      'it has no column "text"; its columns are "title", "body\\n"',
    );
    await refused(
      { name: "text", data: [null, 3], type: "INT32" },
      'row 2 of column "text" is a number, not a string; convert the column, or name another',
    );
    await refused(
      { name: "text", data: [[1], {}], type: "JSON" },
      'row 1 of column "text" is a list, not a string; convert the column, or name another',
    );
    await refused(
      { name: "text", data: [new Uint8Array([0x61, 0xff]), new Uint8Array()], type: "BYTE_ARRAY" },
      'column "text" makes no sense (it is not UTF-8); download or write it again',
    );
    await refused(
      texts("a", "b"),
      'column "text" is compressed with LZO, which is not read; write it again with zstd or snappy',
      { codec: "LZO", compressors: { LZO: (bytes) => bytes } },
    );
  }));

Deno.test("whatever befalls a file, it is read or refused in one line", () =>
  inFolder((folder) => {
    const path = join(folder, "rows.parquet");
    const file = fs.readFileSync(join(GOLDEN, "rows.parquet"));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: file.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, change, cut) => {
          const damaged = Uint8Array.from(file);
          damaged[at]! ^= change;
          fs.writeFileSync(path, cut ? damaged.subarray(0, at) : damaged);
          try {
            const rows = [...parquetRows(path, { text: "string", answer: "any" })];
            assert.ok(!cut && rows.length <= 18);
          } catch (error) {
            assert.ok(error instanceof UserError, `${error}`);
            assert.match(error.message, /^Cannot read [^\n]*$/);
            assert.doesNotMatch(error.message, /NaN|of undefined|not a function|typed array/);
          }
        },
      ),
      // The example is a page header that hyparquet alone would follow round and round.
      { seed: SEED, numRuns: 300, examples: [[15, 2, false]] },
    );
  }));
