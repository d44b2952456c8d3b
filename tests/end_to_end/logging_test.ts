/** Runs that log to TensorBoard and MLflow beside their CSV: killed, stopped, and left alone. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type LogEvent, readEvent } from "../../core/run/logging/tensorboard/events.ts";
import { wholeRecords } from "../../core/run/logging/tensorboard/records.ts";
import { loggedSteps } from "../../core/run/logging/mod.ts";
import { readMetrics } from "../../core/run/metrics_csv.ts";
import { readRunRecord } from "../../core/run/run_record.ts";
import { MlflowServer } from "../support/mlflow_server.ts";
import {
  assertFinished,
  assertRefused,
  complaints,
  outcomeOf,
  testWithProcesses,
  Workplace,
} from "./command.ts";

const STEPS = 30;

/** Options of a run that saves rarely, so that a kill takes steps away that were logged. */
function options(place: Workplace, ...more: string[]): string[] {
  return [
    ...place.tiny(),
    ...["--steps", `${STEPS}`, "--set", "checkpoint.every=10", "--set", "evaluation.every=10"],
    ...["--out", place.path("run"), "--quiet"],
    ...more,
  ];
}

const toBoth = (
  server: MlflowServer,
) => ["--log", "tensorboard,mlflow", "--tracking-uri", server.uri];

testWithProcesses("a run that is killed and continued shows every step once", async () => {
  using place = new Workplace();
  await using server = MlflowServer.start();
  const run = place.path("run");
  const child = place.start("--fresh", ...options(place, ...toBoth(server)));
  // In the middle between two checkpoints, when the server has steps beyond the first of them.
  const ended = outcomeOf(child);
  await until(() => stepsOf(run) > 13, ended);
  child.kill("SIGKILL");
  assert.equal((await ended).signal, "SIGKILL");
  assert.equal(server.run.status, "RUNNING");
  const before = stepsOf(run);

  // It goes on logging as before, without being told.
  assertFinished(await place.run("--resume", run, "--quiet"));
  assert.equal(stepsOf(run), STEPS);
  assert.ok(before > 10, "the kill took no steps away");
  assertLogged(run, server);
  assert.equal(server.run.status, "FINISHED");
  const { final } = readRunRecord(run);
  assert.deepEqual(server.history("final/loss"), [[STEPS, final["loss"]]]);
});

testWithProcesses("a run that is stopped says so, and goes on in the same place", async () => {
  using place = new Workplace();
  await using server = MlflowServer.start();
  const run = place.path("run");
  const child = place.start("--fresh", ...options(place, ...toBoth(server)));
  const ended = outcomeOf(child);
  await until(() => stepsOf(run) > 3, ended);
  child.kill("SIGINT");
  assert.equal((await ended).code, 130);
  assert.equal(server.run.status, "KILLED");
  assertFinished(await place.run("--resume", run, "--quiet"));
  assertLogged(run, server);
  assert.equal(server.run.status, "FINISHED");
});

testWithProcesses(
  "a server that errs or goes away changes nothing but a note",
  async (test) => {
    using place = new Workplace();
    assertFinished(await place.run("--fresh", ...options(place)));
    const expected = withoutTimes(place.path("run"));
    const faults: Record<string, (server: MlflowServer) => void> = {
      "goes away": (server) => {
        server.fault = ({ path }) => {
          if (path !== "runs/log-batch") return undefined;
          void server.stop();
          return new Response(null, { status: 500 });
        };
      },
      "errs": (server) => {
        server.fault = ({ path, body }) =>
          body.metrics?.length > 0 || path === "runs/update"
            ? new Response(null, { status: 500 })
            : undefined;
      },
    };
    for (const [name, inject] of Object.entries(faults)) {
      await test.step(name, async () => {
        fs.rmSync(place.path("run"), { recursive: true });
        await using server = MlflowServer.start();
        // It takes the parameters, and then no more.
        server.fault = ({ body }) => {
          if (body.params?.length > 0) inject(server);
          return undefined;
        };
        const outcome = await place.run("--fresh", ...options(place, ...toBoth(server)));
        assertFinished(outcome);
        assert.equal(withoutTimes(place.path("run")), expected);
        const notes = complaints(outcome).filter((line) => !line.startsWith("step "));
        assert.equal(notes.length, 1, outcome.stderr);
        assert.match(
          notes[0]!,
          /^MLflow at .*: \d+ numbers and the end of the run were not sent \(.+\)/,
        );
        if (name === "goes away") server.restart();
      });
    }
  },
);

