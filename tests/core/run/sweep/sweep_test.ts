/** One experiment at many settings: the trials, the table, the frontier, and starting over. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { type SweepOptions } from "../../../../core/run/sweep/command.ts";
import { removeFolder } from "../../../../core/run/sweep/study.ts";
import { describeTrial } from "../../../../core/run/sweep/trial_files.ts";
import { runSweep, type Sweep } from "../../../../core/run/sweep/sweep.ts";
import { testWithProcesses } from "../../../end_to_end/command.ts";
import { inFolder, userError } from "../../io/support.ts";
import { type FakeExperiment, printedBy, withFake } from "./fake_trials.ts";

/** Half of the target is skipped at a price of 2, all of it at 1; loss rises with either. */
const FINAL = `{
  loss: 3 + Number(sets["objective.targetSkip"]) + Number(sets["objective.sparsityWeight"]) / 8,
  perplexity: 20,
  skipRatio: Number(sets["objective.targetSkip"]) / Number(sets["objective.sparsityWeight"]),
  activeLayers: 8.5,
  flopsPerToken: 1000,
  collapse: "none",
  wallSeconds: 1.26,
}`;

function sweepOf({ script }: FakeExperiment, targets = [0.5, 0.25], penalties = [1, 2]): Sweep {
  return {
    name: "try",
    script,
    grid: { "objective.targetSkip": targets, "objective.sparsityWeight": penalties },
    args: ["--set", "evaluation.questions=0"],
  };
}

function optionsOf(fake: FakeExperiment, more: Partial<SweepOptions> = {}): SweepOptions {
  return { set: [], jobs: 2, out: join(fake.folder, "sweep"), quiet: true, ...more };
}

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body, FINAL));
}

