/** The microworld: splits, labels and question sets (truth is in microworld_truth_test.ts). */

import assert from "node:assert/strict";
import type { Document, Split } from "../../../core/contracts/corpus.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import {
  choiceQuestions,
  KINDS,
  microworld,
  type QuestionKind,
  questions,
  transcript,
} from "../../../plugins/corpora/microworld/mod.ts";

const SPLITS: readonly Split[] = ["train", "validation", "test"];
const QUESTION_KINDS: readonly QuestionKind[] = ["facts", "reason", "math"];

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

const corpus = microworld();
const documents: Readonly<Record<Split, readonly Document[]>> = {
  train: take(corpus.documents("train"), 6000),
  validation: take(corpus.documents("validation"), 600),
  test: take(corpus.documents("test"), 600),
};
const all = SPLITS.flatMap((split) => documents[split]);
const wholeText = all.map(({ text }) => text).join("\n\n");

Deno.test("microworld() gives the same documents whatever else is asked in between", () => {
  const again = microworld({ seed: 1 });
  const train = again.documents("train")[Symbol.iterator]();
  const test = again.documents("test")[Symbol.iterator]();
  for (let i = 0; i < 50; i++) {
    assert.deepEqual(test.next().value, documents.test[i]);
    for (let j = 0; j < 2; j++) {
      assert.deepEqual(train.next().value, documents.train[2 * i + j]);
    }
  }
  assert.deepEqual(take(again.documents("train"), 20), documents.train.slice(0, 20));
});

Deno.test("microworld() writes another world for another seed", () => {
  const other = take(microworld({ seed: 2 }).documents("train"), 200);
  const known = new Set(documents.train.map(({ text }) => text));
  assert.ok(other.filter(({ text }) => known.has(text)).length <= 1);
});

Deno.test("no document is in two splits", () => {
  const home = new Map<string, Split>();
  for (const split of SPLITS) {
    for (const { text } of documents[split]) {
      assert.ok((home.get(text) ?? split) === split, `in ${home.get(text)} and ${split}: ${text}`);
      home.set(text, split);
    }
  }
  assert.ok(home.size > 0.99 * all.length, "documents hardly ever repeat");
});

Deno.test("documents have 12 to 160 words, and 40 to 70 on average", () => {
  const lengths = all.map(({ text }) => text.split(/\s+/).length);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  assert.ok(mean > 40 && mean < 70, `mean ${mean}`);
  assert.ok(Math.min(...lengths) >= 12 && Math.max(...lengths) <= 160);
});

Deno.test("spans are in order, do not overlap, and every kind occurs", () => {
  const seen = new Set<number>();
  for (const { text, spans } of all) {
    let at = 0;
    for (const { start, end, kind } of spans!) {
      assert.ok(start >= at && end > start && end <= text.length);
      assert.ok(kind > 0 && kind < corpus.kinds.length);
      seen.add(kind);
      at = end;
    }
  }
  assert.equal(seen.size, KINDS.length - 1);
});

Deno.test("arithmetic labels are on numbers, punctuation labels on signs", () => {
  for (const { text, spans } of all) {
    for (const { start, end, kind } of spans!) {
      const labelled = text.slice(start, end);
      if (KINDS[kind] === "arithmetic") assert.match(labelled, /^ ?\d+$/);
      if (KINDS[kind] === "punctuation") assert.match(labelled, /^[ \n]?[.,?:=+*/\n-]*$/);
    }
  }
});

Deno.test("no document has an unfilled slot, a double space or a doubled full stop", () => {
  assert.doesNotMatch(wholeText, /[{}]|undefined|null|NaN| {2}|\.\.| \.|\ba [aeiou]/);
});

