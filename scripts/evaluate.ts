/**
 * Evaluates one model: on tasks, or a finished run at other budgets than it was trained for.
 *
 *   deno task evaluate --run exp10 --tasks micro_facts,micro_math
 *   deno task evaluate --model tinyllama --tasks mmlu --num-fewshot 5
 *   deno task evaluate --run exp10 --budget 0.2,0.5
 */

import "../core/run/permissions.ts";
import { relative } from "node:path";
import { UserError } from "../core/contracts/errors.ts";
import { countFrom, depthOption, readOptions, refuseBesideModel } from "../core/run/command.ts";
import { taskCommand } from "../core/run/evaluation/options.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { shares } from "../core/run/sweep/command.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const BUDGETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

const command = taskCommand(
  "deno task evaluate",
  "Evaluates a model on tasks; without --tasks, a finished run on text at many skip ratios.",
)
  .option("--run <name|DIR>", "a run's folder, or an experiment: its newest finished run", "exp10")
  .option("--model <name|DIR|ID>", "a model as it is, instead of a run")
  .addOption(depthOption("answers"))
  .option("--budget <list>", "skip ratios to evaluate at; for tasks one", shares("--budget"))
  .option("--data <name|FILE>", "without --tasks: other text than that of the run")
  .option("--batches <n>", "without --tasks: validation batches", countFrom(1))
  .option("--questions <n>", "without --tasks: questions with choices", countFrom(0));

await runScript(async () => {
  const options = readOptions(command);
  const plugins = await withPlugins(builtinPlugins());
  const { run, model, depth = "routed", budget, tasks, quiet } = options;
  refuseBesideModel(options, "--run");
  if (tasks !== undefined || model !== undefined) {
    if (budget !== undefined && budget.length > 1) {
      throw new UserError("--budget takes one skip ratio where --tasks are given");
    }
    const { evaluateModel } = await import("../core/run/evaluation/command.ts");
    const at = budget?.[0];
    const label = [run, ...(depth === "routed" ? [] : [depth]), ...(at === undefined ? [] : [at])];
    const candidate = model === undefined
      ? { label: label.join("_"), run, depth, budget: at }
      : { label: model, model };
    await evaluateModel(candidate, plugins, options);
    return;
  }
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const budgets = await import("../core/run/budget_evaluation.ts");
  await using finished = await openFinishedRun(run, plugins, {
    data: options.data,
    "backend.name": options.backend,
    "evaluation.finalBatches": options.batches?.toString(),
    "evaluation.questions": options.questions?.toString(),
  }, quiet);
  const rows = await budgets.evaluateBudgets(finished, budget ?? BUDGETS);
  const csv = relative(Deno.cwd(), budgets.writeBudgets(finished, rows));
  const title = `${finished.config.name} in ${finished.path}, ${finished.config.data}`;
  console.log(`${title}\n\n${budgets.budgetRowsTable(rows)}\n\ntable    ${csv}`);
});
