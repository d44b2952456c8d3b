/** Reading a folder of results, in whatever state it is. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../core/contracts/errors.ts";
import { readResults, readRun } from "../../../core/run/results_folder.ts";
import { madeUpMetrics, writeBelow, writeRun } from "../../support/made_up_results.ts";

function withFolder(fn: (root: string) => void): () => void {
  return () => {
    const root = Deno.makeTempDirSync({ prefix: "dlr_results_" });
    try {
      fn(root);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  };
}

Deno.test(
  "runs, tables and evaluations are found wherever they are, but not in checkpoints",
  withFolder((root) => {
    writeRun(root, "runs/exp10/b", { name: "exp10", startedAt: "2026-01-02T00:00:00Z" });
    writeRun(root, "runs/exp1/a", { name: "exp1", startedAt: "2026-01-01T00:00:00Z" });
    writeBelow(root, "sweeps/exp8/trials.csv", "loss,skip\n1.5,0.25\n");
    writeBelow(root, "eval_summaries/exp7/base/results.json", {
      results: { mmlu: { "acc,none": 0.5 } },
    });
    writeBelow(root, "runs/exp1/a/checkpoints/step-1/other.csv", "x\n1\n");
    const found = readResults(root);
    assert.deepEqual(found.runs.map(({ record }) => record.name), ["exp1", "exp10"]);
    assert.deepEqual(found.tables.map(({ path, name }) => [path, name]), [
      ["sweeps/exp8/trials.csv", "trials.csv"],
    ]);
    assert.deepEqual([...found.tables[0]!.rows], [{ loss: "1.5", skip: "0.25" }]);
    assert.deepEqual(found.evaluations.map(({ folder }) => folder), ["eval_summaries/exp7/base"]);
    assert.deepEqual(found.notes, []);
  }),
);

Deno.test(
  "a folder that is missing or empty has nothing in it",
  withFolder((root) => {
    for (const folder of [root, join(root, "nowhere")]) {
      const { runs, tables, evaluations, notes } = readResults(folder);
      assert.deepEqual([runs, tables, evaluations, notes], [[], [], [], []]);
    }
  }),
);

Deno.test(
  "a run that is being written is read as far as it has come, wherever it is cut",
  withFolder((root) => {
    writeRun(root, "run", { name: "exp10", status: "running", routed: true });
    const whole = madeUpMetrics({ routed: true });
    const { metrics: all } = readRun(join(root, "run"));
    assert.equal(all.length, 20);
    for (let end = 0; end <= whole.length; end += 7) {
      Deno.writeTextFileSync(join(root, "run", "metrics.csv"), whole.slice(0, end));
      const { metrics } = readRun(join(root, "run"));
      assert.deepEqual(metrics, all.slice(0, metrics.length), `cut at ${end}`);
      const lines = whole.slice(0, end).split("\n").length - 2;
      assert.equal(metrics.length, Math.max(0, lines), `cut at ${end}`);
    }
    Deno.removeSync(join(root, "run", "metrics.csv"));
    assert.deepEqual(readRun(join(root, "run")).metrics, []);
  }),
);

Deno.test(
  "columns of other versions are kept, missing and empty ones are absent, no cell is NaN",
  withFolder((root) => {
    writeRun(root, "run", { name: "exp10" });
    writeBelow(
      root,
      "run/metrics.csv",
      "epoch,step,old_loss,ce_loss\n0,1,2.5,\n0,2,oops,1.5\n0,,1,1\n",
    );
    assert.deepEqual(readRun(join(root, "run")).metrics, [
      { step: 1, epoch: 0, "old_loss": 2.5 },
      { step: 2, epoch: 0, "ce_loss": 1.5 },
    ]);
  }),
);

Deno.test(
  "what is damaged is left out with a line that names it, the rest is read",
  withFolder((root) => {
    writeRun(root, "good", { name: "exp1" });
    writeBelow(root, "torn/run.json", '{"name": "exp10", "sta');
    writeBelow(root, "strange/run.json", { name: "exp10", status: "asleep" });
    writeRun(root, "stepless", { name: "exp6" });
    writeBelow(root, "stepless/metrics.csv", "loss\n1\n");
    writeBelow(root, "a/results.json", "not JSON");
    writeBelow(root, "b/results.json", "null");
    writeBelow(root, "c/results.json", { results: [1] });
    const { runs, evaluations, notes } = readResults(root);
    assert.deepEqual(runs.map(({ folder }) => folder), ["good"]);
    assert.deepEqual(evaluations, []);
    const damaged = [
      "a/results",
      "b/results",
      "c/results",
      "stepless/metrics",
      "strange/run",
      "torn/run",
    ];
    assert.equal(notes.length, damaged.length, notes.join("\n"));
    damaged.forEach((path, i) => {
      assert.ok(notes[i]!.includes(path) && notes[i]!.includes("damaged"), notes[i]!);
      assert.ok(!notes[i]!.includes("\n    at "), notes[i]!);
    });
    assert.throws(() => readRun(join(root, "nowhere")), UserError);
  }),
);

Deno.test(
  "an evaluation says who was asked what, and what the router did",
  withFolder((root) => {
    writeBelow(root, "full/results.json", {
      results: { mmlu: { "acc,none": 0.5 } },
      "model_name": "token router",
      "group_subtasks": { mmlu: ["mmlu_astronomy"] },
      config: { limit: 8 },
      routing: {
        mmlu: {
          "active_layers": 9.5,
          "total_layers": 12,
          "skip_ratio": 0.25,
          "layer_activity": [1],
        },
      },
    });
    writeBelow(root, "harness/results.json", { results: { mmlu: {} }, routing: "none" });
    const [full, harness] = readResults(root).evaluations;
    assert.deepEqual(full, {
      folder: "full",
      label: "token router",
      results: { mmlu: { "acc,none": 0.5 } },
      members: { mmlu: ["mmlu_astronomy"] },
      routing: {
        mmlu: { activeLayers: 9.5, totalLayers: 12, skipRatio: 0.25, layerActivity: [1] },
      },
      limit: 8,
    });
    // The harness's own file, or one of an older version.
    assert.deepEqual(harness, {
      folder: "harness",
      label: "harness",
      results: { mmlu: {} },
      members: {},
      routing: {},
      limit: null,
    });
  }),
);
