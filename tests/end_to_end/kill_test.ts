/**
 * A run that is killed or stopped, at whatever moment, and continued ends with the same bits as one
 * that was left alone.
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readJsonObject, verifyFolder } from "../../core/io/mod.ts";
import { readMetrics, TIMING_COLUMNS } from "../../core/run/metrics_csv.ts";
import { RandomStream } from "../../core/tensor/mod.ts";
import {
  assertFinished,
  complaints,
  type Outcome,
  outcomeOf,
  ROOT,
  testWithProcesses,
  Workplace,
  type Workplace as Place,
} from "./command.ts";

const STEPS = 30;

/** What is cut short: the script's name, and settings of its own. */
interface Experiment {
  readonly name: string;
  readonly sets: readonly string[];
}

/** A router that is trained by gradients. */
const TOKEN: Experiment = { name: "exp10", sets: [] };

/** One that is trained by policy gradient, with what a sequence usually costs to be remembered. */
const POLICY: Experiment = { name: "exp3", sets: ["router.promptTokens=4"] };

/** Steps, evaluations and checkpoints fall together in every possible way. */
function settings(place: Place, { sets }: Experiment): string[] {
  const all = ["evaluation.every=7", "checkpoint.every=3", "lora.dropout=0.1", ...sets];
  return [
    ...place.tiny(),
    ...["--steps", `${STEPS}`, "--quiet"],
    ...all.flatMap((set) => ["--set", set]),
  ];
}

/** When to kill a run: called often, with the folder of the run and the time since it was there. */
type Moment = (run: string, milliseconds: number) => boolean;

/** A random time after the run folder is there, while steps are taken. */
function after(milliseconds: number): Moment {
  return (_, elapsed) => elapsed >= milliseconds;
}

/** While a checkpoint is being written, `taken` or more steps into the run. */
function whileSaving(taken: number): Moment {
  return (run) =>
    checkpointNames(run).some((name) => {
      const step = /^\.step-(\d+)\.tmp$/.exec(name)?.[1];
      return step !== undefined && Number(step) >= taken;
    });
}

/** As soon as the last checkpoint has its name, before the index names it. */
function onceSaved(run: string): boolean {
  return checkpointNames(run).includes(lastCheckpoint);
}

const lastCheckpoint = `step-${String(STEPS).padStart(6, "0")}`;

testWithProcesses("a run that is cut short and continued ends with the same bits", async (test) => {
  using place = new Workplace();
  const unbroken = place.path("unbroken");
  assertFinished(await place.run(...settings(place, TOKEN), "--out", "unbroken"));
  await test.step("killed without warning, at five moments", async () => {
    const random = new RandomStream(1, "moments of killing");
    const moments = [
      after(300 * random.uniform()),
      whileSaving(3),
      after(500 * random.uniform()),
      whileSaving(STEPS / 2),
      onceSaved,
    ];
    await killRepeatedly(place, TOKEN, place.path("killed"), moments);
    assertSameRun(place.path("killed"), unbroken);
  });
  await test.step("stopped by Ctrl-C, which saves and says how to go on", async () => {
    assertSameRun(await stopAndContinue(place), unbroken);
  });
});

testWithProcesses("so does one whose router is trained by policy gradient", async () => {
  using place = new Workplace();
  const [unbroken, killed] = [place.path("unbroken"), place.path("killed")];
  const args = [...settings(place, POLICY), "--out", unbroken];
  assertFinished(await place.runScript(POLICY.name, ...args));
  // The baseline is of use, and the router decides something.
  const rows = readMetrics(join(unbroken, "metrics.csv"));
  assert.ok(rows.filter((row) => row["policy_loss"] !== 0).length > STEPS / 2);
  assert.ok(rows.filter((row) => row["skip_ratio"]! > 0).length > STEPS / 2);

  await killRepeatedly(place, POLICY, killed, [whileSaving(3), after(100), whileSaving(STEPS / 2)]);
  assertSameRun(killed, unbroken);
});

/** Takes a run to its end through a kill at every moment of a list. */
async function killRepeatedly(
  place: Place,
  experiment: Experiment,
  run: string,
  moments: readonly Moment[],
): Promise<void> {
  let kills = 0;
  for (const moment of moments) {
    const args = existsSync(join(run, "run.json"))
      ? ["--resume", run, "--quiet"]
      : [...settings(place, experiment), "--out", run];
    if (await killAt(place.startScript(experiment.name, ...args), run, moment)) kills++;
    if (isFinished(run)) break;
  }
  // A machine may be so slow or so fast that a moment is missed, but not most of them.
  assert.ok(kills >= 2, `only ${kills} of ${moments.length} kills hit the run`);
  if (isFinished(run)) return;
  assertFinished(await place.runScript(experiment.name, "--resume", run, "--quiet"));
}

