/** How sure a difference is: the paired bootstrap against what is known. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { pairedDifference, type SequenceLoss } from "../../../core/eval/mod.ts";
import { RandomStream } from "../../../core/tensor/mod.ts";

const losses = (...sequences: readonly (readonly [sum: number, tokens: number])[]) => ({
  sequences: sequences.map(([sum, tokens]): SequenceLoss => ({ sum, tokens })),
});

Deno.test("the difference is that of the two losses in nats per token", () => {
  const a = losses([10, 4], [3, 1], [8, 5]);
  const b = losses([9, 4], [1, 1], [9, 5]);
  assert.equal(pairedDifference(a, b).value, 2 / 10);
  assert.equal(pairedDifference(b, a).value, -2 / 10);
});

Deno.test("a difference that is the same for every token is certain", () => {
  const a = losses([10, 4], [4, 2], [7, 1]);
  const b = losses([8, 4], [3, 2], [6.5, 1]);
  assert.deepEqual(pairedDifference(a, b), { value: 0.5, low: 0.5, high: 0.5 });
  assert.deepEqual(pairedDifference(a, a), { value: 0, low: 0, high: 0 });
});

Deno.test("what both have in common does not widen the interval", () => {
  // Texts differ in difficulty by nats, the two models by hundredths.
  const random = new RandomStream(1, "difficulty");
  const texts = Array.from({ length: 50 }, () => 100 + 50 * random.normal());
  const a = losses(...texts.map((sum) => [sum + 0.2 + 0.05 * random.normal(), 10] as const));
  const b = losses(...texts.map((sum) => [sum, 10] as const));
  const { value, low, high } = pairedDifference(a, b);
  assert.ok(high - low < 0.01, `the interval is ${high - low} wide`);
  assert.ok(low > 0 && low <= value && value <= high);
});

Deno.test("the interval holds the value, repeats with its seed and turns with the order", () => {
  const sequence = fc.record({
    a: fc.integer({ min: 0, max: 40 }),
    b: fc.integer({ min: 0, max: 40 }),
    tokens: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(sequence, { minLength: 8, maxLength: 30 }), (all) => {
      const a = losses(...all.map(({ a, tokens }) => [a, tokens] as const));
      const b = losses(...all.map(({ b, tokens }) => [b, tokens] as const));
      const one = pairedDifference(a, b, 3);
      assert.ok(one.low <= one.value && one.value <= one.high, JSON.stringify(one));
      assert.deepEqual(pairedDifference(a, b, 3), one);
      // The same resamples, mirrored.
      const turned = pairedDifference(b, a, 3);
      assert.ok(Math.abs(turned.value + one.value) < 1e-12);
      assert.ok(Math.abs(turned.low + one.high) < 1e-12);
      assert.ok(Math.abs(turned.high + one.low) < 1e-12);
    }),
    { seed: 2, numRuns: 25 },
  );
});

Deno.test("another seed draws other resamples of about the same width", () => {
  const random = new RandomStream(4, "sequences");
  const a = losses(...Array.from({ length: 100 }, () => [random.normal(), 1] as const));
  const b = losses(...Array.from({ length: 100 }, () => [0, 1] as const));
  const [one, other] = [pairedDifference(a, b, 1), pairedDifference(a, b, 2)];
  assert.equal(one.value, other.value);
  assert.notDeepEqual([one.low, one.high], [other.low, other.high]);
  // A mean of a hundred normal draws has a standard error of 0.1: 0.39 from end to end.
  for (const { low, high } of [one, other]) {
    assert.ok(Math.abs(high - low - 0.39) < 0.1, `${high - low} wide`);
  }
});

Deno.test("of simulated comparisons some 95% of the intervals hold the true difference", () => {
  const [comparisons, sequences, truth] = [300, 40, 0.3];
  let held = 0;
  for (let i = 0; i < comparisons; i++) {
    const random = new RandomStream(20, "comparison", i);
    // Sequences of unequal length, noise that both share, and noise of each one's own.
    const drawn = Array.from({ length: sequences }, () => {
      const tokens = 10 + random.below(30);
      const shared = tokens * (3 + random.normal());
      const own = () => 0.5 * tokens * random.normal();
      return { tokens, a: shared + truth * tokens + own(), b: shared + own() };
    });
    const { low, high } = pairedDifference(
      losses(...drawn.map(({ a, tokens }) => [a, tokens] as const)),
      losses(...drawn.map(({ b, tokens }) => [b, tokens] as const)),
      i,
    );
    if (low <= truth && truth <= high) held++;
  }
  // 0.95 give or take three standard errors of 0.0126, and the bootstrap is a little narrow for 40.
  const share = held / comparisons;
  assert.ok(share > 0.9 && share < 0.99, `${share} of the intervals hold it`);
});

Deno.test("losses over other sequences are refused", () => {
  const a = losses([1, 2], [3, 4]);
  const refused = { name: "RangeError", message: /not over the same sequences/ };
  assert.throws(() => pairedDifference(a, losses([1, 2], [3, 5])), refused);
  assert.throws(() => pairedDifference(a, losses([1, 2])), refused);
  assert.throws(() => pairedDifference(losses([1, 2]), a), refused);
});
