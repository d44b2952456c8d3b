/** Intervals over seeds, against tables. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { seedInterval, showSeeds } from "../../../../core/run/sweep/seeds.ts";

const near = (actual: number, expected: number, allowed = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= allowed, `${actual} instead of ${expected}`);

Deno.test("the mean and its 95% interval are those of Student's t", () => {
  // 1 2 3: a standard error of 1 / sqrt(3), and t = 4.303 for two degrees of freedom.
  const three = seedInterval([1, 2, 3]);
  assert.equal(three.value, 2);
  near(three.high - 2, 4.303 / Math.sqrt(3));
  near(2 - three.low, 4.303 / Math.sqrt(3));
  // 4 6: a standard error of 1, and t = 12.706 for one.
  const two = seedInterval([4, 6]);
  near(two.low, 5 - 12.706);
  near(two.high, 5 + 12.706);
  // Darwin's pairs of maize plants in eighths of an inch, as in Fisher's Design of Experiments: mean
  // 20.93, standard error 9.746.
  const pairs = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
  const { value, high } = seedInterval(pairs);
  near(value, 20.933, 0.001);
  near(high - value, 2.145 * 9.746, 0.002);
});

/** Half the interval in standard errors, for this many values. */
function quantileFor(count: number): number {
  const values = Array.from({ length: count }, (_, i) => i % 2);
  const { value, high } = seedInterval(values);
  const variance = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / (count - 1);
  return (high - value) / Math.sqrt(variance / count);
}

/** 97.5% quantiles of Student's t by degrees of freedom, as in tables. */
const TABLE: Readonly<Record<number, number>> = {
  1: 12.706,
  2: 4.303,
  4: 2.776,
  9: 2.262,
  20: 2.086,
  21: 2.0796,
  25: 2.0595,
  30: 2.042,
  60: 2,
  120: 1.98,
  1000: 1.962,
};

for (const [freedom, quantile] of Object.entries(TABLE)) {
  Deno.test(`with ${freedom} degrees of freedom the interval is ${quantile} standard errors`, () =>
    near(quantileFor(Number(freedom) + 1), quantile, 0.0006));
}

Deno.test("more seeds never make the quantile larger", () => {
  for (let count = 3; count < 200; count++) {
    assert.ok(quantileFor(count) < quantileFor(count - 1), `${count} values`);
  }
});

Deno.test("one value has no interval", () => {
  const { value, low, high } = seedInterval([3.25]);
  assert.equal(value, 3.25);
  assert.ok(Number.isNaN(low) && Number.isNaN(high));
});

Deno.test("shifting values shifts the interval, scaling them scales it", () => {
  const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(values, fc.integer({ min: -5, max: 5 }), (all, by) => {
      const own = seedInterval(all);
      const moved = seedInterval(all.map((x) => 2 * x + by));
      near(moved.value, 2 * own.value + by, 1e-9);
      near(moved.high - moved.low, 2 * (own.high - own.low), 1e-9);
    }),
    { seed: 5 },
  );
});

Deno.test("means are shown with their spread, where there is one", () => {
  assert.equal(showSeeds(seedInterval([1, 2, 3]), 3), "2.000 ± 2.484");
  assert.equal(showSeeds(seedInterval([2, 2]), 1), "2.0 ± 0.0");
  assert.equal(showSeeds(seedInterval([1.23456]), 2), "1.23");
});
