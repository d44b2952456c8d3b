/** A whole run of exp10: what it prints and what it leaves behind. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openSafetensors, readJsonObject, verifyFolder } from "../../core/io/mod.ts";
import { type MetricRow, readMetrics } from "../../core/run/metrics_csv.ts";
import { assertFinished, type Outcome, testWithProcesses, Workplace } from "./command.ts";

/** The numbers that every finished run of a token-level router must end with. */
const FINAL_NUMBERS = [
  "step",
  "loss",
  "perplexity",
  "flopsPerToken",
  "skipRatio",
  "activeLayers",
  "totalLayers",
  "routerEntropy",
  "gateInformationBits",
  "validationTokens",
  "wallSeconds",
];

/** Everything that such a run is compared with. */
const ROWS = [
  "base",
  "full-depth",
  "routed",
  "shuffled",
  "rate-matched",
  "random",
  "static-mask",
  "by-token",
  "by-position",
  "base-random",
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
      "trained model, full depth",
      "routed",
      "  same gates, shuffled over tokens",
      "  random, same rate per layer",
      "  random, same rate overall",
      "  best static mask",
      "  looked up by token",
      "  looked up by position",
      "base model, random skipping",
    ]
  ) {
    assert.match(stdout, new RegExp(`^${row} +\\d+\\.\\d+ `, "m"), `no row "${row}" in\n${stdout}`);
  }
  assert.match(stdout, /^Shuffling the gates costs .* nats per token: what the router reads /m);
  assert.match(stdout, /^Of what skips as much without the router, ".+" does best: /m);
  assert.match(stdout, /^budget +skip ratio .*\n.*\n +0\.10 +0\.\d{3} /m);
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
  assert.equal(final["step"], 6);
  assert.deepEqual(Object.keys(final["rows"] as object).toSorted(), ROWS.toSorted());
  const budgets = (final["frontier"] as { budget: number }[]).map(({ budget }) => budget);
  assert.deepEqual(budgets, [0.1, 0.2, 0.4, 0.5, 0.6]);
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
  checkLosses(rows, 0.7);
  const evaluated = rows.filter((row) => row["validation_loss"] !== undefined);
  assert.deepEqual(evaluated.map(({ step }) => step), [3, 6]);
  const layers = readMetrics(join(run, "layer_activity.csv"));
  assert.deepEqual(layers.map(({ step, layer }) => [step, layer]), [[3, 1], [3, 2], [6, 1], [
    6,
    2,
  ]]);
}

/** Asserts that the parts of the training loss add up to it. */
function checkLosses(rows: readonly MetricRow<string>[], distillShare: number): void {
  for (const row of rows) {
    const part = (name: string) => row[`${name}_loss`]!;
    const language = (1 - distillShare) * part("ce") + distillShare * part("kd");
    const others = part("gate") + part("target") + part("hidden") + part("policy");
    const difference = Math.abs(language + others - part("train"));
    assert.ok(difference < 1e-5, `step ${row.step}: the parts are ${difference} off`);
    assert.ok(part("target") > 0 && part("gate") === 0 && part("policy") === 0);
  }
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
