/** Averages that make lines readable. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { movingAverage, thinned } from "../../../core/report/smoothing.ts";

Deno.test("thinning keeps the mean, the last step and the limit", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 50 }),
      (count, most) => {
        const points = Array.from({ length: count }, (_, step) => ({ step, value: step % 7 }));
        const thin = thinned(points, most);
        assert.ok(thin.length <= most || count <= most);
        assert.equal(thin.at(-1)!.step, count - 1);
        if (count % Math.ceil(count / most) === 0) {
          const mean = (values: readonly { value: number }[]) =>
            values.reduce((sum, { value }) => sum + value, 0) / values.length;
          assert.ok(Math.abs(mean(thin) - mean(points)) < 1e-9);
        }
      },
    ),
    { seed: 5 },
  );
});

Deno.test("a moving average leaves a straight line straight, to its ends", () => {
  const line = Array.from({ length: 20 }, (_, x) => 2 * x + 1);
  movingAverage(line, 4).forEach((value, x) => assert.ok(Math.abs(value - line[x]!) < 1e-12));
  assert.deepEqual(movingAverage([0, 9, 0], 1), [0, 3, 0]);
  assert.deepEqual(movingAverage([5, 1], 0), [5, 1]);
});
