/**
 * Every experiment that `deno.json` has a task for, run to its end on a tiny model: that the parts fit
 * together, that what is left behind is whole, and that no number is missing.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import config from "../../deno.json" with { type: "json" };
import { readJsonObject } from "../../core/io/mod.ts";
import {
  assertFinished,
  assertRefused,
  outcomeOf,
  testWithProcesses,
  TINY_OPTIONS,
  Workplace,
} from "./command.ts";

const EXPERIMENTS = Object.keys(config.tasks).filter((name) => /^exp\d/.test(name));

/** Train and evaluate one model each. */
const SINGLE = EXPERIMENTS.filter((name) =>
  Deno.readTextFileSync(join(import.meta.dirname!, "../../scripts", `${name}.ts`))
    .includes("recipes/experiment.ts")
);

const SWEEPS = ["exp5", "exp8", "exp12", "exp13", "exp30", "exp31"];
/** Evaluate what others trained, by what they need at least. */
const EVALUATIONS = {
  exp7: "exp1",
  exp20: "exp14",
  exp21: "exp16",
  exp22: "exp23",
  exp29: "exp26",
};
const OTHERS = ["exp4", "exp19"];

const TINY = ["--scale", "small", "--model", "model", "--data", "text.txt", "--steps", "3"];

Deno.test("every experiment of the original has a task, and each is run by a test below", () => {
  const numbers = new Set(EXPERIMENTS.map((name) => Number(/\d+/.exec(name)![0])));
  for (let number = 1; number <= 31; number++) assert.ok(numbers.has(number), `no exp${number}`);
  const run = new Set([...SINGLE, ...SWEEPS, ...Object.keys(EVALUATIONS), ...OTHERS]);
  assert.deepEqual(EXPERIMENTS.filter((name) => !run.has(name)), []);
});

/** Runs a script in a place of its own and hands over its output folder. */
async function finish(name: string, ...args: string[]): Promise<Workplace> {
  const place = new Workplace();
  try {
    const outcome = await outcomeOf(place.startScript(name, ...args));
    assertFinished(outcome);
    assert.doesNotMatch(
      outcome.stdout,
      /NaN|undefined|Infinity/,
      `${name} printed\n${outcome.stdout}`,
    );
    return place;
  } catch (error) {
    place[Symbol.dispose]();
    throw error;
  }
}

for (const name of SINGLE) {
  testWithProcesses(`${name} trains, evaluates and leaves a whole run`, async () => {
    const out = ["--out", "run"];
    using place = await finish(name, "--fresh", ...TINY, ...TINY_OPTIONS, ...out);
    const { status, final } = readJsonObject(place.path("run", "run.json"), "the record") as {
      status: string;
      final: Record<string, unknown> & { rows: Record<string, Record<string, number>> };
    };
    assert.equal(status, "finished");
    for (const key of ["loss", "perplexity", "flopsPerToken", "skipRatio", "activeLayers"]) {
      assert.ok(Number.isFinite(final[key]), `final.${key} is ${final[key]}`);
    }
    assert.ok(final.rows["base"] && final.rows["routed"]);
    assert.ok(existsSync(place.path("run", "training.png")));
  });
}

for (const name of SWEEPS) {
  testWithProcesses(`${name} runs its trials and draws the frontier`, async () => {
    const few = ["--targets", "0.3", "--penalties", "0.1,0.2"];
    using place = await finish(name, "--fresh", ...TINY, ...TINY_OPTIONS, ...few, "--out", "sweep");
    const rows = csvParse(Deno.readTextFileSync(place.path("sweep", "trials.csv")));
    assert.equal(rows.length, 2);
    assert.ok(rows.every((row) => Number.isFinite(Number(row["validation_loss"]))));
    assert.ok(rows.some((row) => row["frontier"] === "1"));
    assert.ok(existsSync(place.path("sweep", "pareto.png")));
  });
}

for (const [name, needs] of Object.entries(EVALUATIONS)) {
  testWithProcesses(`${name} says what to train where nothing is`, async () => {
    using place = new Workplace();
    const says = new RegExp(`no trained model yet.*deno run -P \\S+${needs}\\.ts --fresh`);
    assertRefused(await outcomeOf(place.startScript(name)), says);
  });
}

testWithProcesses("exp7 evaluates what was trained, and says what was not", async () => {
  using place = new Workplace();
  for (const name of ["exp1", "exp10"]) {
    assertFinished(
      await outcomeOf(place.startScript(name, "--fresh", ...TINY, ...TINY_OPTIONS, "--quiet")),
    );
  }
  const few = ["--tasks", "micro_facts,micro_ppl", "--limit", "6", "--num-fewshot", "0"];
  const outcome = await outcomeOf(place.startScript("exp7", ...few, "--out", "tasks"));
  assertFinished(outcome);
  assert.match(outcome.stdout, /Left out: no finished run of exp2, exp6/);
  const results = (label: string) =>
    JSON.parse(Deno.readTextFileSync(place.path("tasks", label, "results.json")));
  for (const label of ["base", "dense_LoRA", "token_router"]) {
    const { "micro_facts": facts, "micro_ppl": text } = results(label).results;
    assert.ok(facts["acc,none"] >= 0 && facts["acc_stderr,none"] >= 0);
    assert.ok(text["bits_per_byte,none"] > 0);
    assert.equal(text["sample_len"], 6);
  }
  assert.ok(results("token_router").routing["micro_ppl"]["skip_ratio"] > 0);
  assert.deepEqual(results("base").routing, {});
});

