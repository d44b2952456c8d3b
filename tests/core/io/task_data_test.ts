/** Rows of data sets: from files of every form, found by their names, wrong ones named. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { dirname, join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Repositories, type TaskDataset, type TaskRow } from "../../../core/contracts/mod.ts";
import { splitFiles, tableRows, taskRows } from "../../../core/io/mod.ts";
import { inFolder, userError } from "./support.ts";

const nowhere: Repositories = { fetch: () => assert.fail("nothing is to be fetched") };

function write(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text);
  return path;
}

const rowsOf = (path: string, columns?: readonly string[]) =>
  tableRows(path, columns).map(({ row }) => row);

Deno.test("the same rows from JSON lines, CSV with and without names, and parquet", () =>
  inFolder((folder) => {
    const rows = [{ question: 'a, "b"', answer: "1" }, { question: "c\nd", answer: "2" }];
    const jsonl = rows.map((row) => JSON.stringify(row)).join("\n") + "\n\n";
    const cells = '"a, ""b""",1\n"c\nd",2\n';
    assert.deepEqual(rowsOf(write(folder, "a.jsonl", jsonl)), rows);
    assert.deepEqual(rowsOf(write(folder, "a.csv", `question,answer\n${cells}`)), rows);
    const columns = ["question", "answer"];
    assert.deepEqual(rowsOf(write(folder, "b.csv", cells), columns), rows);
    assert.deepEqual(rowsOf(write(folder, "c.csv", `answer,question\n1,x\n`), columns), [
      { answer: "1", question: "x" },
    ]);
    const parquet = join(folder, "a.parquet");
    const buffer = parquetWriteBuffer({
      columnData: columns.map((name) => ({
        name,
        data: rows.map((row) => row[name as "question"]),
        type: "STRING" as const,
      })),
    });
    fs.writeFileSync(parquet, new Uint8Array(buffer));
    assert.deepEqual(rowsOf(parquet), rows);
  }));

Deno.test("what is wrong with a row is said with its place", () =>
  inFolder(async (folder) => {
    const broken = write(folder, "a.jsonl", '{"a": 1}\n{"a": \n');
    await userError(() => tableRows(broken), "a.jsonl, line 2", "not valid JSON");
    await userError(() => tableRows(write(folder, "b.jsonl", "[1]\n")), "line 1", "not an object");
    const csv = write(folder, "a.csv", "a,b\n1,2\n1,2,3\n");
    await userError(() => tableRows(csv), "a.csv, row 3", "3 cells for 2 columns (a, b)");
    await userError(() => tableRows(join(folder, "none.jsonl")), "none.jsonl");
  }));

const dataset: TaskDataset = { folder: "arc", config: "ARC-Challenge" };

Deno.test("a split is found under each of its names", async () => {
  const names: (readonly [file: string, split: string])[] = [
    ["arc/ARC-Challenge/test.jsonl", "test"],
    ["arc/test/arc_challenge_test.jsonl", "test"],
    ["arc/arc_challenge_test.jsonl", "test"],
    ["arc/test.jsonl", "test"],
    ["arc/arc_challenge_val.jsonl", "validation"],
  ];
  for (const [file, split] of names) {
    await inFolder(async (dataDir) => {
      write(dataDir, file, '{"a": 1}\n{"a": 2}\n');
      const { rows, whereIs } = await taskRows(dataset, split, { dataDir, repositories: nowhere });
      assert.deepEqual(rows, [{ a: 1 }, { a: 2 }]);
      assert.equal(whereIs(1), `${join(dataDir, file)}, line 2`);
    });
  }
});

Deno.test("a split that is missing or empty is named, with what was looked for", () =>
  inFolder(async (dataDir) => {
    const source = { dataDir, repositories: nowhere };
    await userError(
      () => taskRows(dataset, "test", source),
      "arc",
      "ARC-Challenge/test",
      ".parquet",
    );
    write(dataDir, "arc/test.jsonl", "\n");
    await userError(() => taskRows(dataset, "test", source), "test.jsonl has no rows");
    await userError(
      () => taskRows({ folder: "own" }, "test", { repositories: nowhere }),
      "not on the hub",
      "--data-dir",
    );
  }));

Deno.test("rows in another form are put right, and wrong ones named", () =>
  inFolder(async (dataDir) => {
    write(dataDir, "own/test.csv", "x,1\ny,\n");
    const own: TaskDataset = {
      folder: "own",
      columns: ["text", "label"],
      fromCells: (row): TaskRow => ({ text: row["text"], label: Number(row["label"] || NaN) }),
    };
    const { rows } = await taskRows(own, "test", { dataDir, repositories: nowhere });
    assert.deepEqual(rows, [{ text: "x", label: 1 }, { text: "y", label: NaN }]);
  }));

Deno.test("on the hub, a split's parquet files are those of its configuration, in order", () => {
  const files = [
    "README.md",
    "main/test-00000-of-00001.parquet",
    "main/train-00001-of-00002.parquet",
    "main/train-00000-of-00002.parquet",
    "socratic/train-00000-of-00001.parquet",
  ];
  assert.deepEqual(splitFiles(files, "main", "train"), [
    "main/train-00000-of-00002.parquet",
    "main/train-00001-of-00002.parquet",
  ]);
  assert.deepEqual(splitFiles(["data/test-0.parquet", "data/train-0.parquet"], undefined, "test"), [
    "data/test-0.parquet",
  ]);
  const converted = ["main/test/0000.parquet", "main/train/0000.parquet"];
  assert.deepEqual(splitFiles(converted, "main", "test"), ["main/test/0000.parquet"]);
  assert.deepEqual(splitFiles(["main/test.json"], "main", "test"), []);
});

Deno.test("a data set without parquet files is taken from the hub's own conversion", () =>
  inFolder(async (folder) => {
    const asked: (string | undefined)[] = [];
    const repositories: Repositories = {
      fetch: ({ revision }, choose) => {
        asked.push(revision);
        const files = revision ? ["main/test/0000.parquet"] : ["main/test.json"];
        for (const file of choose(files)) {
          const buffer = parquetWriteBuffer({ columnData: [{ name: "a", data: ["x"] }] });
          fs.mkdirSync(dirname(join(folder, file)), { recursive: true });
          fs.writeFileSync(join(folder, file), new Uint8Array(buffer));
        }
        return Promise.resolve(folder);
      },
    };
    const own = { folder: "own", hub: "a/b", config: "main" };
    assert.deepEqual((await taskRows(own, "test", { repositories })).rows, [{ a: "x" }]);
    assert.deepEqual(asked, [undefined, "refs/convert/parquet"]);
    await userError(() => taskRows(own, "dev", { repositories }), "a/b", '"dev" of main');
  }));
