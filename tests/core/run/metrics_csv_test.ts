/** Metrics files of unbroken, killed and continued runs. */

import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import {
  LAYER_COLUMNS,
  METRIC_COLUMNS,
  MetricsCsv,
  readMetrics,
  TIMING_COLUMNS,
} from "../../../core/run/metrics_csv.ts";

function inFolder(test: (path: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(join(folder, "metrics.csv"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const row = (step: number) => ({ step, train_loss: 1 / step, skip_ratio: 0.1 * step });

function write(path: string, from: number, to: number, resumeAfterStep?: number): void {
  using csv = MetricsCsv.open(path, METRIC_COLUMNS, resumeAfterStep);
  for (let step = from; step <= to; step++) csv.append(row(step));
  csv.flush();
}

Deno.test("rows are written with all their digits, missing values empty, timings last", () => {
  inFolder((path) => {
    write(path, 3, 3);
    const [titles, line] = Deno.readTextFileSync(path).split("\n");
    assert.equal(titles, METRIC_COLUMNS.join(","));
    assert.deepEqual(METRIC_COLUMNS.slice(-TIMING_COLUMNS.length), [...TIMING_COLUMNS]);
    assert.equal(line, "3,,0.3333333333333333,,,,,,,,,,0.30000000000000004,,,,,,,");
    assert.deepEqual(readMetrics(path), [row(3)]);
  });
});

Deno.test("every part of the training loss and what it aims at have columns of their own", () => {
  inFolder((path) => {
    const parts = {
      "train_loss": 1.5,
      "ce_loss": 1,
      "kd_loss": 0.25,
      "gate_loss": 0.125,
      "target_loss": 0.0625,
      "hidden_loss": 0.5,
      "policy_loss": -0.5,
      "target_skip": 0.3,
    };
    {
      using csv = MetricsCsv.open(path, METRIC_COLUMNS);
      csv.append({ step: 1, ...parts });
    }
    assert.deepEqual(readMetrics(path), [{ step: 1, ...parts }]);
  });
});

Deno.test("a row is in the file as soon as it is appended", () => {
  inFolder((path) => {
    using csv = MetricsCsv.open(path, METRIC_COLUMNS);
    csv.append(row(1));
    assert.equal(readMetrics(path).length, 1);
  });
});

Deno.test("a run killed at any byte and continued leaves the file of an unbroken run", () => {
  inFolder((path) => {
    write(path, 1, 12);
    const unbroken = Deno.readFileSync(path);
    const property = fc.property(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 200 }),
      (checkpoint, extra) => {
        // Rows up to the checkpoint are on disk; of those after it, some bytes are.
        write(path, 1, checkpoint);
        const certain = Deno.statSync(path).size;
        Deno.writeFileSync(path, unbroken.subarray(0, certain + extra));
        write(path, checkpoint + 1, 12, checkpoint);
        assert.deepEqual(Deno.readFileSync(path), unbroken);
      },
    );
    fc.assert(property, { seed: 11, numRuns: 40 });
  });
});

Deno.test("a torn last line is neither read nor in the way, be it the titles", () => {
  inFolder((path) => {
    write(path, 1, 3);
    const whole = Deno.readTextFileSync(path);
    // The last timings are empty, so this tears the line break off a row that looks complete.
    Deno.writeTextFileSync(path, whole.slice(0, -1));
    assert.deepEqual(readMetrics(path), [row(1), row(2)]);
    Deno.writeTextFileSync(path, whole.slice(0, 20));
    assert.deepEqual(readMetrics(path), []);
    write(path, 1, 3, 0);
    assert.equal(Deno.readTextFileSync(path), whole);
  });
});

Deno.test("an open file can go back to a step, and repeats steps of several layers", () => {
  inFolder((path) => {
    using csv = MetricsCsv.open(path, LAYER_COLUMNS);
    for (const step of [1, 2, 3]) {
      for (const layer of [4, 5]) csv.append({ step, layer, active_share: 0.5 });
    }
    csv.truncateAfterStep(1);
    csv.append({ step: 2, layer: 4, active_share: 1 });
    assert.deepEqual(readMetrics(path).map(({ step }) => step), [1, 1, 2]);
    assert.throws(() => csv.append({ step: 1, layer: 4 }), RangeError);
  });
});

Deno.test("a file with other columns is not continued, and not touched", () => {
  inFolder((path) => {
    Deno.writeTextFileSync(path, "step,loss\n1,2\n");
    assert.throws(() => MetricsCsv.open(path, METRIC_COLUMNS, 1), {
      name: "UserError",
      message: /metrics\.csv: its columns are step, loss/,
    });
    assert.equal(Deno.readTextFileSync(path), "step,loss\n1,2\n");
  });
});

Deno.test("reading a file that is not there is a user's mistake", () => {
  assert.throws(() => readMetrics("/nowhere/metrics.csv"), { name: "UserError" });
});
