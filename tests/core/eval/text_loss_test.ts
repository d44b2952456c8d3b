/** Losses of text: means over tokens, sequence by sequence. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { LossSum } from "../../../core/eval/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { drawBatch } from "../../support/tiny_student.ts";
import { ROUTERS, withEvaluator } from "./support.ts";

Deno.test("a loss is the mean over all tokens that count, not over batches or sequences", () => {
  const sum = new LossSum();
  sum.add(floats([2, 3], [1, 2, 3, 10, 99, 99]), floats([2, 3], [1, 1, 1, 1, 0, 0]));
  sum.add(floats([1, 2], [4, 99]), floats([1, 2], [1, 0]));
  const { loss, perplexity, tokens, sequences } = sum.result;
  assert.equal(tokens, 5);
  assert.equal(loss, 20 / 5);
  assert.equal(perplexity, Math.exp(4));
  assert.deepEqual(sequences, [
    { sum: 6, tokens: 3 },
    { sum: 10, tokens: 1 },
    { sum: 4, tokens: 1 },
  ]);
});

Deno.test("sequences without a token that counts are left out", () => {
  const sum = new LossSum();
  sum.add(floats([3, 2], [1, 2, 50, 60, 3, 4]), floats([3, 2], [0, 1, 0, 0, 1, 1]));
  assert.deepEqual(sum.result.sequences, [{ sum: 2, tokens: 1 }, { sum: 7, tokens: 2 }]);
  assert.equal(sum.result.loss, 3);
});

Deno.test("where batches are cut makes no difference", () => {
  const rows = fc.array(
    fc.array(fc.record({ loss: fc.integer({ min: 0, max: 9 }), counts: fc.boolean() }), {
      minLength: 4,
      maxLength: 4,
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 8 }), (all, size) => {
      const sumOf = (rowsPerBatch: number) => {
        const sum = new LossSum();
        for (let at = 0; at < all.length; at += rowsPerBatch) {
          const own = all.slice(at, at + rowsPerBatch);
          const shape = [own.length, 4];
          const values = (pick: (token: { loss: number; counts: boolean }) => number) =>
            floats(shape, own.flat().map(pick));
          sum.add(values(({ loss }) => loss), values(({ counts }) => counts ? 1 : 0));
        }
        return sum.result;
      };
      const [whole, cut] = [sumOf(all.length), sumOf(size)];
      assert.deepEqual(cut, whole);
      const counted = all.flat().filter(({ counts }) => counts);
      assert.equal(whole.tokens, counted.length);
      const mean = counted.reduce((sum, { loss }) => sum + loss, 0) / counted.length;
      assert.ok(Object.is(whole.loss, mean), `${whole.loss} instead of ${mean}`);
    }),
    { seed: 11, numRuns: 100 },
  );
});

Deno.test("a score mask says which losses count; gates are counted over real tokens all the same", async () => {
  const batch = drawBatch([5, 4], 6);
  const scoreMask = floats([2, 6], [0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
  await withEvaluator(ROUTERS["token-gumbel"], [2, 6], async (evaluator) => {
    const at = { threshold: 0, targetSkip: 0 };
    const whole = await evaluator.routed([batch], at);
    const scored = await evaluator.routed([{ ...batch, scoreMask }], at);
    assert.deepEqual(whole.sequences.map(({ tokens }) => tokens), [5, 4]);
    assert.deepEqual(scored.sequences.map(({ tokens }) => tokens), [2, 1]);
    assert.ok(scored.sequences.every(({ sum }, i) => sum < whole.sequences[i]!.sum));
    assert.equal(scored.statistics.tokens, 9);
    assert.deepEqual(scored.statistics.layerActivity, whole.statistics.layerActivity);
    const ways = [
      await evaluator.base([{ ...batch, scoreMask }]),
      await evaluator.fullDepth([{ ...batch, scoreMask }]),
      await evaluator.under([{ ...batch, scoreMask }], (shape) => floats(shape)),
    ];
    for (const { tokens } of ways) assert.equal(tokens, 3);
  });
});
