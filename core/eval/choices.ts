/** Questions with choices, as batches of text: the likeliest continuation is the answer. */

import { type ChoiceQuestion } from "../contracts/mod.ts";
import { type Tokenizer } from "../io/mod.ts";
import { floats, ints } from "../tensor/mod.ts";
import { type LabelledBatch } from "./evaluator.ts";
import { type TextLoss } from "./text_loss.ts";

/** Questions ready to be asked: one row of text for each choice. */
export interface ChoiceBatches {
  readonly batches: readonly LabelledBatch[];
  /** Per question, in order: how many rows it has, and which of them is right. */
  readonly questions: readonly { readonly rows: number; readonly answer: number }[];
}

interface Row {
  /** Separator, prompt and continuation. */
  readonly ids: readonly number[];
  /** Leading ids that are not the continuation's. */
  readonly promptLength: number;
}

/**
 * Lays questions out in batches. One that is too long for a row is left out, and so is one with a
 * choice that has no token of its own to be scored.
 *
 * @param most stops after this many questions
 */
export function choiceBatches(
  questions: Iterable<ChoiceQuestion>,
  tokenizer: Pick<Tokenizer, "encode" | "bosId" | "eosId">,
  { batchSize, length, most }: {
    readonly batchSize: number;
    readonly length: number;
    readonly most: number;
  },
): ChoiceBatches {
  const separator = tokenizer.bosId ?? tokenizer.eosId;
  const start = separator === undefined || separator === null ? [] : [separator];
  const rows: Row[] = [];
  const asked: { rows: number; answer: number }[] = [];
  if (most > 0) {
    for (const { prompt, choices, answer } of questions) {
      const promptLength = start.length + tokenizer.encode(prompt).length;
      const own = choices.map((choice) => ({
        ids: [...start, ...tokenizer.encode(prompt + choice)],
        promptLength,
      }));
      const scored = Math.max(promptLength, 1); // the first id has nothing before it to say it
      if (own.some(({ ids }) => ids.length - 1 > length || ids.length <= scored)) continue;
      rows.push(...own);
      asked.push({ rows: own.length, answer });
      if (asked.length >= most) break;
    }
  }
  const batches: LabelledBatch[] = [];
  for (let at = 0; at < rows.length; at += batchSize) {
    batches.push(batchOf(rows.slice(at, at + batchSize), batchSize, length));
  }
  return { batches, questions: asked };
}

/** Rows filled up on the right; rows that are missing hold one token that counts for nothing. */
function batchOf(rows: readonly Row[], batchSize: number, length: number): LabelledBatch {
  const shape = [batchSize, length];
  const batch = {
    tokens: ints(shape),
    targets: ints(shape),
    tokenMask: floats(shape),
    promptMask: floats(shape),
    scoreMask: floats(shape),
  };
  rows.forEach(({ ids, promptLength }, row) => {
    for (let t = 0; t + 1 < ids.length; t++) {
      const at = row * length + t;
      batch.tokens.data[at] = ids[t]!;
      batch.targets.data[at] = ids[t + 1]!;
      batch.tokenMask.data[at] = 1;
      batch.promptMask.data[at] = t < promptLength ? 1 : 0;
      // The prompt's last token is the one that says the continuation's first.
      batch.scoreMask.data[at] = t + 1 < promptLength ? 0 : 1;
    }
  });
  return batch;
}

/** Share of questions whose right answer is the likeliest; `undefined` without questions. */
export function choiceAccuracy(
  { questions }: ChoiceBatches,
  { sequences }: Pick<TextLoss, "sequences">,
): number | undefined {
  if (questions.length === 0) return undefined;
  let right = 0;
  let row = 0;
  for (const { rows, answer } of questions) {
    const sums = sequences.slice(row, row + rows).map(({ sum }) => sum);
    if (sums.indexOf(Math.min(...sums)) === answer) right++;
    row += rows;
  }
  return right / questions.length;
}
