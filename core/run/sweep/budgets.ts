/**
 * One checkpoint at every budget, against a model of its own for each.
 *
 * Three ways to a skip ratio: train for it; train once and move the threshold on the router's
 * logits; or train once with a router that is told its budget, each step with another one.
 */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../../contracts/errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { budgetFigure } from "../../report/budget_figure.ts";
import { writeFigure } from "../../report/figures.ts";
import { formatDuration } from "../progress.ts";
import { type RunRecord } from "../run_record.ts";
import { formatTable } from "../table.ts";
import { commonArgs, seedsOf, type SweepOptions } from "./command.ts";
import { seedInterval, showSeeds } from "./seeds.ts";
import { failureOf, runTold, seedTrial, setArgs, startOver } from "./study.ts";

/** The three ways, as tables and figures call them. */
export const BUDGET_WAYS = ["trained for it", "threshold moved", "told its budget"] as const;

/** One of the three. */
export type BudgetWay = typeof BUDGET_WAYS[number];

/** What is compared. */
export interface BudgetPlan {
  /** Path of the experiment's script. */
  readonly script: string;
  /** Skip ratios. */
  readonly budgets: readonly number[];
  /** Target of the one model whose threshold is moved. */
  readonly single: number;
  /** Settings of all trials. */
  readonly settings: readonly string[];
}

/** A model at a budget. */
export interface BudgetPoint {
  readonly way: BudgetWay;
  readonly budget: number;
  readonly seed: number;
  readonly skipRatio: number;
  /** Validation loss in nats per token. */
  readonly loss: number;
}

interface Job {
  readonly way: BudgetWay;
  readonly key: string;
  readonly settings: readonly string[];
  /** The budget that it is trained for; absent: all are read off its frontier. */
  readonly budget?: number;
}

function jobsOf({ budgets, single }: BudgetPlan): Job[] {
  const all = `evaluation.budgets=${budgets.join(",")}`;
  return [
    ...budgets.map((budget): Job => ({
      way: "trained for it",
      key: `target=${budget}`,
      settings: [`objective.targetSkip=${budget}`, "evaluation.budgets=[]"],
      budget,
    })),
    {
      way: "threshold moved",
      key: `threshold,target=${single}`,
      settings: [`objective.targetSkip=${single}`, all],
    },
    {
      way: "told its budget",
      key: "told",
      settings: [
        "router.readsBudget=true",
        `objective.targetSkipFrom=${Math.min(...budgets)}`,
        `objective.targetSkip=${Math.max(...budgets)}`,
        all,
      ],
    },
  ];
}

/**
 * Trains what is compared and prints the table.
 *
 * @throws {UserError} when a trial failed twice.
 */
export async function runBudgets(plan: BudgetPlan, options: SweepOptions): Promise<void> {
  startOver(options);
  const started = performance.now();
  const seeds = seedsOf(options);
  const jobs = jobsOf(plan).flatMap((job) => seeds.map((seed) => ({ ...job, seed })));
  const trials = jobs.map(({ key, settings, seed }) => {
    const args = [...setArgs([...plan.settings, ...settings]), ...commonArgs(options)];
    return seedTrial(key, seed, plan.script, args, options);
  });
  const outcomes = await runTold(trials, options);
  const points = outcomes.flatMap((outcome, i) => {
    if ("record" in outcome) return pointsOf(jobs[i]!, outcome.record);
    throw new UserError(`${outcome.trial.name} failed with ${failureOf(outcome)}`);
  });
  const csv = join(options.out, "budgets.csv");
  const cells = points.map(({ way, budget, seed, skipRatio, loss }) => ({
    way,
    budget,
    seed,
    "skip_ratio": skipRatio,
    "validation_loss": loss,
  }));
  writeFileAtomic(csv, csvFormat(cells) + "\n");
  const { svg, png } = await writeFigure(join(options.out, "budgets"), budgetFigure(points));
  console.log([
    "",
    budgetTable(points, plan.budgets),
    "",
    ...BUDGET_WAYS.slice(1).map((way) => verdictOn(way, points, seeds)),
    "",
    `table    ${csv}`,
    `figure   ${svg}, ${png}`,
    `time     ${formatDuration((performance.now() - started) / 1000)}`,
  ].join("\n"));
}

function pointsOf(
  { way, budget, seed }: Job & { readonly seed: number },
  { final }: RunRecord,
): BudgetPoint[] {
  if (budget !== undefined) {
    const { skipRatio, loss } = final as { skipRatio: number; loss: number };
    return [{ way, budget, seed, skipRatio, loss }];
  }
  const frontier = final["frontier"] as { budget: number; skipRatio: number; loss: number }[];
  return frontier.map((at) => ({ way, seed, ...at }));
}

function budgetTable(points: readonly BudgetPoint[], budgets: readonly number[]): string {
  return formatTable(
    [
      { title: "budget", digits: 2 },
      ...BUDGET_WAYS.flatMap((way) => [
        { title: way, align: "right" as const },
        { title: "skip", digits: 3 },
      ]),
    ],
    budgets.map((budget) => [
      budget,
      ...BUDGET_WAYS.flatMap((way) => {
        const own = points.filter((point) => point.way === way && point.budget === budget);
        const loss = seedInterval(own.map((point) => point.loss));
        return [showSeeds(loss, 4), seedInterval(own.map((point) => point.skipRatio)).value];
      }),
    ]),
  );
}

/** How one checkpoint does against models of their own, over all budgets, paired by seed. */
function verdictOn(
  way: BudgetWay,
  points: readonly BudgetPoint[],
  seeds: readonly number[],
): string {
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const lossOf = (which: BudgetWay, seed: number) =>
    mean(points.filter((p) => p.way === which && p.seed === seed).map((p) => p.loss));
  const difference = seedInterval(
    seeds.map((seed) => lossOf(way, seed) - lossOf(BUDGET_WAYS[0], seed)),
  );
  const word = difference.value > 0 ? "costs" : "saves";
  const size = { ...difference, value: Math.abs(difference.value) };
  size.high = size.value + (difference.high - difference.value);
  return `One checkpoint, ${way}: ${word} ${showSeeds(size, 4)} nats against a model for each ` +
    "budget, averaged over budgets.";
}