Deno.test("questions() gives well-formed questions, the same each time", () => {
  for (const kind of QUESTION_KINDS) {
    for (const split of SPLITS) {
      const set = take(questions(kind, split), 100);
      assert.ok(set.length >= 80, `${kind} ${split}: ${set.length}`);
      assert.deepEqual(take(questions(kind, split), 100), set);
      for (const { question, choices, answer, worked } of set) {
        assert.match(question, /\?$/);
        assert.notEqual(answer, "");
        assert.equal(worked !== undefined, kind === "math");
        assert.equal(choices !== undefined, kind !== "math");
        if (choices === undefined) continue;
        assert.equal(new Set(choices).size, 4, question);
        assert.ok(choices.includes(answer), question);
      }
    }
  }
});

Deno.test("no question is in two splits", () => {
  for (const kind of QUESTION_KINDS) {
    const home = new Map<string, Split>();
    for (const split of SPLITS) {
      for (const { question } of questions(kind, split)) {
        assert.ok(!home.has(question), `in ${home.get(question)} and ${split}: ${question}`);
        home.set(question, split);
      }
    }
  }
});

Deno.test("no document holds a question of validation or test", () => {
  for (const kind of QUESTION_KINDS) {
    for (const split of ["validation", "test"] as const) {
      for (const { question } of take(questions(kind, split), 150)) {
        assert.ok(!wholeText.includes(question), question);
      }
    }
  }
});

Deno.test("no document states the composition that a question of validation or test asks", () => {
  let checked = 0;
  for (const split of ["validation", "test"] as const) {
    for (const { question } of questions("reason", split)) {
      const phrase = /^(?:Where does|In which town does) the (.+) live\?$/.exec(question)?.[1];
      if (phrase === undefined) continue;
      const stated = new RegExp(`(?<!of )[Tt]he ${phrase} (?:lives|has a house) in`);
      assert.doesNotMatch(wholeText, stated);
      checked++;
    }
  }
  assert.ok(checked > 10);
});

Deno.test("a seed that is no whole number gets one clear line", () => {
  for (const seed of [-1, 1.5, NaN]) {
    assert.throws(() => microworld({ seed }), UserError);
    assert.throws(() => questions("math", "test", { seed }), UserError);
  }
});

Deno.test("transcript() writes a question as the documents do", () => {
  const asked = all.flatMap(({ text }) => text.startsWith("Question: Work out") ? [text] : []);
  assert.ok(asked.length > 5);
  const forms = new Set(asked.join("\n").split("\n").map((line) => line.replaceAll(/\d+/g, "0")));
  const question = take(questions("math", "train"), 1000)
    .find(({ question }) => question.startsWith("Work out"))!;
  const { prompt, continuation } = transcript(question);
  for (const line of (prompt + continuation).split("\n")) {
    assert.ok(forms.has(line.replaceAll(/\d+/g, "0")), line);
  }
});

Deno.test("choiceQuestions() asks for facts and reasons in turn, as transcripts with their choices", () => {
  for (const split of ["validation", "test"] as const) {
    const asked = take(choiceQuestions(split), 40);
    assert.deepEqual(take(choiceQuestions(split), 40), asked);
    const [facts, reasons] = (["facts", "reason"] as const).map((kind) =>
      take(questions(kind, split), 20)
    );
    asked.forEach(({ prompt, choices, answer }, i) => {
      const source = (i % 2 === 0 ? facts! : reasons!)[Math.floor(i / 2)]!;
      const whole = transcript(source);
      assert.equal(prompt, whole.prompt);
      assert.equal(choices[answer], whole.continuation);
      assert.equal(choices.length, source.choices!.length);
      assert.equal(new Set(choices).size, choices.length);
      for (const choice of choices) assert.match(choice, /^ \S/);
    });
    // Where the right answer stands must not give it away.
    assert.ok(new Set(asked.map(({ answer }) => answer)).size >= 3);
  }
});

Deno.test("choiceQuestions() goes on with one kind when the other has ended, and leaves none out", () => {
  const count = (kind: QuestionKind) => [...questions(kind, "validation")].length;
  const all = [...choiceQuestions("validation")];
  assert.equal(all.length, count("facts") + count("reason"));
  assert.notEqual(count("facts"), count("reason"));
  const { prompt } = [...microworld().questions!("validation")].at(-1)!;
  assert.equal(prompt, all.at(-1)!.prompt);
});
