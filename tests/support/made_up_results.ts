/** A folder of results that nobody has trained for: small, and with known numbers. */

import { dirname, join } from "node:path";

/** Writes a file below `root`, with its folders. */
export function writeBelow(root: string, path: string, content: string | object): void {
  const full = join(root, path);
  Deno.mkdirSync(dirname(full), { recursive: true });
  Deno.writeTextFileSync(full, typeof content === "string" ? content : JSON.stringify(content));
}

/** What tells a made-up run from another. */
export interface MadeUpRun {
  readonly name: string;
  readonly seed?: number;
  readonly model?: string;
  readonly steps?: number;
  readonly status?: "running" | "interrupted" | "finished";
  readonly startedAt?: string;
  /** Has a router that learns. */
  readonly routed?: boolean;
  /** Validation loss at the end. */
  readonly loss?: number;
  readonly final?: object;
}

const HEADER = "step,epoch,train_loss,ce_loss,kd_loss,gate_loss,target_loss,validation_loss," +
  "avg_active_layers,skip_ratio,temperature,router_entropy\n";

/** The `metrics.csv` of a made-up run, with evaluations at every tenth step. */
export function madeUpMetrics(
  { steps = 20, routed = false, loss = 1 }: Omit<MadeUpRun, "name">,
): string {
  const rows = Array.from({ length: steps }, (_, i) => {
    const step = i + 1;
    const evaluated = step % 10 === 0;
    const router = routed ? [0.1 / step, 0.02, 0.3 / step] : [0, 0, 0];
    return [
      ...[step, 0, loss + 1 / step, loss + 0.9 / step, ...router],
      evaluated ? loss + 0.5 * (steps - step) / steps : "",
      routed ? 12 - 2 * step / steps : 12,
      routed ? 0.25 * step / steps : 0,
      1 - step / steps / 2,
      evaluated && routed ? 0.5 : "",
    ].join();
  });
  return HEADER + rows.map((row) => `${row}\n`).join("");
}

/** Writes a run into `folder` below `root`. */
export function writeRun(root: string, folder: string, run: MadeUpRun): void {
  const { name, seed = 0, model = "nano", steps = 20, status = "finished", routed = false } = run;
  const { startedAt = "2026-01-01T00:00:00.000Z", loss = 1 } = run;
  const ways = {
    base: { loss: 0.9, perplexity: 2.46, skipRatio: 0, flopsPerToken: 1000 },
    ...routed
      ? {
        routed: { loss, perplexity: Math.exp(loss), skipRatio: 0.25, flopsPerToken: 800 },
        shuffled: { loss: loss + 0.25, perplexity: 4, skipRatio: 0.25, flopsPerToken: 800 },
        "static-mask": { loss: loss + 0.125, perplexity: 3.5, skipRatio: 0.25, flopsPerToken: 790 },
      }
      : {},
  };
  const final = {
    loss,
    perplexity: Math.exp(loss),
    flopsPerToken: routed ? 800 : 1000,
    skipRatio: routed ? 0.25 : 0,
    activeLayers: routed ? 10 : 12,
    totalLayers: 12,
    layerActivity: Array.from({ length: 8 }, (_, i) => routed ? (i + 1) / 8 : 1),
    activeLayersByKind: routed ? { plain: 9.5, fact: 10.5 } : { plain: 12 },
    rows: ways,
    frontier: routed ? [0.1, 0.5].map((skipRatio) => ({ skipRatio, loss: loss + skipRatio })) : [],
    ...run.final,
  };
  writeBelow(root, join(folder, "run.json"), {
    name,
    status,
    seed,
    startedAt,
    config: {
      name,
      model,
      data: "microworld",
      seed,
      steps,
      router: { name: routed ? "token-gumbel" : "static", anchorLayers: 4 },
      objective: { targetSkip: 0.25, targetWeight: routed ? 20 : 0 },
    },
    final: status === "finished" ? final : {},
  });
  writeBelow(root, join(folder, "metrics.csv"), madeUpMetrics(run));
  const activity = [10, 20].flatMap((step) =>
    Array.from({ length: 8 }, (_, i) => `${step},${4 + i},${routed ? (i + 1) / 8 : 1}\n`)
  );
  writeBelow(
    root,
    join(folder, "layer_activity.csv"),
    `step,layer,active_share\n${activity.join("")}`,
  );
}

