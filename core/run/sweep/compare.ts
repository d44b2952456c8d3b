/**
 * A comparison: several ways of training, each with several seeds, in one table.
 *
 *   <out>/trials/<variant>,seed=<k>/    each trial's run
 *   <out>/comparison.csv                a row for each variant and seed
 */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../../contracts/errors.ts";
import { type Way } from "../../eval/mod.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { type ExperimentConfig } from "../config_schema.ts";
import { missedTarget } from "../final_evaluation.ts";
import { formatDuration } from "../progress.ts";
import { type RunRecord } from "../run_record.ts";
import { formatTable } from "../table.ts";
import { commonArgs, seedsOf, type SweepOptions } from "./command.ts";
import { seedInterval, showSeeds } from "./seeds.ts";
import { failureIn, runTold, seedTrial, setArgs, startOver, trialName } from "./study.ts";
import { type Trial } from "./trial.ts";

/** One way of training, and of running what was trained. */
export interface Variant {
  /** What the table calls it. */
  readonly label: string;
  /** Names its trials; variants that share it show the same run in different ways. */
  readonly key: string;
  /** Path of the experiment's script. */
  readonly script: string;
  /** Settings of its own; may depend on the runs of variants whose settings do not. */
  readonly settings?: readonly string[] | ((finished: FinishedRuns) => readonly string[]);
  /** How the trained model is run; as the experiment evaluates unless told. */
  readonly way?: Way;
}

/** The run of a key with the first seed. */
export type FinishedRuns = (key: string) => RunRecord;

/** What is compared with what. */
export interface ComparisonPlan {
  readonly variants: readonly Variant[];
  /** Key of the variant that differences are taken to. */
  readonly yardstick: string;
}

/** A variant's numbers with one seed. */
interface SeedNumbers {
  readonly seed: number;
  readonly loss: number;
  readonly perplexity: number;
  readonly skipRatio: number;
  readonly activeLayers: number;
  readonly flopsPerToken: number;
  readonly accuracy: number;
  readonly flag: string;
}

/**
 * Runs a comparison and prints its table.
 *
 * @throws {UserError} when a trial failed twice.
 */
export async function runComparison(plan: ComparisonPlan, options: SweepOptions): Promise<void> {
  startOver(options);
  const started = performance.now();
  const seeds = seedsOf(options);
  const records = new Map<string, RunRecord>();
  const finished = (key: string, seed = seeds[0]!) => records.get(trialName(key, seed))!;
  const run = async (variants: readonly Variant[]) => {
    const trials = trialsOf(variants, seeds, options, finished);
    const outcomes = await runTold(trials, options);
    const failure = failureIn(outcomes);
    if (failure !== undefined) throw new UserError(`${failure}; the same command tries again`);
    for (const outcome of outcomes) {
      if ("record" in outcome) records.set(outcome.trial.name, outcome.record);
    }
  };
  await run(plan.variants.filter(({ settings }) => typeof settings !== "function"));
  const dependent = plan.variants.filter(({ settings }) => typeof settings === "function");
  if (dependent.length > 0) await run(dependent);

  const results = plan.variants.map((variant) => ({
    variant,
    numbers: seeds.map((seed) => numbersOf(finished(variant.key, seed), seed, variant.way)),
  }));
  const yardstick = results.find(({ variant }) => variant.key === plan.yardstick)!.numbers;
  const csv = join(options.out, "comparison.csv");
  writeFileAtomic(csv, comparisonCsv(results));
  console.log([
    "",
    comparisonTable(results, yardstick),
    "",
    `${seeds.length} seed${
      seeds.length === 1 ? "" : "s"
    }; ± is the 95% interval of the mean over ` +
    "seeds, that of differences paired by seed. FLOPs are those of matrix products per token.",
    "",
    `table    ${csv}`,
    `time     ${formatDuration((performance.now() - started) / 1000)}`,
  ].join("\n"));
}

