/** Launchers keep their promises; wrong ones break that which they do not keep. */

import assert from "node:assert/strict";
import { z } from "zod";
import { launcherPromises } from "../../../core/conformance/mod.ts";
import {
  type Launcher,
  type LauncherKind,
  PluginFault,
  type TrialEnd,
  UserError,
} from "../../../core/contracts/mod.ts";
import { runTrials } from "../../../core/run/sweep/runner.ts";
import { describeTrial } from "../../../core/run/sweep/trial_files.ts";
import { local } from "../../../plugins/launchers/local/mod.ts";
import { slurmLauncher } from "../../../plugins/launchers/slurm/mod.ts";
import { testWithProcesses } from "../../end_to_end/command.ts";
import { assertBroken, assertKept, brokenOf } from "./support.ts";

/** A launcher that is right but for what it makes of trials. */
function kindOf(run: Launcher["run"], options: z.ZodObject = z.object({})): LauncherKind {
  return { name: "wrong", description: "a launcher", options, create: () => ({ run }) };
}

const right: Launcher["run"] = (trials, _, events) => runTrials(trials, { jobs: 2, ...events });

testWithProcesses("local keeps every promise", async () => {
  const outcomes = await assertKept(
    await launcherPromises({ kind: local, describe: describeTrial }),
  );
  const skipped = outcomes.filter(({ state }) => state === "skip").map(({ name }) => name);
  assert.deepEqual(skipped, ["a dry run writes nothing"]);
});

Deno.test("slurm describes its options, and writes nothing in a dry run", async () => {
  // Whatever Slurm this machine has is not for tests.
  const kind: LauncherKind = {
    ...slurmLauncher,
    create(options) {
      const launcher = slurmLauncher.create(options);
      if (launcher.dryRun) return launcher;
      return { ...launcher, run: () => Promise.reject(new UserError("there is no sbatch")) };
    },
  };
  const outcomes = await assertKept(await launcherPromises({ kind }));
  const states = Object.fromEntries(outcomes.map(({ name, state }) => [name, state]));
  assert.equal(states["describes every option"], "ok");
  assert.equal(states["a dry run writes nothing"], "ok");
  assert.equal(states["nothing to run is done at once"], "skip");
  assert.equal(outcomes.find(({ state }) => state === "skip")!.text, "there is no sbatch");
});

testWithProcesses("ends in another order are told", async () => {
  const kind = kindOf(async (...given) => (await right(...given)).toReversed());
  const broken = await brokenOf(await launcherPromises({ kind }));
  assert.match(
    broken.get("ends come in the order of the trials, whichever ends first")!,
    /ends are quick done, slow done, not slow done, quick done/,
  );
});

testWithProcesses(
  "a failure that is called done, and a result that is no more kept, are told",
  async () => {
    const kind = kindOf(async (...given) =>
      (await right(...given)).map(({ trial }): TrialEnd => ({ trial, kept: false }))
    );
    await assertBroken(await launcherPromises({ kind }), {
      "a trial that fails is an end with what went wrong, and the others are run": /bad done/,
      "a trial that says it is well and has no result is a failure": /empty done/,
      "a finished trial is kept, and not run again": /a done, b done, not a kept/,
    });
  },
);

Deno.test("a launcher that never ends is given up, and one that throws is told", async () => {
  const never = kindOf((trials) =>
    trials.length === 0 ? Promise.resolve([]) : new Promise(() => {})
  );
  await assertBroken(await launcherPromises({ kind: never, patience: 0.05 }), {
    "ends come in the order of the trials, whichever ends first":
      /it has not ended after 0\.05 seconds/,
  });
  const throwing = kindOf(() => Promise.reject(new RangeError("odd")));
  await assertBroken(await launcherPromises({ kind: throwing }), {
    "ends come in the order of the trials, whichever ends first": /it throws a RangeError: odd/,
  });
});

Deno.test("a launcher that throws is broken behind a guard too, where one that refuses is skipped", async () => {
  const [fault, refusal] = [
    new PluginFault("run threw RangeError: odd"),
    new UserError("no sbatch"),
  ];
  await assertBroken(await launcherPromises({ kind: kindOf(() => Promise.reject(fault)) }), {
    "ends come in the order of the trials, whichever ends first": /^run threw RangeError: odd: /,
  });
  await assertKept(await launcherPromises({ kind: kindOf(() => Promise.reject(refusal)) }));
});

Deno.test("options without words, and a dry run that writes, are told", async () => {
  const options = z.object({ dryRun: z.boolean().default(false), queue: z.string().optional() });
  const kind = kindOf(async (_trials, { path }) => {
    await Deno.writeTextFile(`${path}/script.sh`, "");
    return [];
  }, options);
  const broken = await brokenOf(await launcherPromises({ kind }));
  assert.match(broken.get("describes every option")!, /nothing is said about dryRun, queue/);
  assert.match(broken.get("a dry run writes nothing")!, /files are written or removed/);
});
