/** One trial by its folder: by hand, twice at once, and told to save. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  describedTrial,
  describeTrial,
  failuresOf,
  noteStop,
} from "../../../../core/run/sweep/trial_files.ts";
import {
  complaints,
  outcomeOf,
  ROOT,
  testWithProcesses,
  Workplace,
} from "../../../end_to_end/command.ts";
import { until } from "../../../support/until.ts";
import { userError } from "../../io/support.ts";
import { type FakeExperiment, withFake } from "./fake_trials.ts";

/** Starts `deno task trial`. */
function start(folder: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", join(ROOT, "deno.json"), "-P"],
      ...[join(ROOT, "scripts", "trial.ts"), folder, ...args],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

const run = (folder: string, ...args: string[]) => outcomeOf(start(folder, ...args));

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body));
}

Deno.test("a trial is described by a file with a hash of what it runs, wherever it lies", () =>
  withFake(async (fake) => {
    const trial = fake.trial("a", "x=1");
    describeTrial(trial);
    const { hash, directory, ...described } = describedTrial(trial.folder);
    assert.deepEqual(described, trial);
    assert.equal(directory, Deno.cwd());
    const other = fake.trial("b", "x=1");
    describeTrial(other);
    assert.equal(describedTrial(other.folder).hash, hash);
    const different = fake.trial("c", "x=2");
    describeTrial(different);
    assert.notEqual(describedTrial(different.folder).hash, hash);

    const path = join(trial.folder, "trial.json");
    const text = readFileSync(path, "utf8");
    Deno.writeTextFileSync(path, text.replace("x=1", "x=3"));
    await userError(() => describedTrial(trial.folder), "trial.json was changed");
    await userError(() => describedTrial(fake.folder), "is no trial");

    // The project's own scripts are named from its root: it may lie elsewhere on another machine.
    const own = { ...trial, script: join(ROOT, "scripts", "exp10.ts") };
    describeTrial(own);
    assert.equal(JSON.parse(readFileSync(path, "utf8")).script, "scripts/exp10.ts");
    assert.equal(describedTrial(trial.folder).script, own.script);
  }));

test("a trial is run once by hand, and not a second time", async (fake) => {
  const trial = fake.trial("a", "x=1");
  describeTrial(trial);
  assert.equal((await run(trial.folder, "--threads", "3")).code, 0);
  assert.ok(fake.log[0]!.args.includes("backend.threads=3"));
  const again = await run(trial.folder);
  assert.equal(again.code, 0);
  assert.match(again.stderr, /a is finished/);
  assert.deepEqual(fake.started, ["a"]);
});

test("a failure is noted with what was printed, under the name of the attempt", async (fake) => {
  const trial = fake.trial("a", "do=fail");
  describeTrial(trial);
  const outcome = await run(trial.folder, "--attempt", "7_1-0");
  assert.equal(outcome.code, 1);
  assert.match(complaints(outcome).at(-1)!, /^a failed: exit code 2: error: the disk is full$/);
  const [failure, ...others] = failuresOf(trial.folder);
  assert.deepEqual(others, []);
  assert.equal(failure!.key, "7_1-0");
  assert.equal(failure!.reason, "exit code 2: error: the disk is full");
  assert.ok(failure!.log.includes("step 1: loss 3"));
});

test("a trial that is not to be run any further is left alone", async (fake) => {
  const trial = fake.trial("a");
  describeTrial(trial);
  noteStop(trial.folder, { kind: "cancelled", why: "no interest" });
  const outcome = await run(trial.folder);
  assert.equal(outcome.code, 0);
  assert.match(outcome.stderr, /not to be run any further: cancelled, no interest/);
  assert.deepEqual(fake.log, []);
});

/** A workplace with a described trial of exp10, and its folder. */
function realTrial(place: Workplace, steps: number) {
  const trial = {
    name: "t",
    script: join(ROOT, "scripts", "exp10.ts"),
    folder: place.path("sweep", "trials", "t"),
    args: [
      ...["--scale", "small", "--model", place.path("model"), "--data", place.path("text.txt")],
      ...place.tiny().slice(6),
      ...["--steps", `${steps}`],
    ],
  };
  describeTrial(trial);
  const exists = (...names: string[]) => {
    try {
      return Deno.statSync(join(trial.folder, ...names)).isFile;
    } catch {
      return false;
    }
  };
  const record = () => JSON.parse(readFileSync(join(trial.folder, "run.json"), "utf8"));
  const begun = () => exists("checkpoints", "index.json");
  /** What it ended with, less what differs from one time to the next. */
  const result = () => {
    const { wallSeconds: _, ...final } = record().final;
    const losses = readFileSync(join(trial.folder, "metrics.csv"), "utf8").trimEnd().split("\n")
      .map((line) => line.split(",").slice(0, 4).join());
    return { status: record().status, loss: final.loss, skipRatio: final.skipRatio, losses };
  };
  return { trial, begun, result };
}

testWithProcesses("told that time is short it saves, and goes on to the same numbers", async () => {
  using whole = new Workplace();
  using cut = new Workplace();
  const steps = 60;
  const undisturbed = realTrial(whole, steps);
  assert.equal((await run(undisturbed.trial.folder, "--threads", "1")).code, 0);

  const { trial, begun, result } = realTrial(cut, steps);
  const first = start(trial.folder, "--threads", "1");
  const ended = outcomeOf(first);
  await until("it takes steps", begun);
  first.kill("SIGUSR2");
  const outcome = await ended;
  assert.equal(outcome.code, 75, outcome.stderr);
  assert.equal(result().status, "interrupted");
  assert.equal((await run(trial.folder, "--threads", "1")).code, 0);
  assert.deepEqual(result(), undisturbed.result());
  assert.deepEqual(failuresOf(trial.folder), []);
});

testWithProcesses("a second attempt waits for the first, and takes its result", async () => {
  using place = new Workplace();
  const { trial, begun, result } = realTrial(place, 60);
  const first = outcomeOf(start(trial.folder, "--threads", "1"));
  await until("it takes steps", begun);
  const second = await run(trial.folder, "--threads", "1");
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /open in another process: waiting for it[\s\S]*is finished/);
  assert.equal((await first).code, 0);
  assert.equal(result().status, "finished");
});

testWithProcesses("two attempts that do not know of each other come to one result", async () => {
  using alone = new Workplace();
  using place = new Workplace();
  const undisturbed = realTrial(alone, 40);
  assert.equal((await run(undisturbed.trial.folder, "--threads", "1")).code, 0);

  const { trial, begun, result } = realTrial(place, 40);
  const first = outcomeOf(start(trial.folder, "--threads", "1"));
  await until("it takes steps", begun);
  // As for a node that was cut off from the file server, and lost its locks there.
  Deno.removeSync(join(trial.folder, ".lock"));
  const second = outcomeOf(start(trial.folder, "--threads", "1"));
  const codes = [(await first).code, (await second).code];
  assert.ok(codes.includes(0), codes.join());
  // Whoever stumbled over the other is simply run again.
  assert.equal((await run(trial.folder, "--threads", "1")).code, 0);
  assert.deepEqual(result(), undisturbed.result());
});
