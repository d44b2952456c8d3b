import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Corpus, Split } from "../../../core/contracts/corpus.ts";
import {
  openWikitext,
  WIKITEXT_DATASET,
  wikitextFiles,
} from "../../../plugins/corpora/wikitext/mod.ts";
import { inFolder, userError } from "../../core/io/support.ts";

/** What the dataset's repository holds, as the hub lists it. */
const REPOSITORY = [
  ".gitattributes",
  "README.md",
  "wikitext-103-raw-v1/test-00000-of-00001.parquet",
  "wikitext-103-raw-v1/train-00001-of-00002.parquet",
  "wikitext-103-raw-v1/train-00000-of-00002.parquet",
  "wikitext-103-raw-v1/validation-00000-of-00001.parquet",
  "wikitext-103-v1/train-00000-of-00002.parquet",
  "wikitext-2-raw-v1/test-00000-of-00001.parquet",
  "wikitext-2-raw-v1/train-00000-of-00001.parquet",
  "wikitext-2-raw-v1/validation-00000-of-00001.parquet",
  "wikitext-2-v1/train-00000-of-00001.parquet",
];

const LAID_OUT = "it should be laid out as Salesforce/wikitext on the Hugging Face hub";

function write(folder: string, path: string, texts: readonly (string | null)[]): void {
  const columnData = [{ name: "text", data: [...texts], type: "STRING" as const }];
  fs.mkdirSync(join(folder, path, ".."), { recursive: true });
  fs.writeFileSync(
    join(folder, path),
    new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 1_000 })),
  );
}

/** Writes WikiText-2 with these lines; what is not told has a heading only. */
function writeWikitext2(
  folder: string,
  { train = [" = A = \n"], validation = [" = B = \n"], test = [" = C = \n"] }: Partial<
    Record<Split, readonly (string | null)[]>
  >,
): void {
  write(folder, "wikitext-2-raw-v1/train-00000-of-00001.parquet", train);
  write(folder, "wikitext-2-raw-v1/validation-00000-of-00001.parquet", validation);
  write(folder, "wikitext-2-raw-v1/test-00000-of-00001.parquet", test);
}

const textsOf = (corpus: Corpus, split: Split) =>
  [...corpus.documents(split)].map(({ text }) => text);

/** Line `index` of an article, 101 characters long. */
const line = (index: number) => ` ${index}`.padEnd(100, " x") + "\n";

Deno.test("lines of more than 100 characters are documents, unchanged and in the files' order", () =>
  inFolder((folder) => {
    const [first, second, third] = [line(1), line(2), line(3)];
    const many = "𝄞".repeat(101);
    const folderOf = "wikitext-103-raw-v1/";
    write(folder, `${folderOf}train-00001-of-00002.parquet`, ["", third, null]);
    write(folder, `${folderOf}train-00000-of-00002.parquet`, [
      " = Title = \n",
      first,
      first.slice(1),
      // 200 code units, but 100 characters; and one character more.
      "𝄞".repeat(100),
      many,
      second,
    ]);
    write(folder, `${folderOf}validation-00000-of-00001.parquet`, [second]);
    write(folder, `${folderOf}test-00000-of-00001.parquet`, [third]);
    const corpus = openWikitext("wikitext103", folder);
    assert.equal(corpus.name, "wikitext103");
    assert.deepEqual(corpus.kinds, []);
    assert.deepEqual(textsOf(corpus, "train"), [first, many, second, third]);
    assert.deepEqual(textsOf(corpus, "train"), [first, many, second, third], "asked again");
    assert.deepEqual(textsOf(corpus, "validation"), [second]);
    assert.deepEqual(textsOf(corpus, "test"), [third]);
  }));

Deno.test("the first 10,000 lines are for training, 1,000 for validation, all for testing", () =>
  inFolder((folder) => {
    const lines = Array.from({ length: 10_050 }, (_, index) => line(index));
    writeWikitext2(folder, { train: lines, validation: lines, test: lines });
    const corpus = openWikitext("wikitext2", folder);
    assert.deepEqual(textsOf(corpus, "train"), lines.slice(0, 10_000));
    assert.deepEqual(textsOf(corpus, "validation"), lines.slice(0, 1_000));
    assert.deepEqual(textsOf(corpus, "test"), lines);
    const other = openWikitext("wikitext2", folder, {
      longerThan: 101,
      most: { validation: Infinity },
    });
    assert.deepEqual(textsOf(other, "validation"), []);
    const most = { train: Infinity, validation: 3, test: 0 };
    const chosen = openWikitext("wikitext2", folder, { most });
    assert.deepEqual(textsOf(chosen, "train"), lines);
    assert.deepEqual(textsOf(chosen, "validation"), lines.slice(0, 3));
    assert.deepEqual(textsOf(chosen, "test"), []);
  }));