/** One trial for each key and seed. */
function trialsOf(
  variants: readonly Variant[],
  seeds: readonly number[],
  options: SweepOptions,
  finished: FinishedRuns,
): Trial[] {
  const trials = new Map<string, Trial>();
  for (const { key, script, settings = [] } of variants) {
    for (const seed of seeds) {
      const own = typeof settings === "function" ? settings(finished) : settings;
      const args = [...setArgs(own), ...commonArgs(options)];
      const trial = seedTrial(key, seed, script, args, options);
      trials.set(trial.name, trial);
    }
  }
  return [...trials.values()];
}

function numbersOf({ config, final }: RunRecord, seed: number, way: Way | undefined): SeedNumbers {
  const rows = final["rows"] as Record<string, Record<string, number>>;
  const total = Number(final["totalLayers"]);
  const own = way === undefined ? final as Record<string, number> : rows[way]!;
  return {
    seed,
    loss: own["loss"]!,
    perplexity: own["perplexity"]!,
    skipRatio: own["skipRatio"] ?? 0,
    activeLayers: own["activeLayers"] ?? total,
    flopsPerToken: own["flopsPerToken"]! / rows["base"]!["flopsPerToken"]!,
    accuracy: own["accuracy"] ?? NaN,
    flag: way === undefined ? flagOf(config as ExperimentConfig, final) : "",
  };
}

/** What is wrong with a router, in a few words; empty: nothing. */
function flagOf(config: ExperimentConfig, final: RunRecord["final"]): string {
  if (!isLearned(final)) return "";
  const collapse = final["collapse"] ?? "none";
  if (collapse !== "none") return `collapsed: ${collapse}`;
  const target = missedTarget(config, Number(final["skipRatio"] ?? 0));
  return target === undefined ? "" : `off target (${target})`;
}

/** Whether a router was meant to look at tokens: the others cannot fail to. */
function isLearned(final: RunRecord["final"]): boolean {
  return final["gateInformationBits"] !== undefined;
}

interface Result {
  readonly variant: Variant;
  readonly numbers: readonly SeedNumbers[];
}

function comparisonCsv(results: readonly Result[]): string {
  const rows = results.flatMap(({ variant, numbers }) =>
    numbers.map((own) => ({
      variant: variant.label.trim(),
      seed: own.seed,
      "skip_ratio": own.skipRatio,
      "active_layers": own.activeLayers,
      "relative_flops": own.flopsPerToken,
      "validation_loss": own.loss,
      perplexity: own.perplexity,
      "question_accuracy": Number.isNaN(own.accuracy) ? "" : own.accuracy,
      flag: own.flag,
    }))
  );
  return csvFormat(rows) + "\n";
}

function comparisonTable(results: readonly Result[], yardstick: readonly SeedNumbers[]): string {
  type Key = "loss" | "perplexity" | "skipRatio" | "activeLayers" | "flopsPerToken" | "accuracy";
  const over = (numbers: readonly SeedNumbers[], key: Key, digits: number) => {
    const values = numbers.map((own) => own[key]);
    return values.some(Number.isNaN) ? undefined : showSeeds(seedInterval(values), digits);
  };
  const paired = (numbers: readonly SeedNumbers[], key: Key, digits: number) => {
    if (numbers === yardstick) return undefined;
    const values = numbers.map((own, i) => own[key] - yardstick[i]![key]);
    return values.some(Number.isNaN) ? undefined : showSeeds(seedInterval(values), digits);
  };
  return formatTable(
    [
      { title: "model" },
      { title: "skip ratio", align: "right" },
      { title: "active layers", align: "right" },
      { title: "FLOPs", align: "right" },
      { title: "perplexity", align: "right" },
      { title: "loss − dense", align: "right" },
      { title: "questions", align: "right" },
      { title: "− dense", align: "right" },
      { title: "flag" },
    ],
    results.map(({ variant, numbers }) => [
      variant.label,
      over(numbers, "skipRatio", 3),
      over(numbers, "activeLayers", 2),
      over(numbers, "flopsPerToken", 3),
      over(numbers, "perplexity", 3),
      paired(numbers, "loss", 4),
      over(numbers, "accuracy", 3),
      paired(numbers, "accuracy", 3),
      [...new Set(numbers.map(({ flag }) => flag))].filter((flag) => flag !== "").join("; "),
    ]),
  );
}
