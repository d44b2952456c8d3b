/** Many trials in processes of their own. */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { runTrials } from "../../../../core/run/sweep/runner.ts";
import { type TrialOutcome } from "../../../../core/run/sweep/trial.ts";
import { failuresOf } from "../../../../core/run/sweep/trial_files.ts";
import { testWithProcesses } from "../../../end_to_end/command.ts";
import { userError } from "../../io/support.ts";
import { type FakeExperiment, withFake, writeRecord } from "./fake_trials.ts";

const CORES = navigator.hardwareConcurrency;

/** How each trial ended, in short. */
function ends(outcomes: readonly TrialOutcome[]): string[] {
  return outcomes.map((outcome) =>
    "failure" in outcome
      ? `${outcome.trial.name}: ${outcome.failure}`
      : "stopped" in outcome
      ? `${outcome.trial.name}: ${outcome.stopped.kind}`
      : `${outcome.trial.name}: ${outcome.kept ? "kept" : "done"}`
  );
}

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body));
}

test("outcomes come in the order of the trials, whichever ends first", async (fake) => {
  const trials = [
    fake.trial("slow", "wait=1000", "x=1"),
    fake.trial("quick", "x=2"),
    fake.trial("middle", "wait=300", "x=3"),
  ];
  const told: string[] = [];
  const outcomes = await runTrials(trials, {
    jobs: 3,
    onEnd: ({ trial }, ended, total) => told.push(`${ended}/${total} ${trial.name}`),
  });
  assert.deepEqual(ends(outcomes), ["slow: done", "quick: done", "middle: done"]);
  assert.deepEqual(
    outcomes.map((outcome) => "record" in outcome && outcome.record.final["x"]),
    [1, 2, 3],
  );
  assert.deepEqual(told, ["1/3 quick", "2/3 middle", "3/3 slow"]);
});

test("no more trials run at once than were asked for", async (fake) => {
  const trials = ["a", "b", "c", "d", "e"].map((name) => fake.trial(name, "wait=150"));
  await runTrials(trials, { jobs: 2 });
  assert.equal(fake.mostAtOnce, 2);
  assert.deepEqual(fake.started.toSorted(), ["a", "b", "c", "d", "e"]);
});

test("one at a time are run in their order, with all cores", async (fake) => {
  await runTrials(["c", "a", "b"].map((name) => fake.trial(name)), { jobs: 1 });
  assert.equal(fake.mostAtOnce, 1);
  assert.deepEqual(fake.started, ["c", "a", "b"]);
  assert.ok(fake.log.every(({ args }) => args.includes(`backend.threads=${CORES}`)));
});

test("trials at once share the cores, and settings of the trial win", async (fake) => {
  await runTrials([fake.trial("a"), fake.trial("b", "backend.threads=7")], { jobs: 2 });
  const args = new Map(fake.log.map((note) => [note.trial, note.args.join(" ")]));
  const share = `backend.threads=${Math.max(1, Math.floor(CORES / 2))}`;
  assert.match(args.get("a")!, new RegExp(`^--fresh --out \\S+ --set ${share} --quiet$`));
  assert.match(args.get("b")!, new RegExp(`--set ${share} --set backend.threads=7 --quiet$`));
});

test("a finished trial is kept and not run again", async (fake) => {
  const trials = [fake.trial("a", "x=1"), fake.trial("b", "x=2")];
  writeRecord(trials[1]!, "finished", `deno task exp77 --set x=2 --fresh --out y`, { x: 22 });
  const outcomes = await runTrials(trials, { jobs: 2 });
  assert.deepEqual(ends(outcomes), ["a: done", "b: kept"]);
  assert.deepEqual("record" in outcomes[1]! && outcomes[1].record.final, { x: 22 });
  assert.deepEqual(fake.started, ["a"]);

  assert.deepEqual(ends(await runTrials(trials, { jobs: 1 })), ["a: kept", "b: kept"]);
  assert.deepEqual(fake.started, ["a"]);
});

test("a trial that was cut off goes on where it was, with the threads it had", async (fake) => {
  const trial = fake.trial("a", "x=1");
  writeRecord(trial, "running", "deno task exp77 --fresh --out y --set x=1");
  await runTrials([trial], { jobs: 1 });
  assert.deepEqual(fake.log[0]!.args, ["--resume", trial.folder, "--set", "x=1", "--quiet"]);
});

test("a trial that fails is tried once more, from where it was", async (fake) => {
  const retried: string[] = [];
  const outcomes = await runTrials([fake.trial("a", "do=fail-once"), fake.trial("b")], {
    jobs: 1,
    onRetry: ({ name }, failure) => retried.push(`${name}: ${failure}`),
  });
  assert.deepEqual(ends(outcomes), ["a: done", "b: done"]);
  assert.deepEqual(retried, ["a: exit code 2: error: too early"]);
  assert.deepEqual(fake.started, ["a", "a", "b"]);
  assert.equal(fake.log[2]!.args[0], "--resume");
});

