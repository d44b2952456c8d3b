/** However much padding a batch has, and whatever stands there: no measured number changes. */

import assert from "node:assert/strict";
import { type ChoiceQuestion } from "../../../core/contracts/mod.ts";
import {
  choiceAccuracy,
  choiceBatches,
  type Evaluator,
  type LabelledBatch,
  type RoutedLoss,
  type TextLoss,
} from "../../../core/eval/mod.ts";
import { bytes, ints } from "../../../core/tensor/mod.ts";
import { drawBatch } from "../../support/tiny_student.ts";
import { ROUTER_NAMES, type RouterName, ROUTERS, withEvaluator } from "./support.ts";

const KINDS = ["even", "odd"];
const POINT = { threshold: 0.1, targetSkip: 0.4 };

/** A batch whose tokens have kinds; those of real tokens do not depend on the width. */
function labelled(lengths: readonly number[], width: number, seed = 1): LabelledBatch {
  const kinds = Uint8Array.from({ length: lengths.length * width }, (_, i) => i % width % 2);
  return {
    ...drawBatch(lengths, width, seed),
    kinds: bytes([lengths.length, width], kinds),
  };
}

const numbersOf = ({ loss, tokens, sequences }: TextLoss) => ({ loss, tokens, sequences });

function routedNumbers(result: RoutedLoss) {
  const { layerActivity, activeLayers, skipRatio, entropy, collapse, byKind } = result.statistics;
  return {
    ...numbersOf(result),
    layerActivity,
    activeLayers,
    skipRatio,
    entropy,
    collapse,
    byKind,
  };
}

/** All that is measured on these batches. */
async function measured(evaluator: Evaluator, batches: readonly LabelledBatch[]) {
  return {
    base: numbersOf(await evaluator.base(batches)),
    fullDepth: numbersOf(await evaluator.fullDepth(batches)),
    routed: routedNumbers(await evaluator.routed(batches, POINT)),
    sampled: routedNumbers(
      await evaluator.sampled(batches, { temperature: 0.9, targetSkip: 0.4 }),
    ),
    threshold: (await evaluator.calibrate(batches, 0.4)).threshold,
  };
}

const measure = (
  name: RouterName,
  batches: readonly LabelledBatch[],
) => {
  const [rows, length] = batches[0]!.tokens.shape as [number, number];
  return withEvaluator(
    ROUTERS[name],
    [rows, length],
    (evaluator) => measured(evaluator, batches),
    { kinds: KINDS },
  );
};

/** Fails unless both have the same numbers, but for the order in which sums are taken. */
function assertSame(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected === "number") {
    const difference = Math.abs(actual as number - expected);
    assert.ok(
      difference <= 1e-10 * Math.max(1, Math.abs(expected)),
      `${what}: ${actual}, ${expected}`,
    );
  } else if (typeof expected === "object" && expected !== null) {
    assert.deepEqual(Object.keys(actual as object), Object.keys(expected), what);
    for (const [key, value] of Object.entries(expected)) {
      assertSame((actual as Record<string, unknown>)[key], value, `${what}.${key}`);
    }
  } else assert.equal(actual, expected, what);
}

/** The same real tokens with other ones where padding stands. */
function withOtherPadding(batch: LabelledBatch): LabelledBatch {
  const other = (tensor: LabelledBatch["tokens"]) =>
    ints(
      tensor.shape,
      Array.from(tensor.data, (id, i) => batch.tokenMask.data[i] === 1 ? id : (id + 7) % 32),
    );
  return { ...batch, tokens: other(batch.tokens), targets: other(batch.targets) };
}

for (const name of ROUTER_NAMES) {
  Deno.test(`${name}: wider rows with the same tokens measure the same`, async () => {
    // Noise is drawn row after row, so the first row's is the same whatever the width.
    const batches = (width: number) => [labelled([5], width, 1), labelled([4], width, 2)];
    const plain = await measure(name, batches(5));
    assertSame(await measure(name, batches(8)), plain, name);
    assert.equal(plain.routed.tokens, 9);
    assert.equal(plain.routed.byKind.length, 2);
  });

  Deno.test(`${name}: what stands in padding changes nothing, nor do rows of it`, async () => {
    const batch = labelled([5, 0, 3], 6);
    const plain = await measure(name, [batch]);
    assertSame(await measure(name, [withOtherPadding(batch)]), plain, name);
    const more = labelled([5, 0, 3, 0, 0], 6);
    assertSame(await measure(name, [more]), plain, name);
  });
}

for (const name of ROUTER_NAMES.filter((name) => ROUTERS[name].decidesBy !== "chance")) {
  Deno.test(`${name}: sequences side by side measure as they do one by one`, async () => {
    const { sampled: _together, ...together } = await measure(name, [labelled([5, 3, 6], 6)]);
    // Row i of a batch is drawn from the i-th stream; here each has a batch to itself.
    const rows = [0, 1, 2].map((row) => rowOf(labelled([5, 3, 6], 6), row));
    const { sampled: _alone, ...alone } = await measure(name, rows);
    assertSame(alone, together, name);
  });
}

/** One row of a batch, as a batch. */
function rowOf(batch: LabelledBatch, row: number): LabelledBatch {
  const cut = <Tensor extends LabelledBatch["tokens"]>({ shape, data, dtype }: Tensor) => ({
    dtype,
    shape: [1, shape[1]!],
    data: data.slice(row * shape[1]!, (row + 1) * shape[1]!),
  });
  return Object.fromEntries(
    Object.entries(batch).map(([key, tensor]) => [key, cut(tensor)]),
  ) as unknown as LabelledBatch;
}

const letters = {
  bosId: 0,
  eosId: undefined,
  encode: (text: string) => Int32Array.from(text, (letter) => letter.charCodeAt(0) - 96),
};
const QUESTIONS: readonly ChoiceQuestion[] = Array.from("abcdefgh", (letter, i) => ({
  prompt: `${letter}kl`,
  choices: ["mn", "o", "pqr"],
  answer: i % 3,
}));

for (const name of ROUTER_NAMES) {
  Deno.test(`${name}: questions in wider rows get the same losses and answers`, async () => {
    const asked = (length: number, batchSize: number) =>
      withEvaluator(ROUTERS[name], [batchSize, length], async (evaluator) => {
        const choices = choiceBatches(QUESTIONS, letters, { batchSize, length, most: 20 });
        const result = await evaluator.routed(choices.batches, POINT);
        return { ...routedNumbers(result), accuracy: choiceAccuracy(choices, result)! };
      });
    const plain = await asked(6, 1);
    assert.equal(plain.sequences.length, 24);
    assertSame(await asked(9, 1), plain, name);
    // Batches of five leave a row over that is not there; a router of chance draws otherwise for them.
    if (ROUTERS[name].decidesBy !== "chance") assertSame(await asked(7, 5), plain, name);
  });
}
