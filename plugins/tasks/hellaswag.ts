/**
 * HellaSwag (Zellers et al. 2019, arXiv 1905.07830): which of four endings a text goes on with.
 * Counted as lm-evaluation-harness counts it (version 1); its leaderboards take 10 examples.
 */

import { z } from "zod";
import { type Task, UserError } from "../../core/contracts/mod.ts";
import { capitalize, checkedRow, choiceTask, strip } from "../../core/eval/harness/mod.ts";

const schema = z.object({
  "activity_label": z.string(),
  "ctx_a": z.string(),
  "ctx_b": z.string(),
  endings: z.array(z.string()).length(4),
  label: z.string(),
});

interface Question {
  readonly query: string;
  readonly choices: readonly string[];
  readonly gold: number;
}

/** Without the marks of WikiHow. */
export function cleaned(text: string): string {
  return strip(text)
    .replaceAll(" [title]", ". ")
    .replaceAll(/\[[^\n]*?\]/gu, "")
    .replaceAll("  ", " ");
}

/** Endings of descriptions and instructions. */
export const hellaswag: Task = choiceTask<Question>({
  name: "hellaswag",
  description: "which ending a text goes on with",
  version: 1,
  dataset: { folder: "hellaswag", hub: "Rowan/hellaswag" },
  split: "validation",
  shots: { split: "train", count: 0, draw: "random-other" },
  document(row) {
    const given = checkedRow(schema, row);
    const gold = Number(given.label);
    if (!/^[0-3]$/.test(given.label)) {
      throw new UserError(`column "label": "${given.label}" is none of 0, 1, 2, 3`);
    }
    const context = `${given.ctx_a} ${capitalize(given.ctx_b)}`;
    const query = cleaned(`${given.activity_label}: ${context}`);
    return { ...row, query, choices: given.endings.map(cleaned), gold };
  },
  question: ({ query }) => query,
  choices: ({ choices }) => choices,
  gold: ({ gold }) => gold,
  normalized: true,
}) as Task;