testWithProcesses(
  "budgets compares one checkpoint at many skip ratios with a model for each",
  async () => {
    const few = ["--budgets", "0.2,0.5", "--single", "0.4", "--out", "compared"];
    using place = await finish("budgets", ...TINY, ...TINY_OPTIONS, ...few);
    const rows = csvParse(Deno.readTextFileSync(place.path("compared", "budgets.csv")));
    assert.deepEqual(rows.map((row) => `${row["way"]} ${row["budget"]}`), [
      "trained for it 0.2",
      "trained for it 0.5",
      "threshold moved 0.2",
      "threshold moved 0.5",
      "told its budget 0.2",
      "told its budget 0.5",
    ]);
    assert.ok(
      rows.every((row) => Math.abs(Number(row["skip_ratio"]) - Number(row["budget"])) < 0.15),
    );
    assert.ok(existsSync(place.path("compared", "budgets.png")));
  },
);

testWithProcesses("exp4 times several depths", async () => {
  const few = ["--rounds", "2", "--steps", "2", "--anchor-layers", "1", "--length", "16"];
  using place = await finish("exp4", "--model", "model", ...few, "--out", "timed");
  const rows = csvParse(Deno.readTextFileSync(place.path("timed", "depth_timing.csv")));
  assert.deepEqual(rows.map((row) => Number(row["active_layers"])).slice(0, 3), [3, 2, 1]);
  const ways = (phase: string, batch: string) =>
    rows.filter((row) => row["phase"] === phase && row["batch"] === batch).map(({ how }) => how);
  assert.deepEqual(ways("prefill", "1"), ways("prefill", "8"));
  // Nothing is blended where one token is written.
  assert.deepEqual(
    ways("decode", "8"),
    ways("prefill", "1").filter((how) => !how!.endsWith("blended")),
  );
  assert.ok(rows.every((row) => Number(row["tokens_per_second"]) > 0));
  // Each way has its own, that of a process.
  const memory = new Map(rows.map(({ how, peak_memory_mb }) => [how, Number(peak_memory_mb)]));
  assert.ok(memory.values().every((mb) => mb > 50 && mb < 5000), [...memory].join(" "));
  assert.ok(new Set(memory.values()).size > 1);
  assert.ok(existsSync(place.path("timed", "speed.png")));
});

testWithProcesses(
  "exp19 trains a router and analyses it; analyze does so with a finished run",
  async () => {
    using place = await finish("exp19", ...TINY, ...TINY_OPTIONS, "--out", "analysed");
    const read = (...path: string[]) => csvParse(Deno.readTextFileSync(place.path(...path)));
    const rows = read("analysed", "token_categories.csv");
    const all = rows.find((row) => row["category"] === "all")!;
    const sorts = rows.filter((row) => row["grouping"] === "text");
    for (const column of ["tokens", "difference"] as const) {
      assert.ok(sorts.every((row) => Number.isFinite(Number(row[column]))), column);
    }
    assert.equal(
      sorts.reduce((sum, row) => sum + Number(row["tokens"]), 0),
      Number(all["tokens"]),
    );
    // Three layers, of which one always runs; four sequences of sixteen tokens.
    assert.deepEqual(read("analysed", "depth_by_layer.csv").map(({ layer }) => layer), ["1", "2"]);
    assert.equal(read("analysed", "depth_by_position.csv").length, 16);
    const { findings, kinds, tokens } = readJsonObject(
      place.path("analysed", "analysis.json"),
      "the analysis",
    ) as { findings: string[]; kinds: unknown[]; tokens: number };
    assert.equal(tokens, Number(all["tokens"]));
    assert.equal(kinds.length, rows.length);
    assert.ok(findings.length > 0);
    for (const figure of ["depth_by_kind", "depth_by_position", "layers_by_kind"]) {
      assert.ok(existsSync(place.path("analysed", `${figure}.png`)), figure);
    }

    const run = join("analysed", "trials", "exp10,seed=0");
    const again = await outcomeOf(place.startScript("analyze", "--run", run, "--out", "again"));
    assertFinished(again);
    assert.match(again.stdout, /tokens read +tokens +active layers/);
    const whole = (folder: string) => Deno.readTextFileSync(place.path(folder, "analysis.json"));
    assert.deepEqual(JSON.parse(whole("again")), JSON.parse(whole("analysed")));
    // Without --out it goes into the run's folder; other text and fewer batches may be asked for.
    const own = await outcomeOf(place.startScript("analyze", "--run", run, "--batches", "1"));
    assertFinished(own);
    const inRun = JSON.parse(whole(run)) as { tokens: number };
    assert.ok(inRun.tokens > 0 && inRun.tokens < tokens);

    const file = await outcomeOf(place.startScript("analyze", "--run", run, "--out", "text.txt"));
    assertRefused(file, /text\.txt/);
    const none = await outcomeOf(place.startScript("analyze", "--run", "exp11"));
    assertRefused(none, /no finished run.*exp11/);
    // What is trained is not trained again, and --fresh clears what an analysis leaves.
    const fresh = await outcomeOf(
      place.startScript("exp19", "--fresh", ...TINY, ...TINY_OPTIONS, "--out", "analysed"),
    );
    assertFinished(fresh);
  },
);
