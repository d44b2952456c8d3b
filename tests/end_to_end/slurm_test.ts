/** Sweeps on a Slurm cluster of two nodes, which are lost, and a controller, which goes away. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { readMetrics } from "../../core/run/metrics_csv.ts";
import { FakeExperiment } from "../core/run/sweep/fake_trials.ts";
import { lacksSlurm, SlurmCluster } from "../support/slurm/cluster.ts";
import { type DrivenTrial } from "../support/slurm/drive.ts";
import { until } from "../support/until.ts";
import {
  assertFinished,
  assertRefused,
  complaints,
  listenTo,
  type Outcome,
  outcomeOf,
  ROOT,
  testWithProcesses,
  Workplace,
} from "./command.ts";

/**
 * How the launcher is used here: in a hurry. Slurm looks every 30 seconds whether a job's time is nearly
 * over, and is 30 seconds early to be on the safe side: the warning comes after 10 to 40 seconds.
 */
const HURRY = { pollSeconds: 0.5, time: "1", signalDelay: 20 };

/** A cluster, and a folder with a tiny model that its nodes see. */
interface Scene {
  readonly cluster: SlurmCluster;
  readonly place: Workplace;
}

/** Starts what sees trials through; see `drive.ts`. */
function drive(
  { place }: Scene,
  out: string,
  launcher: string,
  options: object,
  trials: readonly DrivenTrial[],
): Deno.ChildProcess {
  const file = place.path(`${out}.json`);
  writeFileSync(file, JSON.stringify(trials));
  const script = join(ROOT, "tests", "support", "slurm", "drive.ts");
  const config = ["--config", join(ROOT, "deno.json"), "-P=test"];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...config, script, out, launcher, JSON.stringify(options), file],
    cwd: place.folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...place.env },
  }).spawn();
}

/** How trials ended, by name. */
function endsOf(outcome: Outcome): Map<string, Record<string, unknown>> {
  assertFinished(outcome);
  const ends = outcome.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return new Map(ends.map(({ name, ...end }) => [name, end]));
}

/** The table of a sweep, less what differs between machines. */
async function tableOf({ place }: Scene, out: string): Promise<Record<string, string>[]> {
  assertFinished(await place.runScript("sweep", "collect", out));
  const rows = csvParse(readFileSync(place.path(out, "states.csv"), "utf8"));
  return rows.map(({ wall_seconds: _, where: __, ...row }) => row);
}

const log = ({ place }: Scene, out: string, trial: string) => {
  const path = place.path(out, "trials", trial, "trial.log");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};

/** The node on which a trial runs, or ran last. */
const nodeOf = (scene: Scene, out: string, trial: string) =>
  /== job \S+ on (\w+)(?![\s\S]*== job)/.exec(log(scene, out, trial))?.[1];

/** Eight trials whose numbers depend on all that is resumed, one of which is held up. */
async function lostNodes(scene: Scene): Promise<void> {
  const { cluster, place } = scene;
  const script = join(ROOT, "scripts", "exp10.ts");
  const trials = Array.from({ length: 8 }, (_, k) => ({
    name: `trial${k}`,
    script,
    args: [...place.tiny(), "--steps", "60", "--set", `objective.targetSkip=0.${k + 1}`],
  }));
  const { said, ended } = listenTo(drive(scene, "swept", "slurm", HURRY, trials));
  const checkpoint = (trial: string) =>
    existsSync(place.path("swept", "trials", trial, "checkpoints", "index.json"));
  const finished = (trial: string) => {
    const path = place.path("swept", "trials", trial, "run.json");
    return existsSync(path) && JSON.parse(readFileSync(path, "utf8")).status === "finished";
  };

  // The first trial is held up until its time is nearly over.
  await until("the first trial takes steps", () => checkpoint("trial0"));
  const held = cluster.experiments("/trials/trial0");
  for (const pid of held) Deno.kill(pid, "SIGSTOP");
  assert.ok(held.length > 0 && !finished("trial0"), "it was over too soon to be held up");

  const lost = nodeOf(scene, "swept", "trial0") === "n1" ? "n2" : "n1";
  const others = trials.map(({ name }) => name).slice(1);
  const victim = () =>
    others.find((name) =>
      nodeOf(scene, "swept", name) === lost && checkpoint(name) && !finished(name)
    );
  await until(`a trial takes steps on ${lost}`, () => victim() !== undefined);
  const victims = victim()!;
  await cluster.powerLoss(lost);
  assert.ok(!finished(victims));
  // Meanwhile, what the numbers should be.
  const local = outcomeOf(drive(scene, "local", "local", { jobs: 1 }, trials));

  await cluster.end("slurmctld", "SIGTERM");
  // Commands try for nine seconds before they give up.
  await until("the sweep finds that out", () => /Slurm is out of reach/.test(said.stderr), 40);
  cluster.startController();

  await until(
    "the first trial is told to save",
    () => /SIGUSR2/.test(log(scene, "swept", "trial0")),
  );
  for (const pid of held) Deno.kill(pid, "SIGCONT");

  const outcome = await ended;
  const ends = endsOf(outcome);
  assert.deepEqual([...ends.keys()], trials.map(({ name }) => name));
  for (const [name, end] of ends) assert.deepEqual(end, { kept: false }, name);
  assert.match(outcome.stderr, /Slurm is out of reach .*nothing is changed/);
  assert.match(
    log(scene, "swept", "trial0"),
    /restarts: 0[\s\S]*SIGUSR2: saving[\s\S]*restarts: 1/,
  );
  assert.match(log(scene, "swept", victims), /restarts: 0[\s\S]*restarts: 1/);

  assertFinished(await local);
  const table = await tableOf(scene, "swept");
  assert.deepEqual(table.map((row) => row["trial"]), trials.map(({ name }) => name));
  assert.deepEqual(table, await tableOf(scene, "local"));
  const losses = (out: string, trial: string) =>
    readMetrics(place.path(out, "trials", trial, "metrics.csv"))
      .map((row) => [row.step, row["train_loss"], row["validation_loss"]]);
  for (const { name } of trials) {
    assert.deepEqual(losses("swept", name), losses("local", name), name);
  }
  cluster.startNode(lost);
}

