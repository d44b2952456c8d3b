/** Thresholds that give a wanted share of skipped blocks. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { calibrateThreshold } from "../../../core/routing/mod.ts";

const SEEDED = { seed: 11, numRuns: 200 };

/** The share of logits that a threshold skips, with the threshold rounded as a program gets it. */
function skipped(logits: Float32Array, threshold: number): number {
  const fed = Math.fround(threshold);
  return logits.filter((logit) => !(logit > fed)).length / logits.length;
}

const skip = fc.double({ min: 0, max: 1, noNaN: true });

Deno.test("a calibrated threshold skips the wanted share, to the nearest logit", () => {
  const distinct = fc.uniqueArray(fc.integer({ min: -500, max: 500 }), { minLength: 1 });
  fc.assert(
    fc.property(distinct, skip, (grid, wanted) => {
      const logits = Float32Array.from(grid, (x) => x / 32);
      const share = skipped(logits, calibrateThreshold(logits, wanted));
      assert.equal(share, Math.round(wanted * logits.length) / logits.length);
    }),
    SEEDED,
  );
});

Deno.test("where logits are equal a threshold skips all of them rather than too few", () => {
  const tied = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(tied, skip, (grid, wanted) => {
      const logits = Float32Array.from(grid);
      const share = skipped(logits, calibrateThreshold(logits, wanted));
      assert.ok(share >= Math.round(wanted * logits.length) / logits.length);
    }),
    SEEDED,
  );
});

Deno.test("a higher share of skips never has a lower threshold", () => {
  const logits = fc.array(fc.float({ noNaN: true, min: -8, max: 8 }), { minLength: 1 });
  fc.assert(
    fc.property(logits, skip, skip, (values, one, other) => {
      const data = Float32Array.from(values);
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      assert.ok(calibrateThreshold(data, low) <= calibrateThreshold(data, high));
    }),
    SEEDED,
  );
});

Deno.test("calibrating leaves the logits in their order", () => {
  const logits = Float32Array.of(3, 1, 2);
  calibrateThreshold(logits, 0.5);
  assert.deepEqual(logits, Float32Array.of(3, 1, 2));
});

Deno.test("calibrating without logits, or for a share outside [0, 1], is refused", () => {
  assert.throws(() => calibrateThreshold(new Float32Array(), 0.5), RangeError);
  for (const wrong of [-0.1, 1.1, NaN]) {
    assert.throws(() => calibrateThreshold(Float32Array.of(1), wrong), RangeError);
  }
});
