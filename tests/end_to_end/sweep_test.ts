/** Sweeps that are run twice, stopped, killed and started again. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { readJsonObject } from "../../core/io/mod.ts";
import {
  assertFinished,
  assertRefused,
  childrenOf,
  complaints,
  outcomeOf,
  testWithProcesses,
  TINY_OPTIONS,
  Workplace,
  works,
} from "./command.ts";

const TARGETS = [0.2, 0.4, 0.6];

/** Options of a sweep over {@link TARGETS}. */
function sweepArgs(out: string, steps: number, jobs: number): string[] {
  return [
    ...["--scale", "small", "--model", "model", "--data", "text.txt", "--steps", `${steps}`],
    ...TINY_OPTIONS,
    ...["--targets", TARGETS.join(), "--jobs", `${jobs}`, "--out", out],
  ];
}

/** The table of trials, less the time that each took. */
function trialsOf(folder: string): Record<string, string>[] {
  const rows = csvParse(Deno.readTextFileSync(join(folder, "trials.csv")));
  assert.equal(rows.length, TARGETS.length);
  return rows.map(({ wall_seconds: seconds, ...row }) => {
    assert.ok(Number(seconds) > 0);
    return row;
  });
}

/** Records of trials as they stand in their folders, by name; those that there are. */
function recordsIn(folder: string): Map<string, string> {
  const trials = join(folder, "trials");
  const names = existsSync(trials) ? readdirSync(trials) : [];
  return new Map(
    names.map((name) => [name, join(trials, name, "run.json")] as const)
      .filter(([, path]) => existsSync(path))
      .map(([name, path]) => [name, Deno.readTextFileSync(path)]),
  );
}

const isFinished = (record: string) => JSON.parse(record).status === "finished";
const startedAt = (record: string | undefined) => record && JSON.parse(record).startedAt;

