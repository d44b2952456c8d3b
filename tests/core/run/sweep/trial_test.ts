/** Where a trial stands, told from its folder. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { peakMemoryOf, stateOf, type Trial } from "../../../../core/run/sweep/trial.ts";
import { userError } from "../../io/support.ts";
import { withFake, writeRecord } from "./fake_trials.ts";

const ARGS = "--set objective.targetSkip=0.3 --steps 5";

/** A trial with {@link ARGS}. */
const trialIn = (folder: string, args = ARGS, script = "/scripts/exp10.ts"): Trial => ({
  name: "targetSkip=0.3",
  script,
  folder: join(folder, "trial"),
  args: args.split(" "),
});

Deno.test("a trial is absent without a record, and as far as its record says", () =>
  withFake(({ folder }) => {
    const trial = trialIn(folder);
    assert.equal(stateOf(trial), "absent");
    // As left by a process that was killed before it could write anything.
    Deno.mkdirSync(trial.folder);
    Deno.writeTextFileSync(join(trial.folder, ".lock"), "");
    assert.equal(stateOf(trial), "absent");
    for (const status of ["running", "interrupted"]) {
      writeRecord(trial, status, `deno task exp10 --fresh --out x ${ARGS}`);
      assert.equal(stateOf(trial), "unfinished", status);
    }
    writeRecord(trial, "finished", `deno task exp10 --fresh --out x ${ARGS}`);
    assert.equal(stateOf(trial), "finished");
  }));

/** Command lines of the same trial. */
const SAME = [
  ARGS,
  `--fresh --out results/trial ${ARGS} --set backend.threads=2 --quiet`,
  `--fresh --out results/trial --set backend.threads=16 ${ARGS} --quiet`,
  `--resume results/trial ${ARGS} --quiet`,
  `${ARGS} --out elsewhere`,
  `--fresh --out "my results/a trial" ${ARGS} --quiet`,
  `--fresh --out my results/a trial ${ARGS} --quiet`,
  `${ARGS} --quiet --out my results/a trial`,
  `--fresh --out x ${ARGS} --log tensorboard,mlflow --tracking-uri http://127.0.0.1:5000 --quiet`,
];

for (const words of SAME) {
  Deno.test(`a run of "${words}" is that of the trial`, () =>
    withFake(({ folder }) => {
      const trial = trialIn(folder);
      writeRecord(trial, "finished", `deno task exp10 ${words}`);
      assert.equal(stateOf(trial), "finished");
    }));
}

Deno.test("threads that are asked for do not count either", () =>
  withFake(({ folder }) => {
    const trial = trialIn(folder, `${ARGS} --set backend.threads=1`);
    const started = `--fresh --out x --set backend.threads=4 ${ARGS} --set backend.threads=1`;
    writeRecord(trial, "finished", `deno task exp10 ${started} --quiet`);
    assert.equal(stateOf(trial), "finished");
  }));

/** Command lines of other trials. */
const OTHERS = [
  "exp10",
  "exp10 --set objective.targetSkip=0.3",
  "exp10 --set objective.targetSkip=0.31 --steps 5",
  "exp10 --set objective.targetSkip=0.3 --steps 50",
  `exp10 ${ARGS} --seed 1`,
  `exp10 ${ARGS} --set backend.threads=2x`,
  `exp10 ${ARGS} --set backend.name=reference`,
  `exp1 ${ARGS}`,
];

for (const words of OTHERS) {
  Deno.test(`a folder with a run of "${words}" is refused, finished or not`, () =>
    withFake(async ({ folder }) => {
      const trial = trialIn(folder);
      for (const status of ["running", "finished"]) {
        writeRecord(trial, status, `deno task ${words}`);
        await userError(() => stateOf(trial), "holds a run of other options", words, "--out");
      }
    }));
}

Deno.test("a damaged record is refused by name", () =>
  withFake(async ({ folder }) => {
    const trial = trialIn(folder);
    Deno.mkdirSync(trial.folder);
    Deno.writeTextFileSync(join(trial.folder, "run.json"), '{"name": "exp1');
    await userError(() => stateOf(trial), /run\.json is damaged/);
  }));

Deno.test("the memory of a trial is the most that any of its steps took", () =>
  withFake(({ folder }) => {
    const trial = trialIn(folder);
    assert.equal(peakMemoryOf(trial), undefined);
    Deno.mkdirSync(trial.folder);
    const metrics = (text: string) =>
      Deno.writeTextFileSync(join(trial.folder, "metrics.csv"), `step,peak_memory_mb\n${text}`);
    metrics("");
    assert.equal(peakMemoryOf(trial), undefined);
    metrics("1,300\n2,512\n3,400\n");
    assert.equal(peakMemoryOf(trial), 512 * 2 ** 20);
    // A line that is being written is not read.
    metrics("1,300\n2,51200");
    assert.equal(peakMemoryOf(trial), 300 * 2 ** 20);
  }));
