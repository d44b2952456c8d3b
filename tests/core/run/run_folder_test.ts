/** Run folders: made, found, locked, refused. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { ExperimentConfig } from "../../../core/run/config_schema.ts";
import { resolveConfig } from "../../../core/run/config.ts";
import { newestFinishedRun, newestUnfinishedRun } from "../../../core/run/newest_run.ts";
import { continueRun, createRun, type NewRun } from "../../../core/run/run_folder.ts";
import { isOpen } from "../../../core/run/run_lock.ts";
import { readRunRecord } from "../../../core/run/run_record.ts";
import { z } from "zod";

const CONFIG: ExperimentConfig = await resolveConfig({
  defaults: { name: "exp10", seed: 3, router: { name: "token" } },
  routerOptions: new Map([["token", z.object({})]]),
});

/** Runs a test in a folder of its own. */
function inFolder(name: string, test: (folder: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

function begin(root: string, more: Partial<NewRun> = {}) {
  return createRun({ config: CONFIG, commandLine: "deno task exp10 --fresh", root, ...more });
}

inFolder("a new run has a folder by time and seed, and says everything in run.json", (root) => {
  using run = begin(root, { now: new Date("2026-11-23T22:36:16.789Z") });
  assert.equal(run.path, join(root, "exp10", "2026-11-23T22-36-16-seed3"));
  const record = readRunRecord(run.path);
  assert.equal(record.status, "running");
  assert.deepEqual(record.config, CONFIG);
  assert.equal(record.commandLine, "deno task exp10 --fresh");
  assert.equal(record.startedAt, "2026-11-23T22:36:16.789Z");
  assert.equal(record.finishedAt, null);
  assert.equal(record.versions.deno, Deno.version.deno);
  assert.match(record.versions.onnxruntime, /^\d+\.\d+\.\d+$/);
  assert.ok(record.machine.cores >= 1 && record.machine.memoryGigabytes >= 1);
});

inFolder("two runs begun in one second get folders of their own", (root) => {
  const now = new Date("2026-11-23T22:36:16Z");
  using first = begin(root, { now });
  using second = begin(root, { now });
  assert.notEqual(first.path, second.path);
});

inFolder("a finished run keeps its numbers and is not found again", (root) => {
  const run = begin(root, { now: new Date(1e12) });
  run.finish({ perplexity: 22.5 }, new Date(1e12 + 1000));
  run[Symbol.dispose]();
  const record = readRunRecord(run.path);
  assert.equal(record.status, "finished");
  assert.deepEqual(record.final, { perplexity: 22.5 });
  assert.equal(Date.parse(record.finishedAt!) - Date.parse(record.startedAt), 1000);
  assert.equal(newestUnfinishedRun("exp10", root), undefined);
  assert.throws(() => continueRun(run.path), {
    name: "UserError",
    message: /is finished.*--fresh/,
  });
});

inFolder("the newest unfinished run is found among others, whatever lies about", (root) => {
  assert.equal(newestUnfinishedRun("exp10", root), undefined);
  const paths = [3, 1, 4, 2].map((day) => {
    const run = begin(root, { now: new Date(Date.UTC(2026, 0, day)) });
    if (day === 4) run.finish({});
    if (day === 3) run.interrupt();
    run[Symbol.dispose]();
    return run.path;
  });
  Deno.mkdirSync(join(root, "exp10", "9999-empty"));
  Deno.mkdirSync(join(root, "exp10", "9999-torn"));
  Deno.writeTextFileSync(join(root, "exp10", "9999-torn", "run.json"), `{"status": "runn`);
  Deno.writeTextFileSync(join(root, "exp10", "notes.txt"), "");
  assert.equal(newestUnfinishedRun("exp10", root), paths[0]);
  assert.equal(newestUnfinishedRun("exp1", root), undefined);
});

inFolder("the newest finished run is found among others, whatever lies about", (root) => {
  assert.equal(newestFinishedRun("exp10", root), undefined);
  const ends = [1, 4, 2, 6, 5, 3].map((day) => {
    const run = begin(root, { now: new Date(Date.UTC(2026, 0, day)) });
    if (day === 5) run.interrupt();
    // When a run ended says nothing: the first of these is the last to be finished.
    if (day <= 4) run.finish({}, new Date(Date.UTC(2026, 1, 10 - day)));
    run[Symbol.dispose]();
    return { day, path: run.path };
  });
  Deno.mkdirSync(join(root, "exp10", "9999-torn"));
  Deno.writeTextFileSync(join(root, "exp10", "9999-torn", "run.json"), `{"status": "finis`);
  assert.equal(newestFinishedRun("exp10", root), ends.find(({ day }) => day === 4)!.path);
  assert.equal(newestUnfinishedRun("exp10", root), ends.find(({ day }) => day === 6)!.path);

  // A run of another experiment that was copied here is none of this one.
  const other = begin(root, {
    config: { ...CONFIG, name: "exp1" },
    now: new Date(Date.UTC(2027, 0, 1)),
  });
  other.finish({});
  other[Symbol.dispose]();
  Deno.renameSync(other.path, join(root, "exp10", "copied"));
  assert.equal(newestFinishedRun("exp10", root), ends.find(({ day }) => day === 4)!.path);
  assert.equal(newestFinishedRun("exp1", root), undefined);
});

inFolder("an interrupted run can be continued, and then counts as running", (root) => {
  const run = begin(root);
  run.interrupt();
  run[Symbol.dispose]();
  assert.equal(readRunRecord(run.path).status, "interrupted");
  using again = continueRun(run.path);
  assert.equal(again.record.status, "running");
  assert.equal(readRunRecord(run.path).status, "running");
  assert.equal(again.record.startedAt, run.record.startedAt);
});

inFolder("run.json says where a run logs to, and what a continued one was told since", (root) => {
  const logging = { loggers: ["mlflow"], trackingUri: "http://127.0.0.1:5000" } as const;
  const run = begin(root, { logging });
  run[Symbol.dispose]();
  assert.deepEqual(readRunRecord(run.path).logging, logging);
  continueRun(run.path, { loggers: ["tensorboard"] })[Symbol.dispose]();
  assert.deepEqual(readRunRecord(run.path).logging, { loggers: ["tensorboard"] });
  continueRun(run.path, { loggers: [] })[Symbol.dispose]();
  assert.ok(!("logging" in readRunRecord(run.path)));
});

inFolder("a run that is open cannot be opened a second time", (root) => {
  const run = begin(root);
  assert.throws(() => continueRun(run.path), { name: "UserError", message: /another process/ });
  run[Symbol.dispose]();
  continueRun(run.path)[Symbol.dispose]();
});

inFolder(
  "a run that lost its lock unnoticed writes no more once another has taken over",
  (root) => {
    using first = begin(root);
    first.assertOwn();
    // As where the server of the files forgets a lock.
    Deno.removeSync(join(first.path, ".lock"));
    first.assertOwn();
    assert.ok(!isOpen(first.path));
    using second = continueRun(first.path);
    assert.ok(isOpen(first.path));
    second.assertOwn();
    const refused = { name: "UserError", message: /is open in another process/ };
    assert.throws(() => first.assertOwn(), refused);
    assert.throws(() => first.finish({ loss: 1 }), refused);
    second.finish({ loss: 2 });
    assert.deepEqual(readRunRecord(first.path).final, { loss: 2 });
  },
);

inFolder("--out takes a new or empty folder and refuses any other", (root) => {
  const out = join(root, "deep", "mine");
  begin(root, { out })[Symbol.dispose]();
  assert.equal(readRunRecord(out).name, "exp10");
  const refused = (path: string, message: RegExp) =>
    assert.throws(() => begin(root, { out: path }), { name: "UserError", message });
  refused(out, /already holds a run: continue it with --resume/);
  const foreign = join(root, "foreign");
  Deno.mkdirSync(foreign);
  begin(root, { out: join(root, "empty") })[Symbol.dispose]();
  Deno.writeTextFileSync(join(foreign, "thesis.tex"), "precious");
  refused(foreign, /not empty \(thesis\.tex\)/);
  refused(join(foreign, "thesis.tex"), /is a file/);
  assert.deepEqual([...Deno.readDirSync(foreign)].map(({ name }) => name), ["thesis.tex"]);
});

inFolder("a folder without a sound run.json is refused by name", (root) => {
  const refused = (message: RegExp) =>
    assert.throws(() => continueRun(root), { name: "UserError", message });
  refused(/is no run folder: it has no run\.json/);
  Deno.writeTextFileSync(join(root, "run.json"), "{");
  refused(/run\.json is damaged: it is not JSON/);
  Deno.writeTextFileSync(join(root, "run.json"), `{"name": "exp10", "status": "odd"}`);
  refused(/run\.json is damaged: status/);
  const logging = { loggers: ["wandb"] };
  const sound = { name: "exp10", status: "running", config: {}, seed: 0, startedAt: "2026" };
  Deno.writeTextFileSync(join(root, "run.json"), JSON.stringify({ ...sound, logging }));
  refused(/run\.json is damaged: logging\.loggers\.0/);
});

inFolder("a run is open for as long as somebody holds it", (root) => {
  assert.equal(isOpen(root), false);
  assert.equal(isOpen(join(root, "absent")), false);
  const run = begin(root);
  assert.equal(isOpen(run.path), true);
  run[Symbol.dispose]();
  assert.equal(isOpen(run.path), false);
  // To ask is not to hold.
  using _ = continueRun(run.path);
});
