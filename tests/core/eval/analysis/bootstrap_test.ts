/** Intervals over sequences: of known width, and none where nothing can be told. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { bootstrapOverSequences, SequenceSums } from "../../../../core/eval/mod.ts";
import { RandomStream } from "../../../../core/tensor/mod.ts";
import { assertNear } from "./support.ts";

/** The mean of values, one a sequence, with its interval. */
function meanOf(values: readonly number[], seed = 0) {
  return bootstrapOverSequences(values.length, seed, (weights) => [
    values.reduce((sum, value, s) => sum + weights[s]! * value, 0) / values.length,
  ])[0]!;
}

const normals = (count: number, seed: number) => {
  const random = new RandomStream(seed, "values");
  return Array.from({ length: count }, () => random.normal());
};

Deno.test("the interval of a mean is as wide as its standard error says", () => {
  const values = normals(400, 1);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const { value, low, high } = meanOf(values);
  assertNear(value, mean);
  // 2 × 1.96 standard errors, give or take what a thousand resamples leave open.
  const width = 2 * 1.96 * Math.sqrt(variance / values.length);
  assertNear((high! - low!) / width, 1, 0.1);
});

Deno.test("of simulated means some 95% of the intervals hold the true one", () => {
  let held = 0;
  for (let i = 0; i < 200; i++) {
    const { low, high } = meanOf(normals(60, 100 + i), i);
    if (low! <= 0 && 0 <= high!) held++;
  }
  // 0.95 give or take three standard errors of 0.0154.
  assert.ok(held > 0.9 * 200 && held < 0.995 * 200, `${held} of 200`);
});

Deno.test("every resample draws as many sequences as there are", () => {
  const sizes = new Set<number>();
  const different = new Set<string>();
  bootstrapOverSequences(12, 3, (weights) => {
    sizes.add(weights.reduce((sum, weight) => sum + weight, 0));
    different.add(weights.join());
    return [];
  });
  assert.deepEqual([...sizes], [12]);
  assert.ok(different.size > 900);
});

Deno.test("resamples repeat with the seed", () => {
  const values = normals(30, 2);
  assert.deepEqual(meanOf(values, 5), meanOf(values, 5));
  assert.notDeepEqual(meanOf(values, 5), meanOf(values, 6));
});

Deno.test("fewer than ten sequences have values and no intervals; what does not exist has neither", () => {
  for (const few of [1, 2, 9]) {
    assert.deepEqual(bootstrapOverSequences(few, 0, () => [3, NaN]), [{ value: 3 }, undefined]);
  }
  assert.deepEqual(bootstrapOverSequences(10, 0, () => [3]), [{ value: 3, low: 3, high: 3 }]);
  assert.deepEqual(bootstrapOverSequences(0, 0, () => [NaN]), [undefined]);
});

Deno.test("what only one or two sequences carry has no interval", () => {
  const carriedBy = (carriers: number) =>
    bootstrapOverSequences(50, 0, (weights) => {
      let [sum, count] = [0, 0];
      for (let s = 0; s < carriers; s++) {
        sum += weights[s]! * s;
        count += weights[s]!;
      }
      return [sum / count];
    })[0]!;
  assert.deepEqual(carriedBy(1), { value: 0 });
  assert.deepEqual(carriedBy(2), { value: 0.5 });
  const { value, low, high } = carriedBy(20);
  assert.ok(low! < value && value < high!);
});

Deno.test("sums by sequence add up to those of the tokens that are drawn", () => {
  const token = fc.record({
    sequence: fc.integer({ min: 0, max: 4 }),
    column: fc.integer({ min: 0, max: 2 }),
    value: fc.integer({ min: -9, max: 9 }),
  });
  const weights = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(token), weights, (tokens, weights) => {
      const sums = new SequenceSums(5, 3);
      tokens.forEach(({ sequence, column, value }) => sums.add(sequence, column, value));
      const expected = [0, 1, 2].map((column) =>
        tokens.reduce(
          (sum, token) =>
            sum + (token.column === column ? weights[token.sequence]! * token.value : 0),
          0,
        )
      );
      const actual = sums.totals(Float64Array.from(weights));
      assert.ok(
        expected.every((sum, column) => sum === actual[column] || sum + actual[column]! === 0),
      );
    }),
    { seed: 1 },
  );
});