testWithProcesses("what is wrong with logging is said before anything is made", async () => {
  using place = new Workplace({ "MLFLOW_TRACKING_URI": "" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nobody = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const refused = async (says: RegExp, ...args: string[]) =>
    assertRefused(await place.run("--fresh", ...options(place, ...args)), says);
  await refused(/"tensorbord".*did you mean "tensorboard"\?/, "--log", "tensorbord");
  await refused(/MLFLOW_TRACKING_URI/, "--log", "mlflow");
  await refused(/the connection failed/, "--log", "mlflow", "--tracking-uri", nobody);
  await refused(/"mlruns".*no address/, "--log", "mlflow", "--tracking-uri", "mlruns");
  assert.ok(!fs.existsSync(place.path("run")));
});

testWithProcesses("the trials of a sweep log as they are told", async () => {
  using place = new Workplace();
  await using server = MlflowServer.start();
  const outcome = await place.runScript(
    "pareto",
    ...["--model", "model", "--data", "text.txt", "--scale", "small", "--steps", "2"],
    ...options(place).filter((word, i, all) => word === "--set" || all[i - 1] === "--set"),
    ...["--targets", "0.2,0.4", "--jobs", "2", "--out", place.path("sweep"), "--quiet"],
    ...toBoth(server),
  );
  assertFinished(outcome);
  assert.deepEqual(server.runs.map(({ status }) => status), ["FINISHED", "FINISHED"]);
  assert.equal(new Set(server.runs.map(({ name }) => name)).size, 2);
  for (const run of server.runs) {
    const folder = place.path("sweep", "trials", run.name);
    assert.equal(shownBy(folder).get("loss/train")?.size, 2);
    assert.equal(server.history("loss/train", run).length, 2);
  }
});

/** Asserts that both loggers have what the CSV files have: every number of every step, once. */
function assertLogged(run: string, server: MlflowServer): void {
  const csv = loggedSteps(join(run, "metrics.csv"), join(run, "layer_activity.csv"));
  const timed = (tag: string) => /^(speed|memory)\//.test(tag);
  const tags = [...new Set(csv.flatMap(({ scalars }) => Object.keys(scalars)))];
  const shown = shownBy(run);
  for (const tag of tags) {
    const expected = csv.filter(({ scalars }) => tag in scalars)
      .map(({ step, scalars }) => [step, scalars[tag]!] as const);
    const steps = expected.map(([step]) => step);
    const sent = server.history(tag);
    assert.deepEqual(sent.map(([step]) => step), steps, tag);
    assert.deepEqual([...shown.get(tag)!.keys()], steps, tag);
    // What was measured in the time that was lost differs.
    if (timed(tag)) continue;
    assert.deepEqual(sent, expected, tag);
    const single = expected.map(([step, value]) => [step, Math.fround(value)]);
    assert.deepEqual([...shown.get(tag)!], single, tag);
  }
  assert.ok(tags.includes("loss/validation") && tags.includes("layer_activity/layer_02"));
}

/** Numbers by step, by tag, as TensorBoard shows the event files of a folder. */
function shownBy(folder: string): Map<string, Map<number, number>> {
  const shown = new Map<string, Map<number, number>>();
  for (const { step = 0, sessionLog, summary } of eventsIn(folder)) {
    if (sessionLog?.status === 1) {
      for (const values of shown.values()) {
        for (const each of values.keys()) if (each >= step) values.delete(each);
      }
    }
    for (const { tag, simpleValue } of summary?.value ?? []) {
      if (simpleValue === undefined) continue;
      const values = shown.get(tag) ?? new Map<number, number>();
      assert.ok(!values.has(step), `${tag} has step ${step} twice`);
      shown.set(tag, values.set(step, simpleValue));
    }
  }
  return shown;
}

function eventsIn(folder: string): LogEvent[] {
  return fs.readdirSync(folder).filter((name) => name.includes("tfevents")).toSorted()
    .flatMap((name) => [...wholeRecords(fs.readFileSync(join(folder, name)))].map(readEvent));
}

/** Steps that a run's CSV has. */
function stepsOf(run: string): number {
  const path = join(run, "metrics.csv");
  return fs.existsSync(path) ? readMetrics(path).length : 0;
}

function withoutTimes(run: string): string {
  return readMetrics(join(run, "metrics.csv"))
    .map(({ step, train_loss, validation_loss }) => [step, train_loss, validation_loss].join())
    .join("\n");
}

/** Waits until `look` says so, or the process has ended. */
async function until(look: () => boolean, ended: Promise<unknown>): Promise<void> {
  let running = true;
  ended.then(() => running = false);
  while (running && !look()) await new Promise((resolve) => setTimeout(resolve, 1));
}
