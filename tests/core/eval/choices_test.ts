/** Questions with choices, laid out as batches, and the answers read from their losses. */

import assert from "node:assert/strict";
import { type ChoiceQuestion } from "../../../core/contracts/mod.ts";
import {
  choiceAccuracy,
  choiceBatches,
  type LabelledBatch,
  LossSum,
} from "../../../core/eval/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";

/** One id for each letter: a is 1. A space is 30, and texts start with 40. */
const letters = {
  bosId: 40,
  eosId: undefined,
  encode: (text: string) =>
    Int32Array.from(text, (letter) => letter === " " ? 30 : letter.charCodeAt(0) - 96),
};

const WHO: ChoiceQuestion = { prompt: "ab", choices: [" c", " de"], answer: 1 };
const WHERE: ChoiceQuestion = { prompt: "f", choices: [" g", " h", " i"], answer: 0 };

const row = ({ data, shape }: HostTensor, index: number) => [
  ...data.slice(index * shape[1]!, (index + 1) * shape[1]!),
];

/** Every row of every batch: what it reads, what it must say, and its masks. */
function rowsOf(batches: readonly LabelledBatch[]) {
  return batches.flatMap(({ tokens, targets, tokenMask, promptMask, scoreMask }) =>
    Array.from({ length: tokens.shape[0]! }, (_, i) => ({
      tokens: row(tokens, i),
      targets: row(targets, i),
      real: row(tokenMask, i),
      prompt: row(promptMask!, i),
      scored: row(scoreMask!, i),
    }))
  );
}

const lay = (
  questions: Iterable<ChoiceQuestion>,
  shape = { batchSize: 2, length: 6, most: 10 },
  tokenizer: Parameters<typeof choiceBatches>[1] = letters,
) => choiceBatches(questions, tokenizer, shape);

Deno.test("a row is separator, prompt and continuation, and only the continuation is scored", () => {
  const { batches, questions } = lay([WHO]);
  assert.deepEqual(questions, [{ rows: 2, answer: 1 }]);
  assert.deepEqual(rowsOf(batches), [
    {
      tokens: [40, 1, 2, 30, 0, 0],
      targets: [1, 2, 30, 3, 0, 0],
      real: [1, 1, 1, 1, 0, 0],
      prompt: [1, 1, 1, 0, 0, 0],
      // The prompt's last token says the continuation's first.
      scored: [0, 0, 1, 1, 0, 0],
    },
    {
      tokens: [40, 1, 2, 30, 4, 0],
      targets: [1, 2, 30, 4, 5, 0],
      real: [1, 1, 1, 1, 1, 0],
      prompt: [1, 1, 1, 0, 0, 0],
      scored: [0, 0, 1, 1, 1, 0],
    },
  ]);
  for (const { tokens, targets, tokenMask } of batches) {
    assert.deepEqual(
      [tokens.dtype, targets.dtype, tokenMask.dtype],
      ["int32", "int32", "float32"],
    );
  }
});

Deno.test("the separator is the id that texts begin with, else the one that ends them, else none", () => {
  const first = (tokenizer: Parameters<typeof choiceBatches>[1]) =>
    rowsOf(lay([WHO], undefined, tokenizer).batches)[0]!;
  assert.equal(first({ ...letters, bosId: 0, eosId: 7 }).tokens[0], 0, "0 is an id like any other");
  assert.equal(first({ ...letters, bosId: undefined, eosId: 7 }).tokens[0], 7);
  const bare = first({ ...letters, bosId: undefined });
  assert.deepEqual(bare.tokens.slice(0, 3), [1, 2, 30]);
  assert.deepEqual(bare.prompt, [1, 1, 0, 0, 0, 0]);
  assert.deepEqual(bare.scored, [0, 1, 1, 0, 0, 0]);
});

Deno.test("rows run on over the borders of batches, and what is missing counts for nothing", () => {
  const { batches, questions } = lay([WHO, WHERE]);
  assert.deepEqual(questions.map(({ rows }) => rows), [2, 3]);
  assert.equal(batches.length, 3, "five rows in batches of two");
  const rows = rowsOf(batches);
  assert.deepEqual(rows.map(({ targets, real }) => targets[real.lastIndexOf(1)]), [
    3,
    5,
    7,
    8,
    9,
    undefined,
  ]);
  const missing = rows.at(-1)!;
  for (const mask of [missing.real, missing.prompt, missing.scored]) {
    assert.deepEqual(mask, [0, 0, 0, 0, 0, 0]);
  }
});

