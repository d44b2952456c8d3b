/** What every corpus promises: the same documents each time, in one split each, with spans inside. */

import assert from "node:assert/strict";
import { type ChoiceQuestion, type Corpus, type Document, type Split } from "../contracts/mod.ts";
import { type PluginPromise } from "./promise.ts";
import { assertSame } from "./same.ts";

const SPLITS: readonly Split[] = ["train", "validation", "test"];

/** How much of an endless corpus is read. */
export interface CorpusSubject {
  /** The corpus that is checked. */
  readonly corpus: Corpus;
  /** Documents of each split that are looked at; 300 unless told. */
  readonly documents?: number;
}

/** All promises of a corpus. */
export function corpusPromises({ corpus, documents = 300 }: CorpusSubject): PluginPromise[] {
  const take = (split: Split) => Iterator.from(corpus.documents(split)).take(documents).toArray();
  const HAS = "every split has documents";
  return [
    {
      name: HAS,
      lookAt: "Corpus.documents",
      check() {
        const counts = SPLITS.map((split) => {
          const own = take(split);
          assert.ok(own.length > 0, `the split ${split} has none`);
          own.forEach(({ text }, i) => {
            assert.ok(text.length > 0, `document ${i + 1} of ${split} is empty`);
            assert.ok(text.isWellFormed(), `document ${i + 1} of ${split} is no whole Unicode`);
          });
          return `${own.length} of ${split}`;
        });
        return counts.join(", ");
      },
    },
    {
      name: "the same documents each time",
      needs: HAS,
      lookAt: "random numbers without a seed, and state that iterators share",
      check() {
        const first = SPLITS.map(take);
        // In turn, so that iterators that share something are in each other's way.
        const iterators = SPLITS.map((split) => corpus.documents(split)[Symbol.iterator]());
        const again: Document[][] = SPLITS.map(() => []);
        for (let i = 0; i < documents; i++) {
          iterators.forEach((iterator, split) => {
            const { value, done } = iterator.next();
            if (done !== true) again[split]!.push(value);
          });
        }
        SPLITS.forEach((split, i) => {
          assert.ok(first[i]!.length > 0, `asked again, there are no documents of ${split}`);
          assertSame(again[i], first[i], `asked again, documents of ${split} are others`);
        });
        return `${first.flat().length} documents`;
      },
    },
    {
      name: "no document is in two splits",
      needs: HAS,
      lookAt: "what decides a document's split: best a function of its text",
      check() {
        const homes = new Map<string, Split>();
        for (const split of SPLITS) {
          for (const { text } of take(split)) {
            const home = homes.get(text) ?? split;
            assertSame(home, split, `in ${home} and in ${split}: ${JSON.stringify(start(text))}`);
            homes.set(text, split);
          }
        }
        return `${homes.size} texts`;
      },
    },
    {
      name: "spans are in order, apart, and within their text",
      needs: HAS,
      lookAt: "Document.spans: offsets in UTF-16 code units, kinds by Corpus.kinds",
      check() {
        let count = 0;
        for (const { text, spans = [] } of SPLITS.flatMap(take)) {
          let at = 0;
          for (const { start: from, end, kind } of spans) {
            const told = `a span from ${from} to ${end} of kind ${kind} in ${
              JSON.stringify(start(text))
            }`;
            assert.ok(from >= at, `${told} begins before ${at}, where the one before it ends`);
            assert.ok(end > from && end <= text.length, `${told}, which has ${text.length}`);
            assert.ok(
              Number.isInteger(kind) && kind > 0 && kind < corpus.kinds.length,
              `${told}; there are ${corpus.kinds.length} kinds, and 0 is that of the rest`,
            );
            at = end;
            count++;
          }
        }
        return `${count} spans of ${corpus.kinds.length} kinds`;
      },
    },
    questionsPromise(corpus, documents),
  ];
}

function questionsPromise(corpus: Corpus, most: number): PluginPromise {
  const ask = (split: Split): ChoiceQuestion[] =>
    Iterator.from(corpus.questions!(split)).take(most).toArray();
  return {
    name: "questions have different answers, one of them right, the same each time",
    skip: corpus.questions ? undefined : "it has none",
    lookAt: "Corpus.questions",
    check() {
      const counts = SPLITS.map((split) => {
        const questions = ask(split);
        assertSame(ask(split), questions, `asked again, questions of ${split} are others`);
        for (const { prompt, choices, answer } of questions) {
          const told = JSON.stringify(start(prompt));
          assert.ok(prompt.length > 0, "a prompt is empty");
          assert.ok(choices.length >= 2, `${told} has ${choices.length} answers`);
          assertSame(new Set(choices).size, choices.length, `${told} has an answer twice`);
          assert.ok(choices.every((choice) => choice.length > 0), `${told} has an empty answer`);
          assert.ok(
            Number.isInteger(answer) && answer >= 0 && answer < choices.length,
            `${told} has the answer ${answer} of ${choices.length}`,
          );
        }
        return `${questions.length} of ${split}`;
      });
      return counts.join(", ");
    },
  };
}

/** The beginning of a text, for messages. */
const start = (text: string) => text.length > 60 ? `${text.slice(0, 60)}…` : text;
