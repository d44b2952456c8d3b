/** docs/file_formats.md against files that are really written: no field is missing, none is made up. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { writeAnalysis } from "../../core/run/analysis/files.ts";
import { writeDepthTiming } from "../../core/run/depth_timing.ts";
import { TAGS } from "../../core/run/logging/scalars.ts";
import { LAYER_COLUMNS, METRIC_COLUMNS } from "../../core/run/metrics_csv.ts";
import { runBudgets } from "../../core/run/sweep/budgets.ts";
import { runComparison } from "../../core/run/sweep/compare.ts";
import { collectStatus, sweepStatus } from "../../core/run/sweep/status.ts";
import { runSweep } from "../../core/run/sweep/sweep.ts";
import { exportModel } from "../../core/inference/mod.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { tinyModel } from "../core/eval/scoring/support.ts";
import { inFolder } from "../core/io/support.ts";
import { analysisOf } from "../core/run/analysis/analysis_support.ts";
import { printedBy, withFake } from "../core/run/sweep/fake_trials.ts";
import { assertFinished, testWithProcesses, Workplace } from "../end_to_end/command.ts";
import { codeUnder, fieldsUnder, page, tableUnder } from "./pages.ts";

const FORMATS = page("docs/file_formats.md");

const json = (path: string) => JSON.parse(Deno.readTextFileSync(path));

/** Asserts that a CSV file has the columns that the page lists, in that order. */
function assertColumns(path: string, heading: string): void {
  assert.deepEqual(
    csvParse(Deno.readTextFileSync(path)).columns,
    fieldsUnder(FORMATS, heading),
    heading,
  );
}

/** Asserts that an object has the fields that the page lists, but for some that need not be there. */
function assertFields(object: object, heading: string, optional: readonly string[] = []): void {
  const listed = fieldsUnder(FORMATS, heading);
  const own = Object.keys(object);
  assert.deepEqual(own.filter((key) => !listed.includes(key)), [], `not in ${heading}`);
  const missing = listed.filter((key) => !own.includes(key));
  assert.deepEqual(missing.filter((key) => !optional.includes(key)), [], `made up in ${heading}`);
}

Deno.test("the columns of a run's tables, and their tags in logs, are listed", () => {
  assert.deepEqual(fieldsUnder(FORMATS, "metrics.csv"), METRIC_COLUMNS);
  assert.deepEqual(fieldsUnder(FORMATS, "layer_activity.csv"), LAYER_COLUMNS);
  const tags = tableUnder(FORMATS, "Logs").map((row) => row.map((cell) => cell.slice(1, -1)));
  assert.deepEqual(Object.fromEntries(tags), TAGS);
});

Deno.test("the columns of an analysis are listed", () =>
  inFolder((folder) => {
    const tables = writeAnalysis(folder, analysisOf(), {}).filter((name) => name.endsWith(".csv"));
    assert.equal(tables.length, 6);
    for (const name of tables) assertColumns(join(folder, name), name);
  }));

Deno.test("the columns of exp4's times are listed", () =>
  inFolder(async (folder) => {
    const time = { phase: "decode", batch: 1, ms: 1, tokensPerSecond: 1000 } as const;
    const times = ["dense", "60% of tokens kept"].map((how, i) => ({
      ...time,
      how,
      kind: how,
      activeLayers: 12 - i,
      flopShare: 1 - i / 4,
      timeShare: 1 - i / 8,
      realized: i === 0 ? null : 0.5,
    }));
    const { csv } = await writeDepthTiming(folder, { label: "nano", times }, new Map());
    assertColumns(csv, "depth_timing.csv");
  }));

Deno.test("the metadata of an exported model is listed", () => {
  const own = tinyModel("routed");
  let about: object = {};
  const backend = {
    ...own.backend,
    exportModel: (_: unknown, options: { readonly about: object }) => {
      about = options.about;
      return { bytes: new Uint8Array(), outside: [] };
    },
  };
  exportModel({ ...own, backend }, { weightFormat: "float32" });
  assertFields(about, "An exported model");
});

/** What a trial of any of the three ends with. */
const FINAL = `({
  loss: 1, perplexity: 2.7, skipRatio: 0.3, activeLayers: 9, totalLayers: 12, flopsPerToken: 80,
  collapse: "none", wallSeconds: 1, rows: { base: { flopsPerToken: 100 } },
  frontier: [{ budget: 0.3, skipRatio: 0.3, loss: 1 }],
})`;