test("all combinations are run, and listed from the least skip to the most", async (fake) => {
  const { out } = await printedBy(() => runSweep(sweepOf(fake), optionsOf(fake)));
  assert.deepEqual(fake.started.toSorted(), [
    "targetSkip=0.25,sparsityWeight=1,seed=0",
    "targetSkip=0.25,sparsityWeight=2,seed=0",
    "targetSkip=0.5,sparsityWeight=1,seed=0",
    "targetSkip=0.5,sparsityWeight=2,seed=0",
  ]);
  assert.deepEqual(
    Deno.readTextFileSync(join(fake.folder, "sweep", "trials.csv")).trimEnd().split("\n"),
    [
      "target_skip,sparsity_weight,seed,skip_ratio,active_layers,flops_per_token,validation_loss," +
      "perplexity,collapse,frontier,wall_seconds",
      "0.25,2,0,0.125,8.5,1000,3.5,20,none,0,1.3",
      "0.5,2,0,0.25,8.5,1000,3.75,20,none,0,1.3",
      "0.25,1,0,0.25,8.5,1000,3.375,20,none,1,1.3",
      "0.5,1,0,0.5,8.5,1000,3.625,20,none,1,1.3",
    ],
  );
  const text = out.join("\n");
  assert.match(text, /^targetSkip +sparsityWeight +seed +skip ratio/m);
  assert.match(text, /^ +0\.25 +2 +0 +0\.125 +8\.50 +3\.5000 +20\.000 +none *$/m);
  assert.match(text, /^ +0\.5 +1 +0 +0\.500 .* yes$/m);
  assert.match(text, /^2 of 4 trials are on the frontier\. Rank correlation .*: 0\.32 \(/m);
  for (const ending of ["svg", "png", "vl.json"]) {
    assert.ok(existsSync(join(fake.folder, "sweep", `pareto.${ending}`)), ending);
  }
});

test("trials are given the sweep's options, then those of all trials, then their own", async (fake) => {
  const options = optionsOf(fake, { seeds: [4], steps: 5, set: ["seed=9"] });
  await printedBy(() => runSweep(sweepOf(fake, [0.5], [1]), options));
  assert.equal(
    fake.log[0]!.args.slice(5).join(" "),
    "--set evaluation.questions=0 --steps 5 --set seed=9 --set objective.targetSkip=0.5 " +
      "--set objective.sparsityWeight=1 --set seed=4 --quiet",
  );
});

test("every seed is a trial of its own, and what is done is told", async (fake) => {
  const options = optionsOf(fake, { seeds: [0, 3], jobs: 1, quiet: undefined });
  const first = await printedBy(() => runSweep(sweepOf(fake, [0.5], [1]), options));
  assert.deepEqual(first.errors, [
    "1/2  targetSkip=0.5 sparsityWeight=1 seed=0  done: loss 3.6250, skip ratio 0.500",
    "2/2  targetSkip=0.5 sparsityWeight=1 seed=3  done: loss 3.6250, skip ratio 0.500",
  ]);
  // Two points are no order.
  assert.ok(first.out.includes("2 of 2 trials are on the frontier."));
  const again = await printedBy(() => runSweep(sweepOf(fake, [0.5], [1]), options));
  assert.match(again.errors.join("\n"), /^1\/2 .* was done before\n2\/2 .* was done before$/);
  assert.equal(fake.started.length, 2);
});

test("where nothing skips there is no order to report", async (fake) => {
  const { out } = await printedBy(() => runSweep(sweepOf(fake, [0], [1, 2, 4]), optionsOf(fake)));
  assert.ok(out.includes("1 of 3 trials are on the frontier."), out.join("\n"));
  assert.doesNotMatch(out.join("\n"), /NaN/);
});

test("a trial that fails twice is reported after the others are done and written", async (fake) => {
  const sweep: Sweep = {
    ...sweepOf(fake),
    grid: { "objective.targetSkip": [0.25, 0.5], "objective.sparsityWeight": [1] },
  };
  // A folder that cannot be written to.
  Deno.mkdirSync(join(fake.folder, "sweep", "trials"), { recursive: true });
  const name = "targetSkip=0.25,sparsityWeight=1,seed=0";
  Deno.writeTextFileSync(join(fake.folder, "sweep", "trials", name), "in the way");
  const { errors } = await printedBy(() =>
    userError(
      () => runSweep(sweep, optionsOf(fake, { quiet: undefined, jobs: 1 })),
      "1 of 2 trials failed; the first, targetSkip=0.25 sparsityWeight=1 seed=0, with exit code 1",
    )
  );
  assert.match(errors[0]!, /targetSkip=0\.25 .* is tried again after exit code 1: error: /);
  assert.match(errors[1]!, /^1\/2 .* failed: exit code 1/);
  const rows = csvParse(Deno.readTextFileSync(join(fake.folder, "sweep", "trials.csv")));
  assert.deepEqual(rows.map((row) => row["target_skip"]), ["0.5"]);
});

test("where every trial fails there is no table", async (fake) => {
  const options = optionsOf(fake, { set: ["do=fail"] });
  await printedBy(() =>
    userError(() => runSweep(sweepOf(fake, [0.5], [1]), options), "1 of 1 trials failed")
  );
  assert.ok(!existsSync(join(fake.folder, "sweep", "trials.csv")));
});

test("--fresh throws away what is there and runs all again", async (fake) => {
  const sweep = sweepOf(fake, [0.5], [1]);
  await printedBy(() => runSweep(sweep, optionsOf(fake)));
  await printedBy(() => runSweep(sweep, optionsOf(fake)));
  assert.equal(fake.started.length, 1);
  await printedBy(() => runSweep(sweep, optionsOf(fake, { fresh: true })));
  assert.equal(fake.started.length, 2);
  // Without it other options are refused.
  await userError(
    () => runSweep(sweep, optionsOf(fake, { steps: 9 })),
    "holds a run of other options",
  );
});

Deno.test("starting over removes what sweeps leave, and nothing else", () =>
  inFolder(async (folder) => {
    removeFolder(join(folder, "absent"));
    const own = join(folder, "own");
    Deno.mkdirSync(join(own, "trials", "a"), { recursive: true });
    for (const name of ["trials.csv", "pareto.svg", "pareto.png", "pareto.vl.json"]) {
      Deno.writeTextFileSync(join(own, name), "");
    }
    removeFolder(own);
    assert.ok(!existsSync(own));

    for (const name of ["notes.txt", "thesis.svg", "measurements.csv", "my trials"]) {
      Deno.mkdirSync(join(own, "trials"), { recursive: true });
      Deno.writeTextFileSync(join(own, name), "precious");
      await userError(() => removeFolder(own), `${name} is not of a sweep`, "--out");
      assert.ok(existsSync(join(own, name)) && existsSync(join(own, "trials")));
      Deno.removeSync(join(own, name));
    }
    const trial = { name: "a", script: "exp1.ts", args: [], folder: join(own, "trials", "a") };
    describeTrial(trial);
    using lock = Deno.openSync(join(trial.folder, ".lock"), { write: true, create: true });
    lock.lockSync(true);
    await userError(() => removeFolder(own), "trials/a is open in another process", "sweep cancel");
    assert.ok(existsSync(trial.folder));
    lock.unlockSync();
    removeFolder(own);
    Deno.writeTextFileSync(join(folder, "file"), "precious");
    await userError(() => removeFolder(join(folder, "file")), "it is a file", "--out");
  }));