Deno.test("reading stops when there are enough documents", () =>
  inFolder(async (folder) => {
    const path = "wikitext-103-raw-v1/train-00000-of-00002.parquet";
    write(folder, path, [line(0), line(1)]);
    for (const file of REPOSITORY.filter((each) => each.startsWith("wikitext-103-raw-v1/"))) {
      if (file !== path) fs.writeFileSync(join(folder, file), "<html>not found</html>");
    }
    const corpus = openWikitext("wikitext103", folder, { most: { train: 2 } });
    assert.deepEqual(textsOf(corpus, "train"), [line(0), line(1)]);
    await userError(
      () => textsOf(openWikitext("wikitext103", folder), "train"),
      "train-00001-of-00002.parquet: it is not a parquet file",
    );
  }));

Deno.test("a configuration's files are chosen from the repository's, in order", async () => {
  assert.equal(WIKITEXT_DATASET, "Salesforce/wikitext");
  assert.deepEqual(wikitextFiles("wikitext103", REPOSITORY), [
    "wikitext-103-raw-v1/train-00000-of-00002.parquet",
    "wikitext-103-raw-v1/train-00001-of-00002.parquet",
    "wikitext-103-raw-v1/validation-00000-of-00001.parquet",
    "wikitext-103-raw-v1/test-00000-of-00001.parquet",
  ]);
  assert.deepEqual(wikitextFiles("wikitext2", REPOSITORY), [
    "wikitext-2-raw-v1/train-00000-of-00001.parquet",
    "wikitext-2-raw-v1/validation-00000-of-00001.parquet",
    "wikitext-2-raw-v1/test-00000-of-00001.parquet",
  ]);
  await userError(
    () => wikitextFiles("wikitext2", ["README.md", "wikitext-2-v1/train-00000-of-00001.parquet"]),
    "Cannot read WikiText from the dataset Salesforce/wikitext: it has no " +
      `wikitext-2-raw-v1/train-*.parquet; ${LAID_OUT}`,
  );
});

Deno.test("a missing or misnamed file is asked for where it should be", () =>
  inFolder(async (folder) => {
    const refused = (missing: string) =>
      userError(
        () => openWikitext("wikitext103", folder),
        `Cannot read WikiText from ${folder}: it has no ${missing}; ${LAID_OUT}`,
      );
    await refused("wikitext-103-raw-v1/train-*.parquet");
    write(folder, "wikitext-103-raw-v1/train.parquet", [line(0)]);
    await refused("wikitext-103-raw-v1/train-*.parquet");
    write(folder, "wikitext-103-raw-v1/train-00001-of-00002.parquet", [line(0)]);
    await refused("wikitext-103-raw-v1/train-00000-of-00002.parquet");
    write(folder, "wikitext-103-raw-v1/train-00000-of-00002.parquet", [line(0)]);
    await refused("wikitext-103-raw-v1/validation-*.parquet");
    write(folder, "wikitext-103-raw-v1/validation-00000-of-00001.parquet", [line(0)]);
    await refused("wikitext-103-raw-v1/test-*.parquet");
    const absent = join(folder, "absent");
    await userError(
      () => openWikitext("wikitext2", absent),
      `Cannot read WikiText from ${absent}: no such file or folder; check the path`,
    );
  }));

Deno.test("a limit that is not a count is refused by its name", () =>
  inFolder(async (folder) => {
    writeWikitext2(folder, {});
    for (
      const [longerThan, train, message] of [
        [-1, 1, "longerThan is -1"],
        [1, 0.5, "most.train is 0.5"],
        [1, NaN, "most.train is NaN"],
      ] as const
    ) {
      await userError(
        () => openWikitext("wikitext2", folder, { longerThan, most: { train } }),
        `Cannot read WikiText: ${message}; it must be a whole number from 0 on, or Infinity`,
      );
    }
  }));
