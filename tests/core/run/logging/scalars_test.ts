/** From rows of the CSV files to scalars. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { loggedSteps, numbersIn, scalarsOf, TAGS } from "../../../../core/run/logging/mod.ts";
import { LAYER_COLUMNS, METRIC_COLUMNS, MetricsCsv } from "../../../../core/run/metrics_csv.ts";
import { inFolder } from "../../io/support.ts";

Deno.test("every column but the step has a tag of its own, in a group", () => {
  const tags = METRIC_COLUMNS.filter((column) => column !== "step").map((column) => TAGS[column]);
  assert.equal(new Set(tags).size, METRIC_COLUMNS.length - 1);
  for (const tag of tags) assert.match(tag, /^[a-z]+\/[a-z_]+$/);
});

Deno.test("a step has the numbers of its row and its layers, and nothing for empty cells", () => {
  const row = { step: 7, "train_loss": 2.5, "skip_ratio": 0, "validation_loss": undefined };
  assert.deepEqual(scalarsOf(row), { "loss/train": 2.5, "routing/skip_ratio": 0 });
  assert.deepEqual(
    scalarsOf({ step: 7 }, [
      { step: 7, layer: 4, "active_share": 0.5 },
      { step: 7, layer: 12, "active_share": 1 },
    ]),
    { "layer_activity/layer_04": 0.5, "layer_activity/layer_12": 1 },
  );
});

Deno.test("steps are read from the files as they were logged", () =>
  inFolder((folder) => {
    const [first, second] = [join(folder, "metrics.csv"), join(folder, "layer_activity.csv")];
    using metrics = MetricsCsv.open(first, METRIC_COLUMNS);
    metrics.append({ step: 1, "train_loss": 3 });
    metrics.append({ step: 2, "train_loss": 2, "validation_loss": 2.5 });
    assert.deepEqual(loggedSteps(first, second, 5).length, 2);
    using layers = MetricsCsv.open(second, LAYER_COLUMNS);
    layers.append({ step: 2, layer: 4, "active_share": 0.25 });
    assert.deepEqual(loggedSteps(first, second, 5), [
      { step: 1, time: 5, scalars: { "loss/train": 3 } },
      {
        step: 2,
        time: 5,
        scalars: { "loss/train": 2, "loss/validation": 2.5, "layer_activity/layer_04": 0.25 },
      },
    ]);
  }));

Deno.test("numbers are found wherever they are in the final record", () => {
  const final = { loss: 1, collapse: "none", rows: { base: { loss: 2 } }, layers: [0.5], no: null };
  assert.deepEqual(numbersIn(final, "final"), [
    ["final/loss", 1],
    ["final/rows/base/loss", 2],
    ["final/layers/0", 0.5],
  ]);
});
