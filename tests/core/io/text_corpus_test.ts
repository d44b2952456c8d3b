import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Corpus } from "../../../core/contracts/corpus.ts";
import { textCorpus } from "../../../core/io/text_corpus.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

const SPLITS = ["train", "validation", "test"] as const;

const textsOf = (corpus: Corpus) =>
  Object.fromEntries(
    SPLITS.map((split) => [split, [...corpus.documents(split)].map(({ text }) => text)]),
  ) as Record<typeof SPLITS[number], string[]>;

const allTexts = (corpus: Corpus) => Object.values(textsOf(corpus)).flat().sort();

const count = <T>(size: number, make: (index: number) => T) =>
  Array.from({ length: size }, (_, i) => make(i));

Deno.test("articles, paragraphs or lines are documents, whichever is coarsest and enough", () =>
  inFolder((folder) => {
    const path = join(folder, "text.txt");
    const documents = (content: string) => {
      fs.writeFileSync(path, content);
      return allTexts(textCorpus(path));
    };
    const article = (i: number) =>
      ` = Title ${i} = \n \n One . \n \n = = Part = = \n \n Two ${i} . \n \n`;
    const articles = documents(" \n" + count(12, article).join(""));
    assert.equal(articles.length, 12);
    assert.match(articles[0]!, /^= Title 0 = [^]* = = Part = = [^]*Two 0 \.$/);
    assert.equal(documents(count(3, article).join("")).length, 12, "too few articles: paragraphs");
    assert.deepEqual(
      documents("\n\n" + count(10, (i) => `first ${i}\r\nsecond`).join("\r\n \t\r\n\r\n")),
      count(10, (i) => `first ${i}\nsecond`),
    );
    assert.deepEqual(documents("a\n\nb\nc\n"), ["a", "b", "c"], "too few paragraphs: lines");
  }));

Deno.test("no document is in two splits, none is lost, and each split has some", () =>
  inFolder((folder) => {
    const path = join(folder, "text.jsonl");
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-e]{1,3}$/), { minLength: 3 }), (texts) => {
        fc.pre(new Set(texts).size >= 3);
        fs.writeFileSync(path, texts.map((text) => JSON.stringify({ text })).join("\n"));
        const splits = textsOf(textCorpus(path));
        assert.deepEqual(Object.values(splits).flat().sort(), [...texts].sort());
        const seen = SPLITS.map((split) => new Set(splits[split]));
        for (const split of seen) assert.ok(split.size > 0);
        assert.equal(seen.reduce((sum, { size }) => sum + size, 0), new Set(texts).size);
      }),
      { seed: 6, numRuns: 50 },
    );
  }));

Deno.test("the split follows from the content, not from the order", () =>
  inFolder((folder) => {
    const texts = count(50, (i) => `document number ${i}`);
    const write = (name: string, lines: readonly string[]) => {
      fs.writeFileSync(join(folder, name), lines.join("\n\n"));
      return textsOf(textCorpus(join(folder, name)));
    };
    const forward = write("a.txt", texts);
    const backward = write("b.txt", texts.toReversed());
    for (const split of SPLITS) assert.deepEqual(backward[split].toReversed(), forward[split]);
    assert.deepEqual(SPLITS.map((split) => forward[split].length), [40, 5, 5]);
    assert.deepEqual(forward.train, texts.filter((text) => forward.train.includes(text)));
  }));

Deno.test("asking twice gives the same documents, and there are no labels", () =>
  inFolder((folder) => {
    const path = join(folder, "words.text");
    fs.writeFileSync(path, "one\ntwo\nthree\nfour\n");
    const corpus = textCorpus(path);
    assert.deepEqual([...corpus.documents("train")], [...corpus.documents("train")]);
    assert.equal(corpus.name, "words");
    assert.deepEqual(corpus.kinds, []);
  }));

Deno.test("a broken line of JSON lines is refused by its number", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.jsonl");
    const refused = (content: string, ...patterns: string[]) => {
      fs.writeFileSync(path, content);
      return userError(() => textCorpus(path), "x.jsonl", ...patterns);
    };
    await refused('{"text": "a"}\n\n{"text": \n', "line 3", "not valid JSON");
    await refused('{"text": "a"}\n{"body": "b"}\n', "line 2", '"text"');
    await refused('["a"]\n', "line 1", '"text"');
    fs.writeFileSync(path, count(3, (i) => `{"body": "b${i}"}`).join("\n"));
    assert.equal(allTexts(textCorpus(path, { field: "body" })).length, 3);
  }));

Deno.test("parquet is split as JSON lines with the same texts are, and rows without text left out", () =>
  inFolder(async (folder) => {
    const texts = count(40, (i) => `document number ${i % 30}\n`);
    const [lines, path] = [join(folder, "x.jsonl"), join(folder, "x.parquet")];
    fs.writeFileSync(lines, texts.map((text) => JSON.stringify({ text })).join("\n"));
    const write = (name: string, data: readonly (string | null)[]) =>
      fs.writeFileSync(
        path,
        new Uint8Array(parquetWriteBuffer({
          columnData: [{ name, data: [...data], type: "STRING" }],
          rowGroupSize: 7,
        })),
      );
    write("text", [null, ...texts, " \n"]);
    assert.deepEqual(textsOf(textCorpus(path)), textsOf(textCorpus(lines)));
    assert.equal(textCorpus(path).name, "x");
    write("body", texts);
    assert.equal(allTexts(textCorpus(path, { field: "body" })).length, 40);
    await userError(
      () => textCorpus(path),
      "x.parquet",
      'no column "text"; its columns are "body"',
    );
    write("text", Array(513).fill("x".repeat(2 ** 20)));
    await userError(() => textCorpus(path), "x.parquet", "more than the 512 MiB that are read");
    write("text", ["one", "two", null, "two"]);
    await userError(() => textCorpus(path), "x.parquet", "2 different document(s) are too few");
  }));

Deno.test("a file without usable text is refused by what is wrong with it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.txt");
    const refused = (content: string | Uint8Array, ...patterns: string[]) => {
      fs.writeFileSync(path, content);
      return userError(() => textCorpus(path), "x.txt", ...patterns);
    };
    await userError(() => textCorpus(path), "x.txt", "no such file");
    await userError(() => textCorpus(folder), "folder");
    await refused("", "empty");
    await refused(" \n\n\t\n", "empty");
    await refused("abc\0def", "byte 3 is zero");
    await refused(new Uint8Array([0x61, 0xff, 0xfe, 0x62]), "not UTF-8");
    await refused("one\n\none\n\ntwo\n", "2 different document(s) are too few");
    await userError(
      () => textCorpus(join(folder, "x.arrow")),
      '.arrow is not read; give plain text (.txt), JSON lines (.jsonl, a {"text": ...} on every ' +
        'line) or parquet (.parquet, with a column "text")',
    );
  }));

Deno.test("a share outside of (0, 1) is refused", () =>
  userError(() => textCorpus("x.txt", { testShare: 1 }), "testShare", "1"));

testWithData("WikiText-2 is read as its 60 articles", "wikitext2/valid.txt", () => {
  const corpus = textCorpus(sharedPath("wikitext2/valid.txt"));
  const splits = textsOf(corpus);
  assert.deepEqual(SPLITS.map((split) => splits[split].length), [48, 6, 6]);
  for (const text of Object.values(splits).flat()) assert.match(text, /^= [^=]+ = \n/);
});
