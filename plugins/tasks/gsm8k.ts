/**
 * GSM8K (Cobbe et al. 2021, arXiv 2110.14168): word problems whose answer is a number at the end of a
 * text that the model writes. Counted as lm-evaluation-harness counts it (version 3).
 */

import { z } from "zod";
import { type Task } from "../../core/contracts/mod.ts";
import { checkedRow, generationTask, strip } from "../../core/eval/harness/mod.ts";

const schema = z.object({ question: z.string(), answer: z.string() });

type Problem = z.output<typeof schema>;

const INVALID = "[invalid]";

/** The number after the first `#### `. */
function strictMatch(text: string): string {
  const found = /#### (-?[0-9.,]+)/.exec(text);
  return found ? strip(found[1]!) : INVALID;
}

/** The last thing that looks like a number. */
function flexibleExtract(text: string): string {
  const found = [...text.matchAll(/(-?[$0-9.,]{2,})|(-?[0-9]+)/g)].at(-1);
  return found ? strip(found[1] ?? found[2]!) : INVALID;
}

/** Without commas, dollar signs, everything up to the last `#### `, and a dot at the end. */
function compared(text: string): string {
  return text
    .replaceAll(",", "")
    .replaceAll("$", "")
    .replace(/^[^]*#### /, "")
    .replace(/\.(?=\n?$)/, "")
    .toLowerCase();
}

/** Grade-school word problems. */
export const gsm8k: Task = generationTask<Problem>({
  name: "gsm8k",
  description: "word problems, answered in writing",
  version: 3,
  dataset: { folder: "gsm8k", hub: "openai/gsm8k", config: "main" },
  split: "test",
  shots: { split: "train", count: 5, draw: "random" },
  document: (row) => checkedRow(schema, row),
  question: ({ question }) => `Question: ${question}\nAnswer:`,
  target: ({ answer }) => answer,
  until: ["Question:", "</s>", "<|im_end|>"],
  maxTokens: 256,
  filters: { "strict-match": strictMatch, "flexible-extract": flexibleExtract },
  compared,
}) as Task;