testWithProcesses(
  "the columns of sweeps, and the files of a trial, are listed",
  () =>
    withFake(async ({ folder, script }) => {
      const out = join(folder, "sweep");
      const options = { set: [], jobs: 1, quiet: true as const };
      const grid = { "objective.targetSkip": [0.3], "objective.sparsityWeight": [0] };
      const earlyStopping = { reduction: 3, firstStep: 100 };
      await printedBy(async () => {
        await runSweep({ name: "try", script, grid, args: [], earlyStopping }, { ...options, out });
        await runComparison(
          { variants: [{ label: "one", key: "one", script }], yardstick: "one" },
          { ...options, out: join(folder, "compared") },
        );
        await runBudgets(
          { script, budgets: [0.3], single: 0.45, settings: [] },
          { ...options, out: join(folder, "budgets") },
        );
      });
      assertColumns(join(out, "trials.csv"), "trials.csv");
      assertColumns(join(folder, "compared", "comparison.csv"), "comparison.csv");
      assertColumns(join(folder, "budgets", "budgets.csv"), "budgets.csv of a sweep");
      const { launchers } = builtinPlugins();
      assertColumns(collectStatus(out, await sweepStatus(out, launchers)), "states.csv");
      assertFields(json(join(out, "sweep.json")), "sweep.json");
      const trial = "targetSkip=0.3,sparsityWeight=0,seed=0";
      assertFields(json(join(out, "trials", trial, "trial.json")), "trial.json");
    }, FINAL),
);

testWithProcesses("the files of a run and of its evaluations are listed", async () => {
  using place = new Workplace();
  assertFinished(await place.run("--fresh", ...place.tiny(), "--quiet"));
  const [run] = place.runs() as [string];
  const record = json(join(run, "run.json"));
  assertFields(record, "run.json", ["logging", "plugins"]);
  // The tiny text has no questions and no kinds of tokens, but the fields of all others.
  assertFields(record.final, "final", ["accuracy"]);
  const rows = Object.keys(record.final.rows);
  const known = codeUnder(FORMATS, "final");
  assert.deepEqual(rows.filter((way) => !known.has(way)), []);
  for (const field of Object.keys(record.final.frontier[0])) assert.ok(known.has(field), field);

  const checkpoints = join(run, "checkpoints");
  const { latest } = json(join(checkpoints, "index.json"));
  const at = (name: string) => json(join(checkpoints, latest, name));
  assertFields(at("router_config.json"), "router_config.json");
  assertFields(at("trainer_state.json"), "trainer_state.json", ["usualCost"]);
  assertFields(at("manifest.json"), "manifest.json");
  const adapter = codeUnder(FORMATS, "adapter_config.json");
  assert.deepEqual(Object.keys(at("adapter_config.json")).filter((key) => !adapter.has(key)), []);
  assert.deepEqual(
    Array.from(Deno.readDirSync(join(checkpoints, latest)), ({ name }) => name).sort(),
    fieldsUnder(FORMATS, "A checkpoint").sort(),
  );

  assertFinished(await place.runScript("evaluate", "--budget", "0.5", "--quiet"));
  assertColumns(join(run, "budgets.csv"), "budgets.csv of a run");
  assertFinished(await place.runScript("report", "--tokens", "exp10", "--quiet"));
  const tokens = json(join(run, "tokens.json"));
  assertFields(tokens, "tokens.json");
  const words = codeUnder(FORMATS, "tokens.json");
  for (const field of Object.keys(tokens.sequences[0])) assert.ok(words.has(field), field);

  const out = place.path("tasks");
  const task = ["--tasks", "micro_facts", "--limit", "2", "--num-fewshot", "0", "--out", out];
  assertFinished(await place.runScript("evaluate", ...task, "--quiet"));
  assertFields(json(join(out, "results.json")), "results.json", ["groups"]);
  assertFields(json(join(out, "evaluation.json")), "evaluation.json");
  const [sample] = Deno.readTextFileSync(join(out, "samples_micro_facts.jsonl")).split("\n");
  const { metrics, ...fields } = JSON.parse(sample!);
  const listed = codeUnder(FORMATS, "samples_TASK.jsonl");
  assert.deepEqual(
    Object.keys(fields).filter((key) => !listed.has(key) && !metrics.includes(key)),
    [],
  );
});
