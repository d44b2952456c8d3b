/** Which runs are worth having, and how skip and loss go together. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  onFrontier,
  rankCorrelation,
  type SkipPoint,
} from "../../../../core/run/sweep/frontier.ts";

/** Whether `a` is at least as good as `b` in both, and better in one. */
const beats = (a: SkipPoint, b: SkipPoint) =>
  a.skipRatio >= b.skipRatio && a.loss <= b.loss &&
  (a.skipRatio > b.skipRatio || a.loss < b.loss);

/** Few values, so that ties and twins are common. */
const point = fc.record({
  skipRatio: fc.integer({ min: 0, max: 8 }).map((x) => x / 8),
  loss: fc.integer({ min: 0, max: 8 }).map((x) => 2 + x / 4),
});
const points = fc.array(point, { minLength: 1, maxLength: 20 });

Deno.test("nothing beats a point on the frontier, and every other is beaten by one that is on it", () => {
  fc.assert(
    fc.property(points, (all) => {
      const on = onFrontier(all);
      const frontier = all.filter((_, i) => on[i]);
      all.forEach((own, i) => {
        if (on[i]) assert.ok(!all.some((other) => beats(other, own)));
        else assert.ok(frontier.some((other) => beats(other, own)));
      });
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("along the frontier more skip costs more", () => {
  fc.assert(
    fc.property(points, (all) => {
      const on = onFrontier(all);
      const frontier = all.filter((_, i) => on[i]).sort((a, b) => a.skipRatio - b.skipRatio);
      assert.ok(frontier.length >= 1);
      for (let i = 1; i < frontier.length; i++) {
        const [low, high] = [frontier[i - 1]!, frontier[i]!];
        const twins = low.skipRatio === high.skipRatio && low.loss === high.loss;
        assert.ok(twins || (low.skipRatio < high.skipRatio && low.loss < high.loss));
      }
    }),
    { seed: 2, numRuns: 300 },
  );
});

Deno.test("points that are equal stand or fall together", () => {
  const twin = { skipRatio: 0.5, loss: 3 };
  assert.deepEqual(onFrontier([twin, { ...twin }]), [true, true]);
  assert.deepEqual(onFrontier([twin, { ...twin }, { skipRatio: 0.5, loss: 2.5 }]), [
    false,
    false,
    true,
  ]);
});

const of = (...pairs: readonly (readonly [skipRatio: number, loss: number])[]) =>
  pairs.map(([skipRatio, loss]) => ({ skipRatio, loss }));

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);

Deno.test("the rank correlation is 1 where more skip always costs more, by however much, and -1 the other way", () => {
  near(rankCorrelation(of([0.3, 3], [0.1, 2], [0.6, 100])), 1);
  near(rankCorrelation(of([0.1, 9], [0.2, 5], [0.9, 4.9], [0.95, 1])), -1);
});

Deno.test("the rank correlation agrees with values worked out by hand", () => {
  // 1 - 6 Σd² / (n (n² - 1)); ranks of loss 2 1 4 3 5: Σd² = 4, n = 5.
  near(rankCorrelation(of([1, 2], [2, 1], [3, 4], [4, 3], [5, 5])), 0.8);
  // Ranks 3 1 2: Σd² = 4 + 1 + 1 = 6, n = 3.
  near(rankCorrelation(of([1, 9], [2, 1], [3, 5])), -0.5);
});

Deno.test("equal values share the mean of their ranks", () => {
  // Ranks of skip 1.5 1.5 3 4 and of loss 1 2 3.5 3.5, each less 2.5:
  // (1.5 + 0.5 + 0.5 + 1.5) / sqrt((1 + 1 + 0.25 + 2.25) (2.25 + 0.25 + 1 + 1)) = 4 / 4.5.
  near(rankCorrelation(of([0.1, 1], [0.1, 2], [0.3, 5], [0.4, 5])), 4 / 4.5);
  // Three of one value take the ranks 1, 2 and 3: ranks 2 2 2 4 against 1 2 3 4 give 3 / sqrt(15).
  near(rankCorrelation(of([0, 1], [0, 2], [0, 3], [1, 4])), 3 / Math.sqrt(15));
});

Deno.test("what is the same for all has no rank correlation", () => {
  assert.ok(Number.isNaN(rankCorrelation(of([0, 1], [0, 2], [0, 3]))));
});

Deno.test("a rank correlation lies between -1 and 1, and changes its sign with the loss", () => {
  fc.assert(
    fc.property(fc.array(point, { minLength: 2, maxLength: 12 }), (all) => {
      const own = rankCorrelation(all);
      if (Number.isNaN(own)) return;
      assert.ok(Math.abs(own) <= 1 + 1e-12);
      const mirrored = all.map(({ skipRatio, loss }) => ({ skipRatio, loss: -loss }));
      near(rankCorrelation(mirrored), -own);
    }),
    { seed: 4 },
  );
});
