/** A finished run at other budgets than its own. */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../contracts/errors.ts";
import { choiceAccuracy, frontierPoints } from "../eval/mod.ts";
import { writeFileAtomic } from "../io/mod.ts";
import { flopsAt, tokenFlops } from "../routing/mod.ts";
import { type FinishedRun } from "./finished_run.ts";
import { formatTable } from "./table.ts";

/** The base model, or the run's model at a budget. */
export interface BudgetRow {
  /** Absent: the base model. */
  readonly budget?: number;
  readonly skipRatio: number;
  /** Operations of matrix products per token, as a share of the base model's. */
  readonly relativeFlops: number;
  /** Nats per token. */
  readonly loss: number;
  readonly perplexity: number;
  /** Share of questions answered right, where there are any. */
  readonly accuracy?: number | undefined;
}

/**
 * Evaluates a run's model at budgets, after its base model.
 *
 * @throws {UserError} for a run whose gates no threshold could move.
 */
export async function evaluateBudgets(
  { path, config, parts, evaluator }: FinishedRun,
  budgets: readonly number[],
): Promise<BudgetRow[]> {
  const { router, anchorLayers, bypassRank } = parts.student.router;
  if (router.decidesBy === "rule") {
    throw new UserError(`The run in ${path} has no router that could skip more or less`);
  }
  const { finalBatches, calibrationBatches, questions } = config.evaluation;
  const validation = parts.validationBatches(finalBatches);
  const choices = parts.validationQuestions(questions);
  const { model } = parts.student;
  const costs = tokenFlops(model, anchorLayers, config.sequenceLength, router, bypassRank);
  const dense = flopsAt({ ...costs, router: 0 }, costs.block.map(() => 1));
  const base = await evaluator.base(validation);
  const accuracy = choices.questions.length > 0
    ? choiceAccuracy(choices, await evaluator.base(choices.batches))
    : undefined;
  const calibration = parts.calibrationBatches(calibrationBatches);
  const points = await frontierPoints(evaluator, {
    budgets,
    validation,
    calibration,
    costs,
    choices,
  });
  const { loss, perplexity } = base;
  return [
    { skipRatio: 0, relativeFlops: 1, loss, perplexity, accuracy },
    ...points.map(({ budget, result, flopsPerToken, accuracy }) => ({
      budget,
      skipRatio: result.statistics.skipRatio,
      relativeFlops: flopsPerToken / dense,
      loss: result.loss,
      perplexity: result.perplexity,
      accuracy,
    })),
  ];
}

/** Writes `budgets.csv` into the run's folder and gives its path. */
export function writeBudgets({ path }: FinishedRun, rows: readonly BudgetRow[]): string {
  const csv = join(path, "budgets.csv");
  const cells = rows.map((row) => ({
    budget: row.budget,
    "skip_ratio": row.skipRatio,
    "relative_flops": row.relativeFlops,
    "validation_loss": row.loss,
    perplexity: row.perplexity,
    "question_accuracy": row.accuracy,
  }));
  writeFileAtomic(csv, csvFormat(cells) + "\n");
  return csv;
}

/** The rows as a table. */
export function budgetRowsTable(rows: readonly BudgetRow[]): string {
  const base = rows[0]!;
  return formatTable(
    [
      { title: "budget" },
      { title: "skip ratio", digits: 3 },
      { title: "FLOPs", digits: 3 },
      { title: "loss", digits: 4 },
      { title: "perplexity", digits: 3 },
      { title: "× base", digits: 3 },
      { title: "questions", digits: 3 },
    ],
    rows.map((row) => [
      row.budget?.toString() ?? "base",
      row.skipRatio,
      row.relativeFlops,
      row.loss,
      row.perplexity,
      row.perplexity / base.perplexity,
      row.accuracy,
    ]),
  );
}
