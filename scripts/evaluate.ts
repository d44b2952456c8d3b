/**
 * One trained model at any budget: moves a finished run along its frontier.
 *
 *   deno task evaluate --run exp10 --budget 0.2,0.5
 */

import "../core/run/permissions.ts";
import { join, relative } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../core/contracts/errors.ts";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { numbers } from "../core/run/sweep/command.ts";
import { formatTable } from "../core/run/table.ts";
import { builtinPlugins } from "../plugins/mod.ts";

function budgets(text: string): number[] {
  const values = numbers(text);
  const wrong = values.find((value) => value < 0 || value >= 1);
  if (wrong === undefined) return values;
  throw new UserError(`--budget ${wrong}: a share of skipped layers is from 0 to below 1`);
}

const command = newCommand(
  "deno task evaluate",
  "Evaluates a finished run at other skip ratios than it was trained for.",
)
  .option("--run <name|DIR>", "a run's folder, or an experiment: its newest finished run", "exp10")
  .option("--budget <list>", "skip ratios to evaluate at", budgets, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
  .option("--data <name|FILE>", "other text than that of the run")
  .option("--batches <n>", "validation batches", countFrom(1))
  .option("--questions <n>", "questions with choices", countFrom(0))
  .option("--quiet", "no progress, only the results");

await runScript(async () => {
  const options = readOptions(command);
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const { choiceAccuracy } = await import("../core/eval/mod.ts");
  const { flopsAt, tokenFlops } = await import("../core/routing/mod.ts");
  await using run = await openFinishedRun(options.run, builtinPlugins(), {
    data: options.data,
    "evaluation.finalBatches": options.batches?.toString(),
    "evaluation.questions": options.questions?.toString(),
  }, options.quiet);
  const { config, parts, evaluator } = run;
  const { router, anchorLayers } = parts.student.router;
  if (router.decidesBy === "rule") {
    throw new UserError(`The run in ${run.path} has no router that could skip more or less`);
  }
  const { finalBatches, calibrationBatches, questions } = config.evaluation;
  const validation = parts.validationBatches(finalBatches);
  const calibration = parts.calibrationBatches(calibrationBatches);
  const choices = parts.validationQuestions(questions);
  const costs = tokenFlops(
    parts.student.model,
    anchorLayers,
    config.sequenceLength,
    router,
    config.router.bypassRank,
  );
  const everything = costs.block.map(() => 1);
  const dense = flopsAt({ ...costs, router: 0 }, everything);
  const base = await evaluator.base(validation);
  const ask = async (run: () => Promise<Parameters<typeof choiceAccuracy>[1]>) =>
    choices.questions.length === 0 ? undefined : choiceAccuracy(choices, await run());

  const rows = [{
    budget: undefined as number | undefined,
    "skip_ratio": 0,
    "relative_flops": 1,
    "validation_loss": base.loss,
    perplexity: base.perplexity,
    "question_accuracy": await ask(() => evaluator.base(choices.batches)),
  }];
  for (const budget of options.budget.toSorted((a, b) => a - b)) {
    const at = await evaluator.calibrate(calibration, budget);
    const { loss, perplexity, statistics } = await evaluator.routed(validation, at);
    rows.push({
      budget,
      "skip_ratio": statistics.skipRatio,
      "relative_flops": flopsAt(costs, statistics.layerActivity) / dense,
      "validation_loss": loss,
      perplexity,
      "question_accuracy": await ask(() => evaluator.routed(choices.batches, at)),
    });
  }
  const csv = join(run.path, "budgets.csv");
  const { writeFileAtomic } = await import("../core/io/atomic.ts");
  writeFileAtomic(csv, csvFormat(rows) + "\n");
  const table = formatTable(
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
      row.skip_ratio,
      row.relative_flops,
      row.validation_loss,
      row.perplexity,
      row.perplexity / base.perplexity,
      row.question_accuracy,
    ]),
  );
  const shown = relative(Deno.cwd(), csv);
  console.log(`${config.name} in ${run.path}, ${config.data}\n\n${table}\n\ntable    ${shown}`);
});
