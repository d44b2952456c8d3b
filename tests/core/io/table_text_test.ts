/** Rows that are articles of plain text, empty cells, and files that are not text. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { dirname, join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Repositories, type TaskDataset } from "../../../core/contracts/mod.ts";
import { tableRows, taskRows } from "../../../core/io/mod.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

const nowhere: Repositories = { fetch: () => assert.fail("nothing is to be fetched") };

const wikitext: TaskDataset = {
  folder: "wikitext",
  config: "wikitext-2-raw-v1",
  columns: ["page"],
};

const TEXT =
  " \n = One = \n \n Text . \n = = Part = = \n = = = Piece = = = \n = Two = \n \n More .";

Deno.test("plain text is cut into articles at their titles, nothing of it lost", () =>
  inFolder(async (dataDir) => {
    const names = ["wiki.test.raw", "test.txt", "wikitext-2-raw-v1/test.raw"];
    for (const name of names) {
      const path = join(dataDir, "wikitext", name);
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, TEXT);
      const { rows, whereIs } = await taskRows(wikitext, "test", {
        dataDir,
        repositories: nowhere,
      });
      assert.deepEqual(rows, [
        { page: " = One = \n \n Text . \n = = Part = = \n = = = Piece = = = " },
        { page: " = Two = \n \n More ." },
      ]);
      assert.equal(whereIs(1), `${path}, line 7`);
      fs.rmSync(path);
    }
  }));

Deno.test("plain text is no table, and bytes that are not UTF-8 are no text", () =>
  inFolder(async (folder) => {
    const text = join(folder, "a.txt");
    fs.writeFileSync(text, "x");
    for (const columns of [undefined, ["a", "b"]]) {
      await userError(() => tableRows(text, columns), "a.txt", "several columns", ".jsonl");
    }
    const csv = join(folder, "a.csv");
    fs.writeFileSync(csv, new Uint8Array([0xe9, 0x2c, 0x31, 0x0a]));
    await userError(() => tableRows(csv, ["a", "b"]), "a.csv", "not UTF-8");
    fs.writeFileSync(csv, "\ufeffa,b\n1,2\n");
    assert.deepEqual(tableRows(csv).map(({ row }) => row), [{ a: "1", b: "2" }]);
  }));

Deno.test("an empty cell of parquet is null, as the data set has it", () =>
  inFolder((folder) => {
    const path = join(folder, "a.parquet");
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: "a", data: ["x", null], type: "STRING", nullable: true },
        { name: "b", data: [1, 2], type: "INT32" },
      ],
    });
    fs.writeFileSync(path, new Uint8Array(buffer));
    const rows = tableRows(path).map(({ row }) => row);
    assert.deepEqual(rows, [{ a: "x", b: 1 }, { a: null, b: 2 }]);
  }));

Deno.test("rows that are made are not none", () =>
  userError(
    () => taskRows({ folder: "own", rows: () => [] }, "dev", { repositories: nowhere }),
    'own makes no rows for "dev"',
  ));

Deno.test("a folder of data that is not there is said to be so", () =>
  userError(
    () => taskRows(wikitext, "test", { dataDir: "/nowhere", repositories: nowhere }),
    "/nowhere/wikitext, which is not there",
    "wiki.test",
    ".raw",
    "leave out --data-dir",
  ));

testWithData("WikiText-2's validation file has sixty articles", "wikitext2", () => {
  const pages = tableRows(sharedPath("wikitext2/valid.txt"), ["page"]).map(({ row }) =>
    String(row["page"])
  );
  assert.equal(pages.length, 60);
  assert.match(pages[0]!, /^ = Homarus gammarus = \n/);
  const whole = fs.readFileSync(sharedPath("wikitext2/valid.txt"), "utf8");
  // But for the empty line before the first title.
  assert.equal(" \n" + pages.join("\n"), whole);
});
