/**
 * Tasks over the microworld, in the shapes of MMLU, ARC, GSM8K and WikiText, so that everything can be
 * tried without a download. Questions are of the test split; nothing of them is in any document.
 */

import { z } from "zod";
import { type Split, type Task, type TaskDataset } from "../../../core/contracts/mod.ts";
import {
  checkedRow,
  choiceTask,
  generationTask,
  perplexityTask,
  piecesBetweenSpace,
} from "../../../core/eval/harness/mod.ts";
import { microworld } from "./corpus.ts";
import { type QuestionKind, questions, transcript } from "./questions.ts";

/** Documents of `micro_ppl`. */
const DOCUMENTS = 200;

function questionsOf(kind: QuestionKind): TaskDataset {
  return {
    folder: `microworld ${kind}`,
    rows: function* (split) {
      for (const asked of questions(kind, split as Split)) yield { ...asked };
    },
  };
}

const shots = { split: "train", count: 0, draw: "random" } as const;

const choice = z.object({
  question: z.string(),
  choices: z.array(z.string()).min(2),
  answer: z.string(),
});

type Choice = z.output<typeof choice>;

function choices(name: string, kind: QuestionKind, description: string): Task {
  return choiceTask<Choice>({
    name,
    description,
    version: 1,
    dataset: questionsOf(kind),
    split: "test",
    shots,
    document: (row) => checkedRow(choice, row),
    question: (doc) => transcript(doc).prompt,
    choices: (doc) => doc.choices.map((answer) => `${answer}.`),
    gold: (doc) => doc.choices.indexOf(doc.answer),
    normalized: true,
  }) as Task;
}

const written = z.object({ question: z.string(), answer: z.string(), worked: z.string() });

type Written = z.output<typeof written>;

/** What stands after the last "The answer is". */
function finalAnswer(text: string): string {
  return /^[^]*The answer is ([^.\n]*)/.exec(text)?.[1] ?? "[none]";
}

const text = z.object({ text: z.string() });

/** Facts, reasoning, sums and perplexity. */
export const microTasks: readonly Task[] = [
  choices("micro_facts", "facts", "microworld: knowledge of its facts, four choices"),
  choices("micro_reason", "reason", "microworld: conclusions from facts and texts, four choices"),
  generationTask<Written>({
    name: "micro_math",
    description: "microworld: word problems, answered in writing",
    version: 1,
    dataset: questionsOf("math"),
    split: "test",
    shots,
    document: (row) => checkedRow(written, row),
    question: (doc) => transcript(doc).prompt,
    target: (doc) => transcript(doc).continuation.trimStart(),
    until: ["\n", "Question:"],
    maxTokens: 48,
    filters: { "final-answer": finalAnswer },
    compared: (answer) => answer.includes("The answer is") ? finalAnswer(answer) : answer,
  }) as Task,
  perplexityTask<{ text: string }>({
    name: "micro_ppl",
    description: "microworld: perplexity of its test documents",
    version: 1,
    dataset: {
      folder: "microworld documents",
      rows: function* (split) {
        let count = 0;
        for (const document of microworld().documents(split as Split)) {
          if (count++ === DOCUMENTS) return;
          yield { text: document.text };
        }
      },
    },
    split: "test",
    document: (row) => checkedRow(text, row),
    text: (doc) => doc.text,
    words: (doc) => piecesBetweenSpace(doc.text),
    bytes: (doc) => new TextEncoder().encode(doc.text).length,
  }) as Task,
];