/** Waits until one trial is finished and another takes steps; false when the sweep ends before. */
async function untilHalfway(folder: string, ended: Promise<unknown>): Promise<boolean> {
  let running = true;
  ended.then(() => running = false);
  while (running) {
    const records = recordsIn(folder);
    const finished = [...records.values()].filter(isFinished).length;
    const inTheMiddle = Array.from(records).some(([name, record]) =>
      !isFinished(record) && hasCheckpoint(join(folder, "trials", name))
    );
    if (finished > 0 && inTheMiddle) return true;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return false;
}

const hasCheckpoint = (trial: string) => existsSync(join(trial, "checkpoints", "index.json"));

/** How sweeps are cut short: what is done to one, and the exit code that it then has. */
const CUTS = {
  "stopped by Ctrl-C": {
    jobs: 1,
    code: 130,
    cut: (sweep: Deno.ChildProcess) => sweep.kill("SIGINT"),
  },
  "killed without warning, with all its trials": {
    jobs: 2,
    code: 137,
    cut: (sweep: Deno.ChildProcess) => {
      const children = childrenOf(sweep.pid);
      assert.ok(children.length > 0, "the sweep runs nothing");
      sweep.kill("SIGKILL");
      for (const child of children) {
        try {
          Deno.kill(child, "SIGKILL");
        } catch (error) {
          // It has just ended by itself.
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
    },
  },
} as const;

const STEPS = 20;

testWithProcesses(
  "a sweep that is cut short goes on where it was, and ends with the same table",
  async (test) => {
    using place = new Workplace();
    const whole = place.path("whole");
    assertFinished(await place.runScript("pareto", ...sweepArgs(whole, STEPS, 2), "--quiet"));

    for (const [name, { jobs, code, cut }] of Object.entries(CUTS)) {
      await test.step(name, async () => {
        // With a space, as folders have on other people's machines.
        const out = place.path(`cut ${code}`);
        const args = sweepArgs(out, STEPS, jobs);
        const child = place.startScript("pareto", ...args);
        const ended = outcomeOf(child);
        assert.ok(await untilHalfway(out, ended), "it was over too soon to be cut short");
        cut(child);
        const outcome = await ended;
        assert.equal(outcome.code, code, outcome.stderr);
        if (code === 130) {
          assert.match(
            complaints(outcome).at(-1)!,
            /^Stopped with [12] of 3 trials done; the same command goes on$/,
          );
        }
        assert.ok(!existsSync(join(out, "trials.csv")));
        const before = recordsIn(out);
        const done = Array.from(before).filter(([, record]) => isFinished(record));
        assert.ok(done.length > 0 && done.length < TARGETS.length);

        const again = await place.runScript("pareto", ...args);
        assertFinished(again);
        assert.deepEqual(trialsOf(out), trialsOf(whole));
        const after = recordsIn(out);
        // Finished trials are untouched, and those that were begun were not begun again.
        for (const [trial, record] of done) assert.equal(after.get(trial), record);
        for (const [trial, record] of before) {
          assert.equal(startedAt(after.get(trial)), startedAt(record), `${trial} was started anew`);
        }
        const kept = complaints(again).filter((line) => line.endsWith("was done before"));
        assert.equal(kept.length, done.length, again.stderr);
        assert.doesNotMatch(again.stderr, /is tried again|failed/);
      });
    }
  },
  () => works("pgrep", "--version") ? undefined : "pgrep",
);

testWithProcesses(
  "the same sweep twice gives the same table, and other options are refused",
  async () => {
    using place = new Workplace();
    const [first, second] = [place.path("first"), place.path("second")];
    for (const out of [first, second]) {
      assertFinished(await place.runScript("exp8", ...sweepArgs(out, 4, 2), "--penalties", "0.1"));
    }
    assert.deepEqual(trialsOf(first), trialsOf(second));
    assert.deepEqual(trialsOf(first).map((row) => row["target_skip"]).toSorted(), [
      "0.2",
      "0.4",
      "0.6",
    ]);
    assert.ok(trialsOf(first).every((row) => row["sparsity_weight"] === "0.1"));

    // Once more: nothing is run, and the table is what it was.
    const records = recordsIn(first);
    const table = Deno.readTextFileSync(join(first, "trials.csv"));
    const args = [...sweepArgs(first, 4, 2), "--penalties", "0.1"];
    assertFinished(await place.runScript("exp8", ...args));
    assert.deepEqual(recordsIn(first), records);
    assert.equal(Deno.readTextFileSync(join(first, "trials.csv")), table);

    const other = await place.runScript("exp8", ...args, "--set", "lora.rank=3");
    assertRefused(other, /first\/trials\/\S+ holds a run of other options .*--out/);
    const elsewhere = await place.runScript("exp8", ...args, "--experiment", "exp9");
    assertRefused(elsewhere, /holds a run of other options/);
    assert.deepEqual(recordsIn(first), records);
  },
);

testWithProcesses("a trial that cannot work is tried twice and reported in one line", async () => {
  using place = new Workplace();
  const args = [...sweepArgs("swept", 3, 1), "--targets", "0.3", "--model", "nowhere/at/all"];
  const outcome = await place.runScript("pareto", ...args, "--quiet");
  assert.equal(outcome.code, 2, outcome.stderr);
  assert.deepEqual(complaints(outcome).length, 1, outcome.stderr);
  assert.match(
    complaints(outcome)[0]!,
    /^error: 1 of 1 trials failed; the first, targetSkip=0\.3 .*exit code 2: error: .*nowhere\/at\/all/,
  );
  const unknown = await place.runScript("pareto", ...args, "--experiment", "exp99", "--quiet");
  assert.equal(unknown.code, 2, unknown.stderr);
  assert.match(complaints(unknown).at(-1)!, /1 of 1 trials failed.*exp99\.ts/);
});

testWithProcesses(
  "a shallower model leaves out layers of the best mask of the seed there is",
  async () => {
    using place = new Workplace();
    const args = [...sweepArgs("compared", 3, 2), "--seeds", "1"].filter((word, i, all) =>
      word !== "--targets" && all[i - 1] !== "--targets"
    );
    assertFinished(await place.runScript("compare", ...args, "--quiet"));
    const trials = place.path("compared", "trials");
    const record = (name: string) =>
      readJsonObject(join(trials, `${name},seed=1`, "run.json"), "the record");
    const { staticMask } = record("exp10")["final"] as { staticMask: number[] };
    assert.ok(staticMask.length > 0);
    for (const [flops, layers] of [["fewer", staticMask], ["more", staticMask.slice(0, -1)]]) {
      const config = record(`exp1,shallower=${flops}`)["config"] as {
        router: { skipLayers: number[] };
      };
      assert.deepEqual(config.router.skipLayers, layers);
    }
    const rows = csvParse(Deno.readTextFileSync(place.path("compared", "comparison.csv")));
    assert.deepEqual(new Set(rows.map((row) => row["seed"])), new Set(["1"]));
    assert.equal(rows.length, 13);
  },
);
