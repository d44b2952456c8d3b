/** Wrong corpora: each breaks the promise that it does not keep, and says how. */

import assert from "node:assert/strict";
import { corpusPromises } from "../../../core/conformance/mod.ts";
import { type ChoiceQuestion, type Corpus, type Span } from "../../../core/contracts/mod.ts";
import { microworld } from "../../../plugins/corpora/microworld/mod.ts";
import { assertBroken, assertKept } from "./support.ts";

const QUESTION: ChoiceQuestion = { prompt: "Who?", choices: [" Ann", " Eve"], answer: 1 };

/** Three documents of each split, and a question. */
const RIGHT: Corpus = {
  name: "right",
  kinds: ["plain", "name"],
  documents: (split) =>
    [0, 1, 2].map((i) => ({
      text: `Ann has ${split} ${i}.`,
      spans: [{ start: 0, end: 3, kind: 1 }],
    })),
  questions: () => [QUESTION],
};

const promisesOf = (wrong: Partial<Corpus>) => corpusPromises({ corpus: { ...RIGHT, ...wrong } });

Deno.test("right corpora keep every promise, endless ones and such without questions too", async () => {
  await assertKept(promisesOf({}));
  const outcomes = await assertKept(corpusPromises({ corpus: microworld(), documents: 100 }));
  assert.ok(outcomes.every(({ state }) => state === "ok"));
  const { questions: _, ...mute } = RIGHT;
  const skipped = await assertKept(corpusPromises({ corpus: mute }));
  assert.equal(skipped.at(-1)!.state, "skip");
});

Deno.test("documents that are others the second time are told by their split", async () => {
  let asked = 0;
  await assertBroken(
    promisesOf({ documents: (split) => [{ text: `${split} ${split === "test" ? asked++ : 0}` }] }),
    { "the same documents each time": /documents of test are others/ },
  );
});

Deno.test("iterators that share what they have read are told", () => {
  const shared = RIGHT.documents("train")[Symbol.iterator]();
  const documents: Corpus["documents"] = (split) =>
    split === "train" ? { [Symbol.iterator]: () => shared } : RIGHT.documents(split);
  return assertBroken(promisesOf({ documents }), {
    "the same documents each time": /asked again, there are no documents of train/,
  });
});

Deno.test("a text in two splits is told with the text", () => {
  const documents: Corpus["documents"] = (split) => [
    { text: split === "test" ? "same train" : `same ${split}` },
  ];
  return assertBroken(promisesOf({ documents }), {
    "no document is in two splits": /in train and in test: "same train"/,
  });
});

Deno.test("an empty split, an empty text and half a character are told", async () => {
  const HAS = "every split has documents";
  await assertBroken(
    promisesOf({ documents: (split) => split === "test" ? [] : RIGHT.documents(split) }),
    { [HAS]: /the split test has none/ },
  );
  await assertBroken(promisesOf({ documents: () => [{ text: "" }] }), {
    [HAS]: /document 1 of train is empty/,
  });
  await assertBroken(promisesOf({ documents: (split) => [{ text: `${split}\ud800` }] }), {
    [HAS]: /is no whole Unicode/,
  });
});

Deno.test("spans that overlap, run out of their text or have no kind are told", async () => {
  const spanned = (spans: readonly Span[]) =>
    promisesOf({ documents: (split) => [{ text: `abc ${split}`, spans }] });
  const SPANS = "spans are in order, apart, and within their text";
  const [first, second] = [{ start: 0, end: 3, kind: 1 }, { start: 2, end: 4, kind: 1 }];
  await assertBroken(spanned([first, second]), {
    [SPANS]: /a span from 2 to 4 .* begins before 3/,
  });
  await assertBroken(spanned([{ ...first, end: 99 }]), { [SPANS]: /to 99 .*, which has 9/ });
  await assertBroken(spanned([{ ...first, end: 0 }]), { [SPANS]: /from 0 to 0/ });
  await assertBroken(spanned([{ ...first, kind: 2 }]), {
    [SPANS]: /of kind 2 .* there are 2 kinds/,
  });
  await assertBroken(spanned([{ ...first, kind: 0 }]), { [SPANS]: /of kind 0/ });
});

Deno.test("questions without a right answer, or with an answer twice, are told", async () => {
  const asked = (wrong: Partial<ChoiceQuestion>) =>
    promisesOf({ questions: () => [{ ...QUESTION, ...wrong }] });
  const NAME = "questions have different answers, one of them right, the same each time";
  await assertBroken(asked({ answer: 2 }), { [NAME]: /has the answer 2 of 2/ });
  await assertBroken(asked({ choices: [" Ann", " Ann"] }), { [NAME]: /has an answer twice/ });
  await assertBroken(asked({ choices: [" Ann"], answer: 0 }), { [NAME]: /has 1 answers/ });
  await assertBroken(asked({ prompt: "" }), { [NAME]: /a prompt is empty/ });
});
