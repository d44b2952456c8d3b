/**
 * One trained model at any budget: moves a finished run along its frontier.
 *
 *   deno task evaluate --run exp10 --budget 0.2,0.5
 */

import "../core/run/permissions.ts";
import { relative } from "node:path";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { shares } from "../core/run/sweep/command.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task evaluate",
  "Evaluates a finished run at other skip ratios than it was trained for.",
)
  .option("--run <name|DIR>", "a run's folder, or an experiment: its newest finished run", "exp10")
  .option("--budget <list>", "skip ratios to evaluate at", shares("--budget"), [
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
  ])
  .option("--data <name|FILE>", "other text than that of the run")
  .option("--batches <n>", "validation batches", countFrom(1))
  .option("--questions <n>", "questions with choices", countFrom(0))
  .option("--quiet", "no progress, only the results");

await runScript(async () => {
  const options = readOptions(command);
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const budgets = await import("../core/run/budget_evaluation.ts");
  await using run = await openFinishedRun(options.run, builtinPlugins(), {
    data: options.data,
    "evaluation.finalBatches": options.batches?.toString(),
    "evaluation.questions": options.questions?.toString(),
  }, options.quiet);
  const rows = await budgets.evaluateBudgets(run, options.budget);
  const csv = relative(Deno.cwd(), budgets.writeBudgets(run, rows));
  const title = `${run.config.name} in ${run.path}, ${run.config.data}`;
  console.log(`${title}\n\n${budgets.budgetRowsTable(rows)}\n\ntable    ${csv}`);
});
