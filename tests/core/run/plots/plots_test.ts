/** Which figures results allow, and what is in them. */

import assert from "node:assert/strict";
import { isPlot, type LeftOut, type Plot } from "../../../../core/run/plots/plot.ts";
import { plannedPlots } from "../../../../core/run/plots/plot_results.ts";
import { selectRuns } from "../../../../core/run/plots/selected_runs.ts";
import { readResults } from "../../../../core/run/results_folder.ts";
import {
  madeUpMetrics,
  writeAllResults,
  writeBelow,
  writeRun,
} from "../../../support/made_up_results.ts";
import { assertSays, dataOf, drawnInColumn } from "../../report/support.ts";

/** The figures of a folder, and those it lacks. */
function plan(root: string): { plots: Map<string, Plot>; leftOut: LeftOut[] } {
  const results = readResults(root);
  const planned = plannedPlots(results, selectRuns(results));
  return {
    plots: new Map(planned.filter(isPlot).map((plot) => [plot.name, plot])),
    leftOut: planned.filter((one): one is LeftOut => !isPlot(one)),
  };
}

function withFolder(fn: (root: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const root = Deno.makeTempDirSync({ prefix: "dlr_plots_" });
    try {
      await fn(root);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  };
}

const ALL = [
  "validation_loss_convergence",
  "training_loss_trajectory",
  "validation_loss_final_bar",
  "validation_perplexity_bar",
  "training_loss_final_bar",
  "all_experiments_loss",
  "budget_frontier",
  "layer_activity_final",
  ...["loss_breakdown", "temperature_activity", "layer_activity", "controls", "depth_by_kind"]
    .flatMap((kind) => ["exp6", "exp10"].map((name) => `${name}_${kind}`)),
  "exp8_pareto_frontier",
  "pareto_pareto_frontier",
  "exp8_trials_bar",
  "pareto_trials_bar",
  "exp8_penalty_layers_loss",
  "phase_transition",
  "target_reached",
  "budgets",
  "compare_variants",
  "exp7_benchmark_accuracy",
  "exp7_perplexity_bar",
  "exp7_efficiency_scatter",
  "exp7_task_layer_activity",
  "exp4_inference_speed_bar",
  "exp4_speed_against_ideal",
  "exp4_inference_memory_bar",
  "analysed_token_categories",
  "exp19_token_categories",
];

Deno.test(
  "a full set of results gives every figure, each without a warning and a column wide",
  withFolder(async (root) => {
    writeAllResults(root);
    const { plots, leftOut } = plan(root);
    assert.deepEqual([...plots.keys()], ALL);
    assert.deepEqual(leftOut, []);
    for (const plot of plots.values()) {
      const svg = await drawnInColumn(plot.draw());
      assert.ok(!/NaN|undefined|null</.test(svg), plot.name);
    }
  }),
);

Deno.test(
  "figures show the numbers that the files hold",
  withFolder(async (root) => {
    writeAllResults(root);
    const { plots } = plan(root);
    const rows = (name: string) => dataOf(plots.get(name)!.draw());
    const named = (name: string, row: string) => rows(name).find((own) => own["name"] === row)!;

    // The mean of 1.25, 1.3125 and 1.375, and Student's 4.303 × sd / √3 around it.
    const dots = rows("validation_loss_final_bar").filter(({ name, low }) =>
      name === "exp10" && low
    );
    assert.equal(dots.length, 1);
    assert.equal(dots[0]!["value"], 1.3125);
    assert.ok(Math.abs(Number(dots[0]!["high"]) - (1.3125 + 4.303 * 0.0625 / Math.sqrt(3))) < 1e-3);
    assert.equal(named("validation_loss_final_bar", "base model")["value"], 0.9);

    const last = rows("validation_loss_convergence").filter(({ series, step }) =>
      series === "exp10" && step === 20
    );
    assert.deepEqual(last, [
      { series: "exp10", step: 20, value: 1.3125, low: 1.25, high: 1.375 },
    ]);
    const cost = rows("all_experiments_loss").find(({ series, panel }) =>
      series === "exp6" && String(panel).startsWith("FLOPs")
    )!;
    assert.deepEqual([cost["x"], cost["y"]], [0.8, 1.5]);
    assert.equal(named("exp10_controls", "gates shuffled")["value"], 1.5625);
    assert.deepEqual(
      rows("exp10_layer_activity").filter(({ step }) => step === 20).map(({ share }) => share),
      [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1],
    );
    assert.equal(named("compare_variants", "dense LoRA")["value"], 1.25);
    const accuracy = named("exp7_benchmark_accuracy", "token router");
    assert.deepEqual([accuracy["value"], accuracy["low"], accuracy["high"]], [0.5, 0.375, 0.625]);
    const spot = rows("exp7_efficiency_scatter").find(({ series }) => series === "token router")!;
    assert.deepEqual([spot["x"], spot["y"]], [0.75, 0.5]);
    assert.equal(named("exp4_inference_speed_bar", "first 6 layers")["value"], 1.9);
    assert.equal(named("exp19_token_categories", "numeric")["value"], 9.875);
    // One name in two groupings is two rows, each with its interval.
    const twins = rows("analysed_token_categories").filter(({ name, low }) =>
      name === "punctuation" && low !== undefined
    );
    assert.deepEqual(
      twins.map(({ value, low, high }) => [value, low, high]),
      [[9.25, 9, 9.5], [9.875, 9.75, 10]],
    );
    assert.equal(rows("exp8_penalty_layers_loss").find(({ x }) => x === 0.05)!["y"], 10);
    const svg = await drawnInColumn(plots.get("validation_loss_final_bar")!.draw());
    assert.match(svg, /n = 1 to 3 seeds/);
  }),
);

Deno.test(
  "without results every figure is left out, with the command that would make it",
  withFolder((root) => {
    const { plots, leftOut } = plan(root);
    assert.equal(plots.size, 0);
    assert.ok(leftOut.length > 20);
    for (const { reason, command } of leftOut) {
      assert.match(command, /^deno task [a-z0-9]+/);
      assert.match(reason, /^no /);
    }
    return Promise.resolve();
  }),
);

Deno.test(
  "a dense run alone leaves out what only routers have",
  withFolder(async (root) => {
    writeRun(root, "runs/exp1/a", { name: "exp1" });
    const { plots, leftOut } = plan(root);
    assert.ok(plots.has("validation_loss_convergence") && !plots.has("exp1_loss_breakdown"));
    assert.ok(
      leftOut.some(({ kind, reason }) =>
        kind === "loss_breakdown" && reason === "no run trains a router"
      ),
    );
    for (const plot of plots.values()) await drawnInColumn(plot.draw());
  }),
);

Deno.test(
  "trials are in the order of their settings",
  withFolder((root) => {
    const cells = ["0.1,0.5,1.5", "0.02,0.1,1.25", "0.02,0.3,1.75", "0.005,0,1"];
    const header = "sparsity_weight,skip_ratio,validation_loss";
    writeBelow(root, "sweeps/exp8/trials.csv", [header, ...cells, ""].join("\n"));
    const rows = dataOf(plan(root).plots.get("exp8_trials_bar")!.draw());
    assert.deepEqual(
      rows.filter(({ value }) => value !== undefined).slice(0, 3).map((
        row,
      ) => [row["name"], row["value"]]),
      [
        ["price of a layer 0.005", 1],
        ["price of a layer 0.02", 1.5],
        ["price of a layer 0.1", 1.5],
      ],
    );
    return Promise.resolve();
  }),
);

Deno.test(
  "a table beside a run is named by the run",
  withFolder((root) => {
    writeRun(root, "runs/exp10/2026-01-01", { name: "exp10", seed: 3, routed: true });
    const table = "category,avg_active_layers\nall,9.5\n";
    writeBelow(root, "runs/exp10/2026-01-01/token_categories.csv", table);
    assert.ok(plan(root).plots.has("exp10-seed3_token_categories"));
    return Promise.resolve();
  }),
);

Deno.test(
  "a running experiment is drawn as far as it has come, wherever its files are cut",
  withFolder(async (root) => {
    writeRun(root, "runs/exp10/a", { name: "exp10", routed: true, status: "running" });
    const whole = madeUpMetrics({ routed: true });
    for (const end of [0, 40, 150, 200, 333, 640, 900, whole.length]) {
      writeBelow(root, "runs/exp10/a/metrics.csv", whole.slice(0, end));
      const { plots } = plan(root);
      assert.ok(!plots.has("validation_loss_final_bar"));
      for (const plot of plots.values()) await drawnInColumn(plot.draw());
    }
    const { plots } = plan(root);
    assertSays(
      await drawnInColumn(plots.get("exp10_loss_breakdown")!.draw()),
      "nano on microworld, seed 0; not finished, at step 20",
    );
  }),
);

Deno.test(
  "files of older versions give what they have",
  withFolder(async (root) => {
    writeRun(root, "runs/exp10/a", { name: "exp10", routed: true });
    writeBelow(root, "runs/exp10/a/metrics.csv", "step,loss,validation_loss\n1,2,\n2,1.5,1.75\n");
    writeBelow(root, "runs/exp10/a/run.json", {
      ...{ name: "exp10", status: "finished", seed: 0, startedAt: "2025" },
      config: {},
      final: { loss: 1.5, rows: "none", frontier: [{ x: 1 }], layerActivity: null },
    });
    writeBelow(
      root,
      "bench/depth_timing.csv",
      "how,tokens_per_second\nfirst 12 layers,100\nfirst 6 layers,180\n",
    );
    writeBelow(root, "sweeps/old/trials.csv", "penalty,loss\n1,2\n");
    writeBelow(root, "sweeps/torn/trials.csv", "skip_ratio,validation_loss\n0.25,1.5\n0.5,\n0.7");
    const { plots, leftOut } = plan(root);
    for (const name of ["validation_loss_convergence", "validation_loss_final_bar"]) {
      assert.ok(plots.has(name), name);
    }
    assert.ok(plots.has("bench_inference_speed_bar") && plots.has("torn_pareto_frontier"));
    assert.ok(!plots.has("old_pareto_frontier"));
    const lacking = leftOut.map(({ kind }) => kind);
    assert.ok(["speed_against_ideal", "budget_frontier", "training_loss_trajectory"]
      .every((kind) => lacking.includes(kind)));
    for (const plot of plots.values()) await drawnInColumn(plot.draw());
  }),
);

Deno.test(
  "many models and experiments have names of their own, and fit",
  withFolder(async (root) => {
    for (const name of ["exp1", "exp9_ablation_no_kd"]) {
      for (const model of ["nano", "a/very-long-name-of-a-model-3B-Instruct"]) {
        writeRun(root, `runs/${name}/${model.length}`, { name, model, routed: name !== "exp1" });
      }
    }
    const { plots } = plan(root);
    assert.ok(plots.has("validation_loss_convergence_nano_microworld"));
    assert.equal(plots.size, new Set(plots.keys()).size);
    for (const plot of plots.values()) await drawnInColumn(plot.draw());
  }),
);
