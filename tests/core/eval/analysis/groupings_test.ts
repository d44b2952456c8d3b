/** Which tokens are hard, rare, or near the start. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { byLoss, byPosition, rareTokens } from "../../../../core/eval/mod.ts";

const rareIds = (counts: readonly number[], share?: number) =>
  counts.map((_, id) => id).filter(rareTokens(counts, share));

Deno.test("rare are the ids that together make up a tenth of the text, and those that never occur", () => {
  assert.deepEqual(rareIds([40, 6, 40, 4, 0, 10]), [1, 3, 4]);
  // 6 and 4 are all of a tenth of 100; one more would not fit.
  assert.deepEqual(rareIds([40, 6, 39, 4, 1, 10]), [3, 4]);
  assert.deepEqual(rareIds([5, 5, 10], 0.5), [0, 1]);
  assert.ok(rareTokens([5, 5])(7), "an id beyond the list never occurs");
});

Deno.test("ids that are equally frequent are rare together or not at all", () => {
  assert.deepEqual(rareIds([90, 5, 5, 5, 5]), []);
  assert.deepEqual(rareIds([180, 5, 5, 5, 5]), [1, 2, 3, 4]);
});

Deno.test("rare ids are the rarest, and as many as fit", () => {
  const counts = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(counts, fc.double({ min: 0, max: 0.9, noNaN: true }), (counts, share) => {
      const rare = counts.map((_, id) => rareTokens(counts, share)(id));
      const total = counts.reduce((sum, count) => sum + count, 0);
      const covered = counts.filter((_, id) => rare[id]).reduce((sum, count) => sum + count, 0);
      assert.ok(covered <= share * total);
      const most = Math.max(0, ...counts.filter((_, id) => rare[id]));
      const next = Math.min(Infinity, ...counts.filter((_, id) => !rare[id]));
      assert.ok(most < next);
      const ties = counts.filter((count) => count === next).length * next;
      assert.ok(next === Infinity || covered + ties > share * total);
    }),
    { seed: 3 },
  );
});

Deno.test("hard is the tenth with the highest losses, more where losses are equal", () => {
  const losses = Float64Array.from({ length: 20 }, (_, i) => (7 * i) % 20);
  const { of, groups } = byLoss({ losses });
  assert.deepEqual(groups, ["high loss"]);
  assert.deepEqual([...losses].filter((_, i) => of[i] === 0).toSorted(), [18, 19]);
  assert.ok(byLoss({ losses: new Float64Array(20) }).of.every((group) => group === 0));
  assert.deepEqual([...byLoss({ losses: new Float64Array(0) }).of], []);
});

Deno.test("a sequence is cut into at most so many stretches of one length, the last as it comes", () => {
  const positionOf = Int32Array.from({ length: 10 }, (_, i) => i);
  const stretches = (most: number) => byPosition({ positionOf, sequenceLength: 10 }, most);
  assert.deepEqual(stretches(4).groups, ["0–2", "3–5", "6–8", "9"]);
  assert.deepEqual([...stretches(4).of], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
  assert.deepEqual(stretches(10).groups, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  assert.deepEqual(stretches(99).groups.length, 10);
  assert.deepEqual(stretches(1).groups, ["0–9"]);
});
