/**
 * WinoGrande (Sakaguchi et al. 2019, arXiv 1907.10641): whom a sentence is about, by how likely its
 * rest is after each name. Counted as lm-evaluation-harness counts it (version 1); its leaderboards
 * take 5 examples.
 */

import { z } from "zod";
import { type Task, UserError } from "../../core/contracts/mod.ts";
import { checkedRow, choiceTask, strip } from "../../core/eval/harness/mod.ts";

const schema = z.object({
  sentence: z.string(),
  option1: z.string(),
  option2: z.string(),
  answer: z.enum(["1", "2"]),
});

type Sentence = z.output<typeof schema>;

const options = ({ option1, option2 }: Sentence) => [option1, option2];
const gold = ({ answer }: Sentence) => Number(answer) - 1;

/** The sentence up to its gap, with an option in it. */
function begun({ sentence }: Sentence, option: string): string {
  return sentence.slice(0, sentence.indexOf("_")) + option;
}

/** The sentence after its gap. */
function rest({ sentence }: Sentence): string {
  return strip(sentence.slice(sentence.indexOf("_") + 1));
}

const byOptions = choiceTask<Sentence>({
  name: "winogrande",
  description: "whom a sentence is about",
  version: 1,
  dataset: { folder: "winogrande", hub: "allenai/winogrande", config: "winogrande_xl" },
  split: "validation",
  shots: { split: "train", count: 0, draw: "random-other" },
  document(row) {
    const doc = checkedRow(schema, row);
    if (doc.sentence.includes("_")) return doc;
    throw new UserError(`column "sentence": it has no gap "_": ${doc.sentence}`);
  },
  question: (doc) => begun(doc, options(doc)[gold(doc)]!),
  choices: options,
  gold,
});

/** The same continuation after either name. */
export const winogrande: Task = {
  ...byOptions,
  answer: rest,
  target: rest,
  requests: (doc: Sentence, prefix: string) =>
    options(doc).map((option) => ({
      kind: "loglikelihood",
      context: prefix + begun(doc, option),
      continuation: ` ${rest(doc)}`,
    })),
} as Task;
