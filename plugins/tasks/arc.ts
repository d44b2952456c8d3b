/**
 * ARC (Clark et al. 2018, arXiv 1803.05457): questions of science tests, each choice scored in its
 * full text. Counted as lm-evaluation-harness counts it (version 1).
 */

import { z } from "zod";
import { type Task, UserError } from "../../core/contracts/mod.ts";
import { checkedRow, choiceTask } from "../../core/eval/harness/mod.ts";

const schema = z.object({
  question: z.string(),
  choices: z.object({ text: z.array(z.string()).min(1), label: z.array(z.string()).min(1) }),
  answerKey: z.string(),
});

type Question = z.output<typeof schema>;

function arcTask(name: string, config: string, description: string): Task {
  const gold = ({ choices, answerKey }: Question) => choices.label.indexOf(answerKey);
  return choiceTask<Question>({
    name,
    description,
    version: 1,
    dataset: { folder: "arc", hub: "allenai/ai2_arc", config },
    split: "test",
    shots: { split: "train", count: 0, draw: "random" },
    document(row) {
      const doc = checkedRow(schema, row);
      const { text, label } = doc.choices;
      if (text.length !== label.length) {
        throw new UserError(`column "choices": ${text.length} texts for ${label.length} labels`);
      }
      if (gold(doc) >= 0) return doc;
      throw new UserError(`column "answerKey": "${doc.answerKey}" is none of ${label.join(", ")}`);
    },
    question: ({ question }) => `Question: ${question}\nAnswer:`,
    choices: ({ choices }) => choices.text,
    gold,
    normalized: true,
  }) as Task;
}

/** Both parts of ARC. */
export const arcTasks: readonly Task[] = [
  arcTask("arc_challenge", "ARC-Challenge", "science questions that simple methods get wrong"),
  arcTask("arc_easy", "ARC-Easy", "science questions, the easier part"),
];