Deno.test("a question is left out whole when one of its choices is too long for a row", () => {
  const long: ChoiceQuestion = { prompt: "a", choices: [" b", " bcdefg"], answer: 0 };
  const { batches, questions } = lay([long, WHERE]);
  assert.deepEqual(questions, [{ rows: 3, answer: 0 }]);
  assert.equal(rowsOf(batches)[0]!.tokens[1], 6, "the first row is of the other question");
  // A row of length T holds T + 1 ids: the last is a target only.
  const full: ChoiceQuestion = { prompt: "a", choices: [" bcdef", " b"], answer: 0 };
  assert.equal(lay([full], { batchSize: 2, length: 7, most: 1 }).questions.length, 1);
  assert.equal(lay([full], { batchSize: 2, length: 6, most: 1 }).questions.length, 0);
});

Deno.test("a question is left out when a choice adds no token: no loss would stand for it", () => {
  const empty: ChoiceQuestion = { prompt: "ab", choices: [" c", ""], answer: 0 };
  assert.deepEqual(lay([empty, WHERE]).questions, [{ rows: 3, answer: 0 }]);
  const bare = { ...letters, bosId: undefined };
  const unprompted: ChoiceQuestion = { prompt: "", choices: ["a", "bc"], answer: 0 };
  assert.deepEqual(lay([unprompted], undefined, bare).questions, []);
  assert.equal(lay([unprompted]).questions.length, 1, "a separator says the first token");
});

Deno.test("no more questions are read than are asked for", () => {
  let read = 0;
  function* endless() {
    for (;;) {
      read++;
      yield WHO;
    }
  }
  assert.equal(lay(endless(), { batchSize: 2, length: 6, most: 3 }).questions.length, 3);
  assert.equal(read, 3);
  assert.deepEqual(lay(endless(), { batchSize: 2, length: 6, most: 0 }), {
    batches: [],
    questions: [],
  });
  assert.equal(read, 3, "none is read for none");
});

Deno.test("accuracy is the share of questions whose right choice has the lowest sum", () => {
  const asked = lay([WHO, WHERE, WHERE]);
  const sequences = (...sums: number[]) => ({
    sequences: sums.map((sum, i) => ({ sum, tokens: 1 + i % 2 })),
  });
  // By its sum, not by its mean: the second choice of the first question has two tokens.
  assert.equal(choiceAccuracy(asked, sequences(3, 5, 1, 2, 3, 1, 2, 3)), 2 / 3);
  assert.equal(choiceAccuracy(asked, sequences(5, 3, 1, 2, 3, 1, 2, 3)), 1);
  assert.equal(choiceAccuracy(asked, sequences(5, 3, 2, 1, 3, 3, 2, 1)), 1 / 3);
  assert.equal(choiceAccuracy(asked, sequences(3, 5, 2, 1, 3, 3, 2, 1)), 0);
});

Deno.test("without questions there is no accuracy", () => {
  assert.equal(choiceAccuracy(lay([]), { sequences: [] }), undefined);
});

Deno.test("losses of rows reach their questions whatever the size of a batch", () => {
  // A loss for each token that is known from it, so that a mix-up of rows changes the answers.
  const lossOf = ({ targets }: LabelledBatch) =>
    floats(targets.shape, Array.from(targets.data, (id) => [5, 7].includes(id) ? 0.25 : 1));
  const questions = [WHO, WHERE, { ...WHERE, answer: 2 }, WHO];
  for (const batchSize of [1, 2, 3, 4, 20]) {
    const asked = lay(questions, { batchSize, length: 6, most: 9 });
    const sum = new LossSum();
    for (const batch of asked.batches) sum.add(lossOf(batch), batch.scoreMask!);
    const { sequences } = sum.result;
    assert.equal(sequences.length, 10, "the rows that were missing have no loss");
    // WHO: 1 + 1 against 1 + 1 + 0.25, so wrong; WHERE: g is the cheapest.
    assert.deepEqual(sequences.slice(0, 4).map((one) => one.sum), [2, 2.25, 1.25, 2]);
    assert.equal(choiceAccuracy(asked, sum.result), 1 / 4);
  }
});
