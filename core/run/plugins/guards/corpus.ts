/** Corpora of plugins: documents and questions that are such. */

import {
  type ChoiceQuestion,
  type Corpus,
  type Document,
  type OpenCorpus,
  PluginFault,
} from "../../../contracts/mod.ts";
import { awaitPlugin, requireFunctions, shown } from "./call.ts";
import { checkedItems } from "./items.ts";
import { membersOf } from "./members.ts";
import { isText, isTexts } from "./values.ts";

/** A corpus whose calls are checked. @param owner whose it is, for messages */
export function guardCorpus(open: OpenCorpus, name: string, owner: string): OpenCorpus {
  const what = `${owner}: corpus "${name}"`;
  return async (repositories) => {
    const corpus = await awaitPlugin(what, () => open(repositories));
    requireFunctions(`${what}: what it opens`, corpus, ["documents"]);
    if (!isText(corpus.name)) {
      throw new PluginFault(`${what}: its name is ${shown(corpus.name)}; give a text`);
    }
    if (!isTexts(corpus.kinds)) {
      throw new PluginFault(
        `${what}: "kinds" is ${
          shown(corpus.kinds)
        }, which is no list of names; give [] where tokens ` +
          "have no labels",
      );
    }
    return guarded(corpus, what);
  };
}

function guarded(corpus: Corpus, what: string): Corpus {
  const { name, kinds, questions } = corpus;
  // Whatever has no label is of kind 0, which need not have a name.
  const kindCount = Math.max(1, kinds.length);
  return membersOf<Corpus>({
    name,
    kinds,
    documents: (split) =>
      checkedItems(
        `${what}.documents("${split}")`,
        () => corpus.documents(split),
        (document) => isDocument(document, kindCount),
        "{ text, spans? }, its spans in order within the text and of kinds that there are",
      ),
    questions: questions && ((split) =>
      checkedItems(
        `${what}.questions("${split}")`,
        () => questions.call(corpus, split),
        isQuestion,
        "{ prompt, choices, answer }, the choices different and the answer one of their places",
      )),
  });
}

function isDocument(document: Document, kindCount: number): boolean {
  if (typeof document?.text !== "string") return false;
  const { text, spans = [] } = document;
  return Array.isArray(spans) && spans.every((span, i) => {
    const { start, end, kind } = span ?? {};
    return [start, end, kind].every(Number.isInteger) &&
      start >= (spans[i - 1]?.end ?? 0) && end > start && end <= text.length &&
      kind >= 0 && kind < kindCount;
  });
}

function isQuestion(question: ChoiceQuestion): boolean {
  if (typeof question?.prompt !== "string" || !isTexts(question.choices)) return false;
  const { choices, answer } = question;
  return new Set(choices).size === choices.length && Number.isInteger(answer) &&
    choices[answer] !== undefined;
}
