/** Guards of corpora: documents and questions that are such. */

import assert from "node:assert/strict";
import { type Corpus } from "../../../../../core/contracts/mod.ts";
import { userError } from "../../../io/support.ts";
import { guarded } from "./support.ts";

/** A corpus with some members replaced, guarded and opened. */
async function corpus(wrong: Partial<Record<keyof Corpus, unknown>>): Promise<Corpus> {
  const right: Corpus = { name: "mine", kinds: [], documents: () => [] };
  const { corpora } = guarded({ corpora: { mine: () => ({ ...right, ...wrong }) as Corpus } });
  return await corpora!["mine"]!({ fetch: () => Promise.reject(new Error("none")) });
}

const documents = async (wrong: Parameters<typeof corpus>[0]) => [
  ...(await corpus(wrong)).documents("test"),
];

const questions = async (all: readonly unknown[]) => [
  ...(await corpus({ questions: () => all })).questions!("test"),
];

Deno.test("a guarded corpus has every member of the corpus, and yields what it does", async () => {
  const all: Required<Corpus> = {
    name: "mine",
    kinds: ["rest", "digits"],
    *documents() {
      yield { text: "a 1", spans: [{ start: 2, end: 3, kind: 1 }] };
      yield { text: "b" };
    },
    questions: () => [{ prompt: "1 + 1 =", choices: [" 2", " 3"], answer: 0 }],
  };
  const safe = await corpus(all);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(all).toSorted());
  assert.deepEqual([...safe.documents("train")], [...all.documents("train")]);
  assert.deepEqual([...safe.questions!("train")], [...all.questions("train")]);
});

Deno.test("a document that is none is shown with its place, whatever it is", async () => {
  const circle: Record<string, unknown> = {};
  circle["text"] = circle;
  const spans = (...all: unknown[]) => ({ text: "ab", spans: all });
  const cases: readonly [document: unknown, shown: RegExp][] = [
    ["a", /yielded "a" at 1; it should be { text, spans\? }/],
    [10n, /yielded 10n at 1/],
    [circle, /yielded .*Circular.* at 1/],
    [null, /yielded null at 1/],
    [{ text: "ab", spans: null }, /yielded { text: "ab", spans: null } at 1/],
    [spans(null), /yielded { text: "ab", spans: \[ null \] } at 1/],
    [spans({ start: 1, end: 3, kind: 0 }), /yielded { text: "ab".* at 1/],
    [spans({ start: 0, end: 2, kind: 0 }, { start: 1, end: 2, kind: 0 }), /yielded { text: "ab"/],
    // One beyond the kinds that there are; its tokens would be counted nowhere.
    [spans({ start: 0, end: 1, kind: 2 }), /yielded { text: "ab".* at 1.*of kinds that there are/],
    [spans({ start: 0, end: 1, kind: 0.5 }), /yielded { text: "ab"/],
  ];
  for (const [document, shown] of cases) {
    const given = { kinds: ["rest", "digits"], documents: () => [{ text: "ok" }, document] };
    await userError(() => documents(given), /corpus "mine"\.documents\("test"\) /, shown);
  }
  await userError(
    () => documents({ documents: () => null }),
    /\.documents\("test"\) returned null; it should be a list or a generator/,
  );
  await userError(
    () => documents({ documents: async function* () {} }),
    /returned an asynchronous generator/,
  );
  const broken = function* () {
    yield { text: "ok" };
    throw new Error("the disk is gone");
  };
  await userError(() => documents({ documents: broken }), /threw Error: the disk is gone, at/);
});

Deno.test("questions have different answers, one of them right", async () => {
  const right = { prompt: "p", choices: ["a", "b"], answer: 1 };
  assert.deepEqual(await questions([right]), [right]);
  const wrong = [{ answer: 2 }, { answer: 0.5 }, { choices: ["a", "a"] }, { choices: "ab" }, {
    prompt: undefined,
  }];
  for (const each of wrong) {
    await userError(
      () => questions([{ ...right, ...each }]),
      /questions\("test"\) yielded .*it should be { prompt, choices, answer }/,
    );
  }
});

Deno.test("what a corpus is called, and its labels, are texts", async () => {
  await userError(() => corpus({ kinds: undefined }), /"kinds" is undefined, which is no list of/);
  await userError(() => corpus({ kinds: [1, { a: 2 }] }), /"kinds" is \[ 1, { a: 2 } \], which is/);
  await userError(() => corpus({ name: undefined }), /its name is undefined; give a text/);
  await userError(() => corpus({ documents: 3 }), /what it opens has no function "documents"/);
});

Deno.test("a reader that has enough lets the generator close what it opened", async () => {
  let closed = 0;
  const endless = function* () {
    try {
      for (;;) yield { text: "x" };
    } finally {
      closed++;
    }
  };
  const safe = await corpus({ documents: endless });
  for (const { text } of safe.documents("train")) {
    assert.equal(text, "x");
    break;
  }
  assert.equal(closed, 1);
});