/** Many short trials, whose driver is killed in the middle. */
async function killedDriver(scene: Scene, count: number): Promise<void> {
  const fake = new FakeExperiment(scene.place.path("."), undefined, "exp78");
  const trials = Array.from({ length: count }, (_, k) => ({
    name: `short${k}`,
    script: fake.script,
    args: ["--set", "wait=50", "--set", `x=${k}`],
  }));
  for (const launcher of ["slurm", "local"]) {
    const out = `short ${launcher}`;
    const options = launcher === "slurm" ? { pollSeconds: 0.5 } : { jobs: 2 };
    const begun = fake.started.length;
    const first = drive(scene, out, launcher, options, trials);
    const gone = outcomeOf(first);
    await until("a tenth of them is done", () => fake.started.length - begun > count / 10, 120);
    first.kill(launcher === "slurm" ? "SIGKILL" : "SIGINT");
    const { stderr } = await gone;
    const second = await outcomeOf(drive(scene, out, launcher, options, trials));
    const ends = endsOf(second);
    assert.equal(ends.size, count);
    for (const [name, end] of ends) assert.ok("kept" in end, `${name}: ${JSON.stringify(end)}`);
    // With how many seconds since the start in front of it.
    const told = [stderr, second.stderr].flatMap((text) => text.trimEnd().split("\n"));
    if (TOLD) {
      console.log([launcher, ...told.filter((line) => / submitted /.test(line))], told.at(-1));
    }
    if (launcher === "slurm") {
      // The jobs went on without the driver, and the next one found them.
      assert.doesNotMatch(second.stderr, /submitted/);
      assert.equal(fake.started.length - begun, count);
    }
  }
  const [queued, local] = [
    await tableOf(scene, "short slurm"),
    await tableOf(scene, "short local"),
  ];
  assert.equal(queued.length, count);
  assert.ok(queued.every((row) => row["state"] === "finished"));
  assert.deepEqual(queued, local);
}

/** What fails, and what is said of it. */
async function failures(scene: Scene): Promise<void> {
  const fake = new FakeExperiment(scene.place.path("."), undefined, "exp79");
  const greedy = scene.place.path("exp80.ts");
  writeFileSync(
    greedy,
    "const all = []; while (true) { all.push(new Uint8Array(5e7).fill(1)); " +
      "await new Promise((go) => setTimeout(go, 100)); }",
  );
  const trials = [
    { name: "fails", script: fake.script, args: ["--set", "do=fail"] },
    { name: "greedy", script: greedy, args: [] },
    { name: "cancelled", script: fake.script, args: ["--set", "wait=60000"] },
    { name: "good", script: fake.script, args: ["--set", "do=fail-once"] },
  ];
  const child = drive(scene, "failing", "slurm", { ...HURRY, mem: "600M" }, trials);
  const ended = outcomeOf(child);
  await until("the long one runs", () => fake.started.includes("cancelled"));
  const task = /== job (\S+)/.exec(log(scene, "failing", "cancelled"))![1]!;
  scene.cluster.run("scancel", task);
  const outcome = await ended;
  const ends = endsOf(outcome);
  assert.deepEqual(ends.get("good"), { kept: false });
  assert.deepEqual(ends.get("cancelled"), {
    stopped: { kind: "cancelled", why: `scancel of job ${task}` },
  });
  const failed = ends.get("fails") as { failure: string; log: string[] };
  assert.equal(failed.failure, "exit code 2: error: the disk is full");
  assert.ok(failed.log.includes("step 1: loss 3"), failed.log.join("\n"));
  const { failure } = ends.get("greedy") as { failure: string };
  assert.match(
    failure,
    /^job \S+ on n[12] was killed for memory: it had taken \d+ MB of the 600 MB .*--mem/,
  );
  assert.equal(fake.started.filter((name) => name === "fails").length, 2);
  assert.equal(fake.started.filter((name) => name === "cancelled").length, 1);

  // Cancelled stays cancelled, until somebody wants otherwise.
  const status = await scene.place.runScript("sweep", "status", "failing");
  assertFinished(status);
  assert.match(status.stdout, /4 trials: 1 cancelled, 2 failed, 1 finished/);
  const again = drive(scene, "failing", "slurm", HURRY, trials.slice(2));
  assert.match(JSON.stringify(endsOf(await outcomeOf(again)).get("cancelled")), /"cancelled"/);
  assertFinished(await scene.place.runScript("sweep", "retry", "failing"));
  assert.ok(!existsSync(scene.place.path("failing", "trials", "cancelled", "stop.json")));
}

