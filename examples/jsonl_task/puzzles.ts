/**
 * A task whose questions are lines of a JSON file, each with its choices and the index of the right
 * one:
 *
 *   {"question": "Which is a gas?", "choices": ["ice", "steam"], "answer": 1}
 */

import { checkedRow, choiceTask, definePlugin, UserError } from "@dlr/dlr";
import { z } from "zod";

const schema = z.object({
  question: z.string().min(1),
  choices: z.array(z.string().min(1)).min(2),
  answer: z.int().min(0),
});

type Question = z.output<typeof schema>;

/** The questions of `puzzles/test.jsonl`, in the folder that `--data-dir` names. */
export const puzzles = choiceTask<Question>({
  name: "puzzles",
  description: "sorting, sums and who wears what, from a JSON lines file",
  version: 1,
  dataset: { folder: "puzzles" },
  split: "test",
  shots: { split: "train", count: 0, draw: "first" },
  document(row) {
    const doc = checkedRow(schema, row);
    if (doc.answer < doc.choices.length) return doc;
    throw new UserError(
      `column "answer": ${doc.answer} is no index of ${doc.choices.length} choices; they count from 0`,
    );
  },
  question: ({ question }) => `Question: ${question}\nAnswer:`,
  choices: ({ choices }) => choices.map((choice) => `${choice}.`),
  gold: ({ answer }) => answer,
  normalized: true,
});

export default definePlugin({ name: "puzzles", tasks: [puzzles] });
