/** A whole run of exp10: what it prints and what it leaves behind. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openSafetensors, readJsonObject, verifyFolder } from "../../core/io/mod.ts";
import { readMetrics } from "../../core/run/metrics_csv.ts";
import { assertFinished, type Outcome, testWithProcesses, Workplace } from "./command.ts";

/** The numbers that every finished run must end with. */
const FINAL_NUMBERS = [
  "perplexity",
  "basePerplexity",
  "randomPerplexity",
  "rateMatchedPerplexity",
  "shuffledPerplexity",
  "skipRatio",
  "activeLayers",
  "totalLayers",
  "wallSeconds",
];

testWithProcesses("exp10 runs to its end and leaves a whole run folder", async () => {
  using place = new Workplace();
  const outcome = await place.run("--fresh", ...place.tiny());
  assertFinished(outcome);
  const [run, ...others] = place.runs();
  assert.ok(run !== undefined && others.length === 0, `one run folder, not ${place.runs()}`);
  checkPrinted(outcome);
  checkRecord(run);
  checkMetrics(run);
  checkCheckpoint(run);
  checkFigure(run);

  // The run is finished, so there is nothing to continue.
  const again = await place.run("--resume", "auto");
  assert.equal(again.code, 2, again.stderr);
  assert.match(again.stderr, /no unfinished run/);
});

function checkPrinted({ stdout, stderr }: Outcome): void {
  for (
    const row of [
      "base model, full depth",
      "routed",
      "same gates, shuffled over tokens",
      "random, same rate per layer",
      "random, same rate overall",
    ]
  ) {
    assert.match(stdout, new RegExp(`${row} +\\d+\\.\\d+ `), `no row "${row}" in\n${stdout}`);
  }
  assert.match(stdout, /^routed .+ \d\.\d{3} {2}(none|all-skip|all-run|fixed-pattern)$/m);
  assert.match(stdout, /What next:/);
  assert.doesNotMatch(stdout, /NaN|undefined|Infinity/);
  // Without a terminal progress is plain lines: no carriage returns, no escape sequences.
  assert.match(stderr, /exp10 6\/6 {2}loss \d/);
  // deno-lint-ignore no-control-regex -- that is what is looked for
  assert.doesNotMatch(stderr, /[\r\x1b]/);
}

function checkRecord(run: string): void {
  const record = readJsonObject(join(run, "run.json"), "the record");
  assert.equal(record["status"], "finished");
  const final = record["final"] as Record<string, unknown>;
  for (const name of FINAL_NUMBERS) {
    assert.ok(Number.isFinite(final[name]), `final.${name} is ${final[name]}`);
  }
  assert.equal(final["totalLayers"], 3);
  const { skipRatio, activeLayers } = final as Record<string, number>;
  // One layer of three always runs, the other two are routed.
  assert.ok(Math.abs(activeLayers! - (1 + 2 * (1 - skipRatio!))) < 1e-9);
}

function checkMetrics(run: string): void {
  const rows = readMetrics(join(run, "metrics.csv"));
  assert.deepEqual(rows.map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
  for (const row of rows) {
    for (const name of ["train_loss", "ce_loss", "kd_loss", "learning_rate", "skip_ratio"]) {
      assert.ok(Number.isFinite(row[name]), `step ${row["step"]}: ${name} is ${row[name]}`);
    }
  }
  const evaluated = rows.filter((row) => row["validation_loss"] !== undefined);
  assert.deepEqual(evaluated.map(({ step }) => step), [3, 6]);
  const layers = readMetrics(join(run, "layer_activity.csv"));
  assert.deepEqual(layers.map(({ step, layer }) => [step, layer]), [[3, 1], [3, 2], [6, 1], [
    6,
    2,
  ]]);
}

function checkCheckpoint(run: string): void {
  const checkpoints = join(run, "checkpoints");
  const { latest, best } = readJsonObject(join(checkpoints, "index.json"), "the index");
  assert.equal(latest, "step-000006");
  verifyFolder(join(checkpoints, String(latest)));
  verifyFolder(join(checkpoints, String(best)));
  using adapter = openSafetensors(join(checkpoints, String(latest), "adapter_model.safetensors"));
  // Two matrices for each of seven projections in three layers, named as PEFT does.
  assert.equal(adapter.tensors.size, 2 * 7 * 3);
  const name = "base_model.model.model.layers.2.mlp.up_proj.lora_B.weight";
  const learned = adapter.read(name).data;
  assert.ok(learned.some((value) => value !== 0), "the adapter has learned nothing");
}

function checkFigure(run: string): void {
  const svg = Deno.readTextFileSync(join(run, "training.svg"));
  assert.match(svg, /^<svg /);
  assert.match(svg, /<text[^>]*>[^<]*step/i);
  const png = Deno.readFileSync(join(run, "training.png"));
  assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  assert.ok(png.length > 5000, `${png.length} bytes are no picture`);
}
