/** What changes from step to step, and that it depends on nothing but configuration and step. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { resolveConfig } from "../../../core/run/config.ts";
import { type ExperimentConfig } from "../../../core/run/config_schema.ts";
import { scheduleAt } from "../../../core/run/schedule.ts";

const BASE = await resolveConfig({
  defaults: { name: "exp10", router: { name: "none" } },
  routerOptions: new Map([["none", z.object({})]]),
});

function configOf(
  { objective = {}, router = {}, ...more }:
    & Partial<Pick<ExperimentConfig, "steps" | "seed">>
    & {
      readonly objective?: Partial<ExperimentConfig["objective"]>;
      readonly router?: Partial<ExperimentConfig["router"]>;
    },
): ExperimentConfig {
  return {
    ...BASE,
    ...more,
    objective: { ...BASE.objective, ...objective },
    router: { ...BASE.router, ...router },
  };
}

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);

Deno.test("without warm-ups and annealing a schedule stays where the settings are", () => {
  const config = configOf({ objective: { distillWeight: 0.6, targetSkip: 0.25 } });
  for (const step of [0, 1, 150, 299]) {
    assert.deepEqual(scheduleAt(config, step), {
      temperature: 1,
      distillShare: 0.6,
      targetSkip: 0.25,
    });
  }
});

Deno.test("distillation and target rise in straight lines, each over its own steps", () => {
  const config = configOf({
    objective: {
      distillWeight: 0.8,
      distillWarmupSteps: 40,
      targetSkip: 0.3,
      targetWarmupSteps: 100,
    },
  });
  const at = (step: number) => scheduleAt(config, step);
  assert.deepEqual([at(0).distillShare, at(0).targetSkip], [0, 0]);
  close(at(10).distillShare, 0.2);
  close(at(10).targetSkip, 0.03);
  close(at(40).distillShare, 0.8);
  close(at(50).targetSkip, 0.15);
  for (const step of [100, 101, 299]) {
    assert.deepEqual([at(step).distillShare, at(step).targetSkip], [0.8, 0.3]);
  }
});

Deno.test("a run too short for its warm-ups spends a third of its steps on them", () => {
  const objective = { targetWarmupSteps: 100, distillWarmupSteps: 5 };
  const config = configOf({ steps: 20, objective });
  close(scheduleAt(config, 3).targetSkip, 0.3 * 3 / 6);
  assert.equal(scheduleAt(config, 6).targetSkip, 0.3);
  // One that fits is left as it is.
  close(scheduleAt(config, 4).distillShare, 0.7 * 4 / 5);
  assert.equal(scheduleAt(configOf({ steps: 2, objective }), 0).targetSkip, 0.3);
});

Deno.test("the temperature falls in equal ratios to its end at the last step", () => {
  const config = configOf({ steps: 5, router: { temperatureStart: 2, temperatureEnd: 0.125 } });
  [2, 1, 0.5, 0.25, 0.125].forEach((expected, step) =>
    close(scheduleAt(config, step).temperature, expected)
  );
});

const drawnAt = (seed: number, step: number, targetSkipFrom = 0.1, targetSkip = 0.6) =>
  scheduleAt(configOf({ seed, objective: { targetSkip, targetSkipFrom } }), step).targetSkip;

Deno.test("a drawn target lies between its ends, in any order, and depends on seed and step alone", () => {
  const end = fc.double({ min: 0, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(299), end, end, (seed, step, from, to) => {
      const drawn = drawnAt(seed, step, from, to);
      assert.ok(drawn >= Math.min(from, to) && drawn <= Math.max(from, to), `${drawn}`);
      assert.equal(drawnAt(seed, step, from, to), drawn);
    }),
    { seed: 3 },
  );
});

Deno.test("targets are drawn evenly, anew at each step and for each seed", () => {
  const steps = Array.from({ length: 300 }, (_, step) => step);
  const drawn = steps.map((step) => drawnAt(0, step));
  assert.equal(new Set(drawn).size, steps.length);
  assert.ok(steps.every((step) => drawnAt(1, step) !== drawn[step]));
  // 0.5 / sqrt(12) is the spread of one, so four standard errors of the mean are 0.033.
  const mean = drawn.reduce((sum, x) => sum + x, 0) / steps.length;
  assert.ok(Math.abs(mean - 0.35) < 0.034, `${mean}`);
  for (const [low, high] of [[0.1, 0.225], [0.225, 0.35], [0.35, 0.475], [0.475, 0.6]] as const) {
    const share = drawn.filter((x) => x >= low && x < high).length / steps.length;
    assert.ok(Math.abs(share - 0.25) < 0.1, `${share} between ${low} and ${high}`);
  }
});

Deno.test("a drawn target rises over the warm-up as well", () => {
  const objective = { targetSkip: 0.6, targetSkipFrom: 0.1 };
  const warm = configOf({ objective: { ...objective, targetWarmupSteps: 100 } });
  for (const step of [0, 25, 50, 100, 250]) {
    close(scheduleAt(warm, step).targetSkip, Math.min(step / 100, 1) * drawnAt(0, step));
  }
});