/** Stops a run by Ctrl-C and continues it with the command that it prints; returns its folder. */
async function stopAndContinue(place: Place): Promise<string> {
  const { run, stopped } = await stopInTime(place);
  assert.equal(stopped.code, 130, stopped.stderr);
  const record = readJsonObject(join(run, "run.json"), "the record");
  assert.equal(record["status"], "interrupted");

  const last = complaints(stopped).at(-1)!;
  const advice = /^Stopped and saved after step (\d+); continue with: deno run -P (\S+) (.+)$/
    .exec(last);
  assert.ok(advice !== null, last);
  const [, step, script, args] = advice;
  assert.equal(resolve(place.path(), script!), join(ROOT, "scripts", "exp10.ts"));
  assert.ok(Number(step) < STEPS, `stopped only after the last step`);
  verifyFolder(join(run, "checkpoints", `step-${step!.padStart(6, "0")}`));
  assertFinished(await place.run(...args!.split(" "), "--quiet"));
  return run;
}

/** Starts runs, and interrupts each after its first checkpoint, until one is caught before its end. */
async function stopInTime(place: Place): Promise<{ run: string; stopped: Outcome }> {
  for (let attempt = 1;; attempt++) {
    const before = new Set(place.runs());
    const child = place.start("--fresh", ...settings(place, TOKEN));
    const run = await until(() => place.runs().find((name) => !before.has(name)));
    await until(() => checkpointNames(run).some((name) => name.startsWith("step-")) || undefined);
    child.kill("SIGINT");
    const stopped = await outcomeOf(child);
    // On a busy machine the signal may come too late.
    if (stopped.code !== 0 || attempt === 5) return { run, stopped };
  }
}

function isFinished(run: string): boolean {
  return readJsonObject(join(run, "run.json"), "the record")["status"] === "finished";
}

/** Kills a process without warning when its run's moment has come; false if it ended before. */
async function killAt(child: Deno.ChildProcess, run: string, moment: Moment): Promise<boolean> {
  const ended = outcomeOf(child);
  let running = true;
  ended.then(() => running = false);
  const before = metricsSize(run);
  let begun: number | undefined;
  while (running) {
    // The first thing that a run does with steps is to open its metrics anew.
    if (begun === undefined && metricsSize(run) !== before) begun = performance.now();
    if (begun !== undefined && moment(run, performance.now() - begun)) break;
    await pause();
  }
  if (running) child.kill("SIGKILL");
  const { code, signal, stderr } = await ended;
  if (signal === "SIGKILL") return true;
  assert.equal(code, 0, stderr);
  return false;
}

function metricsSize(run: string): number {
  const path = join(run, "metrics.csv");
  return existsSync(path) ? Deno.statSync(path).size : -1;
}

/** Asserts that two finished runs hold the same files, but for times and places. */
function assertSameRun(run: string, expected: string): void {
  const checkpoints = (folder: string) =>
    readdirSync(join(folder, "checkpoints"), { recursive: true }).map(String).toSorted();
  assert.deepEqual(checkpoints(run), checkpoints(expected));
  for (const name of checkpoints(expected)) {
    const path = join("checkpoints", name);
    if (Deno.statSync(join(expected, path)).isDirectory) continue;
    const same = Deno.readFileSync(join(run, path)).toBase64() ===
      Deno.readFileSync(join(expected, path)).toBase64();
    assert.ok(same, `${path} differs from the unbroken run`);
  }
  const { latest, best } = readJsonObject(join(run, "checkpoints", "index.json"), "the index");
  assert.equal(latest, lastCheckpoint);
  for (const name of [latest, best]) verifyFolder(join(run, "checkpoints", String(name)));
  assert.equal(withoutTimes(run), withoutTimes(expected));
  const layers = (folder: string) => Deno.readTextFileSync(join(folder, "layer_activity.csv"));
  assert.equal(layers(run), layers(expected));
  assert.deepEqual(finalOf(run), finalOf(expected));
}

/** `metrics.csv` less the columns of times, which come last. */
function withoutTimes(run: string): string {
  const lines = Deno.readTextFileSync(join(run, "metrics.csv")).trimEnd().split("\n");
  assert.ok(lines[0]!.endsWith(TIMING_COLUMNS.join(",")));
  assert.equal(lines.length, STEPS + 1);
  return lines.map((line) => line.split(",").slice(0, -TIMING_COLUMNS.length).join()).join("\n");
}

function finalOf(run: string): unknown {
  const record = readJsonObject(join(run, "run.json"), "the record");
  const { wallSeconds: _, ...final } = record["final"] as Record<string, unknown>;
  return final;
}

function checkpointNames(run: string): string[] {
  const folder = join(run, "checkpoints");
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Waits until `look` finds something. */
async function until<T>(look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadline, "waited a minute in vain");
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
