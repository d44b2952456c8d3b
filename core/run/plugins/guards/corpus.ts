/** Corpora of plugins: documents and questions that are such. */

import {
  type ChoiceQuestion,
  type Corpus,
  type Document,
  type OpenCorpus,
} from "../../../contracts/mod.ts";
import { answered, callPlugin, PluginFault } from "./call.ts";

/** A corpus whose calls are checked. @param owner whose it is, for messages */
export function guardCorpus(open: OpenCorpus, name: string, owner: string): OpenCorpus {
  const what = `${owner}: corpus "${name}"`;
  return async (repositories) => {
    const corpus = await answered((async () => await open(repositories))(), what);
    if (typeof corpus?.documents !== "function") {
      throw new PluginFault(`${what}: what it opens has no function "documents"`);
    }
    if (!Array.isArray(corpus.kinds)) {
      throw new PluginFault(`${what}: "kinds" is no list; give [] where tokens have no labels`);
    }
    return guarded(corpus, what);
  };
}

function guarded(corpus: Corpus, what: string): Corpus {
  return {
    name: corpus.name,
    kinds: corpus.kinds,
    documents: (split) =>
      checked(
        callPlugin(`${what}.documents`, () => corpus.documents(split)),
        `${what}.documents("${split}")`,
        isDocument,
        "{ text, spans? }",
      ),
    ...(corpus.questions === undefined ? {} : {
      questions: (split) =>
        checked(
          callPlugin(`${what}.questions`, () => corpus.questions!(split)),
          `${what}.questions("${split}")`,
          isQuestion,
          "{ prompt, choices, answer }",
        ),
    } satisfies Partial<Corpus>),
  };
}

/** The same values, each looked at before it is used. */
function* checked<T>(
  values: Iterable<T>,
  what: string,
  isRight: (value: T) => boolean,
  expected: string,
): Generator<T> {
  const iterator = callPlugin(what, () => values[Symbol.iterator]());
  for (let index = 0;; index++) {
    const next = callPlugin(what, () => iterator.next());
    if (next.done) return;
    if (!isRight(next.value)) {
      const shown = JSON.stringify(next.value)?.slice(0, 80);
      throw new PluginFault(`${what} yielded ${shown} at ${index}; it should be ${expected}`);
    }
    yield next.value;
  }
}

function isDocument(document: Document): boolean {
  if (typeof document?.text !== "string") return false;
  const { text, spans = [] } = document;
  return spans.every(({ start, end, kind }, i) =>
    start >= (spans[i - 1]?.end ?? 0) && end > start && end <= text.length && kind >= 0
  );
}

function isQuestion(question: ChoiceQuestion): boolean {
  return typeof question?.prompt === "string" && Array.isArray(question.choices) &&
    question.choices.every((choice) => typeof choice === "string") &&
    question.choices[question.answer] !== undefined;
}