/** What Slurm refuses, and what its nodes do not see. */
async function refusals({ cluster, place }: Scene): Promise<void> {
  const args = [...place.tiny(), "--targets", "0.3", "--quiet", "--launcher", "slurm"];
  const nowhere = await place.runScript("pareto", ...args, "--partition", "nowhere");
  assertRefused(nowhere, /no partition "nowhere"; there are: main$/);
  const greedy = await place.runScript("pareto", ...args, "--mem", "999G", "--out", "greedy");
  assertRefused(greedy, /Slurm refuses the job: .*(memory|configuration)/i);
  if (cluster.unseen === undefined) return;
  const out = join(cluster.unseen, "sweep");
  const unseen = await place.runScript("pareto", ...args, "--poll-seconds", "0.5", "--out", out);
  assertRefused(
    unseen,
    /Node n[12] does not see \S+unseen\/sweep .*file system that the nodes share/,
  );
}

/** Stopping the command does not stop the jobs, and cancelling does. */
async function stopped(scene: Scene): Promise<void> {
  const { cluster, place } = scene;
  const fake = new FakeExperiment(place.path("."), undefined, "exp81");
  const trials = Array.from({ length: 6 }, (_, k) => ({
    name: `long${k}`,
    script: fake.script,
    args: ["--set", "wait=60000", "--set", `x=${k}`],
  }));
  const child = drive(scene, "long", "slurm", { ...HURRY, arrayLimit: 1 }, trials);
  const ended = outcomeOf(child);
  await until("one runs", () => log(scene, "long", "long0") !== "");
  child.kill("SIGINT");
  const outcome = await ended;
  assert.equal(outcome.code, 130, outcome.stderr);
  assert.match(
    complaints(outcome).at(-1)!,
    /0 of 6 trials ended; the jobs go on.*sweep\.ts status/,
  );
  const status = await place.runScript("sweep", "status", "long");
  assert.match(status.stdout, /6 trials: 1 running, 5 waiting /);
  assertFinished(await place.runScript("sweep", "cancel", "long"));
  await until(
    "the queue is empty",
    () => cluster.run("squeue", "-h", "-t", "PENDING,RUNNING,COMPLETING") === "",
  );
  const after = await place.runScript("sweep", "status", "long");
  assert.match(after.stdout, /6 trials: 6 cancelled/);
}

/** How many short trials there are; where it is said, it is said too how long they took. */
const TOLD = Deno.env.get("DLR_SLURM_TRIALS");
const MANY = Number(TOLD ?? 24);

testWithProcesses("sweeps on a Slurm cluster", async (test) => {
  await using cluster = await SlurmCluster.start();
  using place = new Workplace(cluster.env);
  const scene = { cluster, place };
  const steps: readonly [name: string, step: () => Promise<void>][] = [
    ["what Slurm refuses is said in a line", () => refusals(scene)],
    ["stopping the command leaves the jobs, cancelling ends them", () => stopped(scene)],
    ["what fails is tried twice and reported with what it printed", () => failures(scene)],
    [
      `${MANY} short trials survive their driver, and none is lost`,
      () => killedDriver(scene, MANY),
    ],
    [
      "a lost node, a time limit and a restarted controller change no number",
      () => lostNodes(scene),
    ],
  ];
  const only = Deno.env.get("DLR_SLURM_ONLY");
  for (const [name, step] of steps) {
    if (only === undefined || name.includes(only)) await test.step(name, step);
  }
}, lacksSlurm);