test("what fails twice is reported with its last error, and the others are run", async (fake) => {
  const trials = [
    fake.trial("a", "do=fail"),
    fake.trial("b", "do=fail-silently"),
    fake.trial("c", "do=crash"),
    fake.trial("d", "do=bug"),
    fake.trial("e"),
  ];
  const outcomes = await runTrials(trials, { jobs: 2 });
  assert.deepEqual(ends(outcomes).filter((_, i) => i !== 2), [
    "a: exit code 2: error: the disk is full",
    "b: exit code 3: it said nothing",
    "d: exit code 1: RangeError: internal: odd",
    "e: done",
  ]);
  assert.match(ends(outcomes)[2]!, /^c: exit code 1: error: .*RangeError: internal: odd$/);
  assert.deepEqual(fake.started.toSorted(), ["a", "a", "b", "b", "c", "c", "d", "d", "e"]);
});

test("what failed is told in the trial's folder, and a later command counts anew", async (fake) => {
  const trial = fake.trial("a", "do=fail");
  mkdirSync(trial.folder, { recursive: true });
  const told = () => failuresOf(trial.folder).map(({ reason }) => reason);
  await runTrials([trial], { jobs: 1 });
  const reason = "exit code 2: error: the disk is full";
  assert.deepEqual(told(), [reason, reason]);
  await runTrials([trial], { jobs: 1, retries: 0 });
  assert.deepEqual(told(), [reason]);
});

test("how often a failure is tried again can be said", async (fake) => {
  const tries = async (name: string, retries: number) => {
    await runTrials([fake.trial(name, "do=fail")], { jobs: 1, retries });
    return fake.started.filter((one) => one === name).length;
  };
  assert.deepEqual([await tries("never", 0), await tries("twice", 2)], [1, 3]);
});

test("a trial that fails after it has finished is kept", async (fake) => {
  const outcomes = await runTrials([fake.trial("a", "do=finish-and-fail")], { jobs: 1 });
  assert.deepEqual(ends(outcomes), ["a: kept"]);
  assert.deepEqual(fake.started, ["a"]);
});

test("a trial that ends well without a finished record is a failure like others", async (fake) => {
  const trials = [fake.trial("a", "do=lose"), fake.trial("b", "do=stop"), fake.trial("c")];
  const outcomes = await runTrials(trials, { jobs: 1 });
  assert.match(ends(outcomes)[0]!, /^a: exit code 0, but .*no run\.json$/);
  assert.equal(ends(outcomes)[1], "b: exit code 0, but its run is not finished");
  assert.equal(ends(outcomes)[2], "c: done");
});

test("twins, and folders that hold other runs, are refused before any trial starts", async (fake) => {
  await userError(
    () => runTrials([fake.trial("a", "x=1"), fake.trial("b"), fake.trial("a", "x=2")], { jobs: 1 }),
    'Two trials are called "a"',
  );
  const taken = fake.trial("c", "x=1");
  writeRecord(taken, "running", "deno task exp77 --set x=2");
  await userError(
    () => runTrials([fake.trial("a"), taken], { jobs: 1 }),
    "c holds a run of other options",
  );
  assert.deepEqual(fake.log, []);
});

test("without a number of jobs a trial waits until one has shown its memory", async (fake) => {
  const trials = ["a", "b"].map((name) => fake.trial(name, "wait=1500"));
  await runTrials(trials, { jobs: 0 });
  assert.equal(fake.mostAtOnce, 1);
});

test("without a number of jobs no trial starts for which there is no memory", async (fake) => {
  const trials = ["a", "b"].map((name) => fake.trial(name, "wait=1500", "memory=1000000000"));
  await runTrials(trials, { jobs: 0 });
  assert.equal(fake.mostAtOnce, 1);
});

test("without a number of jobs there are as many as cores where memory is plenty", async (fake) => {
  const trials = Array.from(
    { length: CORES + 1 },
    (_, i) => fake.trial(`${i}`, "wait=2500", "memory=1"),
  );
  await runTrials(trials.slice(0, 5), { jobs: 0 });
  assert.ok(fake.mostAtOnce <= CORES, `${fake.mostAtOnce} at once`);
  if (CORES > 1) assert.ok(fake.mostAtOnce > 1, "one after another");
});

test("nothing to do is done at once", async (fake) => {
  assert.deepEqual(await runTrials([], { jobs: 0 }), []);
  assert.deepEqual(fake.log, []);
});
