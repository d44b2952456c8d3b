/** Where trials stand, told from their folders and from what launchers say. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { type LauncherKind, type QueuedTrial, UserError } from "../../../../core/contracts/mod.ts";
import { Registry } from "../../../../core/run/plugins/registry.ts";
import {
  cancelSweep,
  collectStatus,
  retrySweep,
  statusCounts,
  statusTable,
  sweepStatus,
} from "../../../../core/run/sweep/status.ts";
import { openSweep } from "../../../../core/run/sweep/sweep_folder.ts";
import {
  describeTrial,
  failuresOf,
  noteFailure,
  noteStop,
  stopOf,
} from "../../../../core/run/sweep/trial_files.ts";
import { z } from "zod";
import { userError } from "../../io/support.ts";
import { type FakeExperiment, withFake, writeRecord } from "./fake_trials.ts";

/** A launcher that says this of trials, and notes what it is asked to cancel. */
function launchers(
  queued: () => ReadonlyMap<string, QueuedTrial> | undefined,
  cancelled: string[] = [],
): Registry<LauncherKind> {
  const registry = new Registry<LauncherKind>("launcher");
  registry.register("cluster", {
    name: "cluster",
    description: "a cluster",
    options: z.object({}),
    create: () => ({ run: () => Promise.resolve([]) }),
    queued: () => Promise.resolve(queued()),
    cancel: ({ id }) => {
      cancelled.push(id);
      return Promise.resolve(3);
    },
  }, "a test");
  return registry;
}

/** Trials in all states. */
function sweepIn(fake: FakeExperiment) {
  const sweep = openSweep(fake.folder);
  const names = ["done", "begun", "failed", "hopeless", "unwanted", "queued", "new", "once"];
  const trials = Object.fromEntries(names.map((name) => [name, fake.trial(name, "x=1")]));
  Object.values(trials).forEach(describeTrial);
  writeRecord(trials["done"]!, "finished", "deno task exp77 --set x=1", {
    loss: 3.25,
    skipRatio: 0.5,
    perplexity: 26,
  });
  writeRecord(trials["begun"]!, "running", "deno task exp77 --set x=1");
  Deno.writeTextFileSync(
    join(trials["begun"]!.folder, "metrics.csv"),
    "step,skip_ratio,validation_loss\n10,0.25,4.5\n12,0.5,\n",
  );
  const failure = { reason: "exit code 2", log: ["error: odd"] };
  noteFailure(trials["failed"]!.folder, "1_2-0", failure);
  noteFailure(trials["failed"]!.folder, "2_0-0", { ...failure, reason: "exit code 3" });
  noteFailure(trials["once"]!.folder, "1_3-0", failure);
  noteStop(trials["hopeless"]!.folder, { kind: "hopeless", why: "loss 9" });
  noteStop(trials["unwanted"]!.folder, { kind: "cancelled", why: "scancel of job 1_5" });
  return { sweep, trials };
}

const QUEUED = new Map([["queued", { state: "waiting (Priority)", where: "2_1" }]]);

Deno.test("every state is told from what there is", () =>
  withFake(async (fake) => {
    sweepIn(fake);
    const found = await sweepStatus(fake.folder, launchers(() => QUEUED));
    assert.deepEqual(Object.fromEntries(found.trials.map(({ name, state }) => [name, state])), {
      begun: "cut off",
      done: "finished",
      failed: "failed",
      hopeless: "given up",
      new: "not begun",
      once: "not begun",
      queued: "waiting (Priority)",
      unwanted: "cancelled",
    });
    const ended = found.trials.filter((trial) => trial.ended).map(({ name }) => name);
    assert.deepEqual(ended, ["done", "failed", "hopeless", "unwanted"]);
    assert.match(statusCounts(found), /^8 trials: 1 cut off, 1 finished, 1 failed/);
    const lines = statusTable(found.trials).split("\n");
    assert.match(lines.find((line) => line.startsWith("begun"))!, /12 +4\.5000 +0\.250/);
    assert.match(lines.find((line) => line.startsWith("failed"))!, / 2 .*exit code 3$/);
    assert.match(lines.find((line) => line.startsWith("queued"))!, /2_1$/);
    const rows = csvParse(readFileSync(collectStatus(fake.folder, found), "utf8"));
    assert.equal(rows.length, 8);
    assert.deepEqual(
      [rows[1]!["trial"], rows[1]!["validation_loss"], rows[1]!["perplexity"]],
      ["done", "3.25", "26"],
    );
  }));

Deno.test("a launcher that cannot be asked is told of, and the folder looked at", () =>
  withFake(async (fake) => {
    sweepIn(fake);
    const away = await sweepStatus(fake.folder, launchers(() => undefined));
    assert.deepEqual(away.notes, ["cluster is out of reach: only the folder was looked at"]);
    const absent = await sweepStatus(
      fake.folder,
      launchers(() => {
        throw new UserError("There is no squeue");
      }),
    );
    assert.deepEqual(absent.notes, ["There is no squeue"]);
    assert.equal(absent.trials.length, 8);
    await userError(() => sweepStatus("nowhere", launchers(() => QUEUED)), "nowhere is no sweep");
  }));

Deno.test("cancelling stops what is open and nothing else, and retrying takes that back", () =>
  withFake(async (fake) => {
    const { sweep, trials } = sweepIn(fake);
    const cancelled: string[] = [];
    const done = await cancelSweep(fake.folder, launchers(() => QUEUED, cancelled));
    assert.deepEqual(done, { trials: 4, jobs: 3 });
    assert.deepEqual(cancelled, [sweep.id]);
    for (const name of ["begun", "queued", "new", "once"]) {
      assert.equal(stopOf(trials[name]!.folder)?.kind, "cancelled", name);
    }
    assert.equal(stopOf(trials["done"]!.folder), undefined);
    assert.equal(stopOf(trials["hopeless"]!.folder)?.kind, "hopeless");

    assert.equal(retrySweep(fake.folder), 6);
    assert.equal(stopOf(trials["begun"]!.folder), undefined);
    assert.deepEqual(failuresOf(trials["failed"]!.folder), []);
    assert.equal(stopOf(trials["hopeless"]!.folder)?.kind, "hopeless");
  }));
