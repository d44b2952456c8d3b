/** plot-results, as a user starts it. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { writeAllResults, writeBelow, writeRun } from "../support/made_up_results.ts";
import { assertFinished, assertRefused, testWithProcesses, Workplace } from "./command.ts";

testWithProcesses("plot-results writes every figure three ways, and says so", async () => {
  using place = new Workplace();
  writeAllResults(place.path("results"));
  const outcome = await place.runScript("plot_results");
  assertFinished(outcome);
  const names = readdirSync(place.path("figures")).filter((name) => name.endsWith(".svg"))
    .map((name) => name.slice(0, -4));
  assert.ok(names.length > 30, names.join());
  for (const name of names) {
    for (const ending of ["vl.json", "png"]) {
      const { size } = Deno.statSync(place.path("figures", `${name}.${ending}`));
      assert.ok(size > 500, `${name}.${ending} has ${size} bytes`);
    }
    assert.ok(outcome.stdout.includes(`${name}  figures/${name}.png`), outcome.stdout);
  }
  assert.match(outcome.stdout, /seeds: exp1 1, exp6 1, exp10 3/);
  assert.match(outcome.stdout, new RegExp(`^${names.length} figures in figures`, "m"));
  assert.ok(!outcome.stdout.includes("Left out"));
});

testWithProcesses("plot-results names what is left out and what is not counted", async () => {
  using place = new Workplace();
  writeRun(place.path("there"), "runs/exp10/a", { name: "exp10", status: "running", routed: true });
  writeBelow(place.path("there"), "runs/exp1/a/run.json", "{");
  const options = ["--results", "there", "--out", "drawn"];
  const outcome = await place.runScript("plot_results", ...options);
  assertFinished(outcome);
  for (
    const line of [
      "  inference_speed_bar: no depth_timing.csv: deno task exp4 --checkpoint exp10",
      "  validation_loss_final_bar: no run is finished: deno task exp1 --fresh",
      "  token_categories: no token_categories.csv: deno task exp19",
    ]
  ) assert.ok(outcome.stdout.includes(`${line}\n`), outcome.stdout);
  assert.match(outcome.stdout, /exp10: no run is finished; runs\/exp10\/a is shown up to step 20/);
  assert.match(outcome.stdout, /there\/runs\/exp1\/a\/run\.json is damaged/);
  assert.ok(existsSync(place.path("drawn", "exp10_loss_breakdown.png")));

  const one = await place.runScript("plot_results", ...options, "--only", "loss_breakdown");
  assertFinished(one);
  assert.match(one.stdout, /^1 figure in drawn/m);
  assertRefused(
    await place.runScript("plot_results", ...options, "--only", "los_breakdown"),
    /no figure "los_breakdown", did you mean "loss_breakdown"\? there are: /,
  );
});

testWithProcesses("plot-results without results says so, and is no failure", async () => {
  using place = new Workplace();
  const outcome = await place.runScript("plot_results");
  assertFinished(outcome);
  assert.match(
    outcome.stdout,
    /^There are no results in results \(no such folder\): .*exp10 --fresh/,
  );
  assert.ok(!existsSync(place.path("figures")));
});