const TRIALS = (column: string, values: readonly number[]) =>
  "target_skip,sparsity_weight,seed,skip_ratio,active_layers,flops_per_token,validation_loss," +
  "perplexity,collapse,frontier,wall_seconds\n" +
  values.map((value, i) => {
    const [target, price] = column === "target" ? [value, 0] : [0.3, value];
    return `${target},${price},0,${0.1 + i / 5},${11 - i},900,${1 + i / 8},2.7,none,1,10.0\n`;
  }).join("");

/** Everything that any figure needs. */
export function writeAllResults(root: string): void {
  const run = (name: string, seed: number, loss: number, routed: boolean) =>
    writeRun(root, join("runs", name, `seed${seed}`), { name, seed, loss, routed });
  for (const seed of [0, 1, 2]) run("exp10", seed, 1.25 + seed / 16, true);
  run("exp1", 0, 1, false);
  run("exp6", 0, 1.5, true);
  writeBelow(root, "sweeps/pareto/trials.csv", TRIALS("target", [0.1, 0.3, 0.5]));
  writeBelow(root, "sweeps/exp8/trials.csv", TRIALS("price", [0.005, 0.05, 0.5]));
  writeBelow(
    root,
    "sweeps/budgets/budgets.csv",
    "way,budget,seed,skip_ratio,validation_loss\n" +
      "threshold moved,0.1,0,0.1,1.5\nthreshold moved,0.5,0,0.5,2\ntrained for it,0.1,0,0.1,1.25\n",
  );
  writeBelow(
    root,
    "sweeps/compare/comparison.csv",
    "variant,seed,skip_ratio,active_layers,relative_flops,validation_loss,perplexity\n" +
      "dense LoRA,0,0,12,1,1,2.7\ndense LoRA,1,0,12,1,1.5,4.4\ntoken Gumbel,0,0.25,10,0.8,1.25,3.4\n",
  );
  const results = (value: number) => ({
    "micro_facts": { "acc,none": value, "acc_stderr,none": 0.125 },
    "micro_ppl": { "word_perplexity,none": 2 + value, "word_perplexity_stderr,none": "N/A" },
  });
  writeBelow(root, "eval_summaries/exp7/base/results.json", {
    results: results(0.75),
    "model_name": "base",
    config: { limit: 8 },
  });
  const own = { "active_layers": 9, "total_layers": 12, "skip_ratio": 0.375 };
  const routing = { ...own, "layer_activity": Array.from({ length: 8 }, (_, i) => (i + 1) / 8) };
  writeBelow(root, "eval_summaries/exp7/token_router/results.json", {
    results: results(0.5),
    "model_name": "token router",
    config: { limit: 8 },
    routing: { "micro_facts": routing, "micro_ppl": routing },
  });
  writeBelow(
    root,
    "benchmarks/exp4/depth_timing.csv",
    "how,kind,phase,batch,active_layers,tokens_per_second,latency_ms_per_batch,flop_share," +
      "time_share,realized,peak_memory_mb\n" +
      "dense,dense,prefill,1,12,1000,8,1,1,,300\n" +
      "first 6 layers,layers cut off,prefill,1,6,1900,4,0.5,0.526,0.95,250\n" +
      "dense,dense,decode,1,12,100,10,1,1,,300\n" +
      "first 6 layers,layers cut off,decode,1,6,180,5.5,0.5,0.55,0.9,250\n",
  );
  writeBelow(
    root,
    "sweeps/analysed/token_categories.csv",
    "category,tokens,avg_active_layers,avg_token_loss,high_loss_fraction,grouping," +
      "active_layers_low,active_layers_high\n" +
      "all,100,9.5,1.25,0.1,all,9.25,9.75\npunctuation,60,9.25,1.5,0.1,text,9,9.5\n" +
      "punctuation,40,9.875,0.875,0.1,label,9.75,10\n",
  );
  writeBelow(
    root,
    "sweeps/exp19/token_categories.csv",
    "category,tokens,avg_active_layers,avg_token_loss,high_loss_fraction\n" +
      "all,100,9.5,1.25,0.1\nword,60,9.25,1.5,0.1\nnumeric,40,9.875,0.875,0.1\n",
  );
}
