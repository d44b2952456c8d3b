/** Learning rate, ramps and annealing as functions of the step. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { anneal, learningRateAt, ramp, type RateSchedule } from "../../../core/train/mod.ts";

const RATE: RateSchedule = {
  learningRate: 2e-3,
  schedule: "cosine",
  warmupSteps: 10,
  finalRate: 0.1,
};

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12, `${actual} instead of ${expected}`);
}

Deno.test("the learning rate rises in a straight line and is never 0", () => {
  for (let step = 0; step < 10; step++) {
    assertNear(learningRateAt(RATE, step, 110), 2e-3 * (step + 1) / 10);
  }
});

Deno.test("after warm-up it goes down as its schedule says, to finalRate of the peak", () => {
  const at = (schedule: RateSchedule["schedule"], step: number) =>
    learningRateAt({ ...RATE, schedule }, step, 110);
  for (const schedule of ["cosine", "linear", "constant"] as const) {
    assertNear(at(schedule, 10), 2e-3);
  }
  // A quarter, half and all of the way.
  assertNear(at("cosine", 35), 2e-3 * (0.1 + 0.9 * (1 + Math.SQRT1_2) / 2));
  assertNear(at("cosine", 60), 2e-3 * 0.55);
  assertNear(at("linear", 35), 2e-3 * (0.1 + 0.9 * 0.75));
  for (const schedule of ["cosine", "linear"] as const) {
    assertNear(at(schedule, 110), 2e-4);
    assertNear(at(schedule, 500), 2e-4);
  }
  assertNear(at("constant", 109), 2e-3);
});

Deno.test("the learning rate stays finite and positive for every length of run", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("cosine", "linear", "constant"),
      fc.nat(50),
      fc.integer({ min: 1, max: 60 }),
      (schedule, warmupSteps, steps) => {
        for (let step = 0; step < steps; step++) {
          const rate = learningRateAt({ ...RATE, schedule, warmupSteps }, step, steps);
          assert.ok(rate > 0 && rate <= RATE.learningRate, `${rate} at ${step} of ${steps}`);
        }
      },
    ),
    { seed: 8, numRuns: 100 },
  );
});

Deno.test("a ramp starts at 0, ends at its value and stays there", () => {
  assert.deepEqual([0, 5, 10, 11].map((step) => ramp(0.4, step, 10)), [0, 0.2, 0.4, 0.4]);
  assert.equal(ramp(0.4, 0, 0), 0.4);
});

Deno.test("annealing goes from start to end in equal ratios", () => {
  assert.equal(anneal(4, 0.25, 0, 5), 4);
  const values = [0, 1, 2, 3, 4].map((step) => anneal(4, 0.25, step, 5));
  values.forEach((value, step) => assertNear(value, 4 / 2 ** step));
  assert.equal(anneal(4, 0.25, 0, 1), 4);
});
