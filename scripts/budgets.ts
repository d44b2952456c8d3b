/**
 * One checkpoint at every budget: by moving its threshold, or by telling the router its budget; beside
 * a model trained for each.
 *
 *   deno task budgets
 */

import "../core/run/permissions.ts";
import { join } from "node:path";
import { readOptions } from "../core/run/command.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { share, shares, sweepCommand } from "../core/run/sweep/command.ts";
import { chosenLauncher } from "../core/run/sweep/launchers.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const BUDGETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

await runScript(async () => {
  const { launchers } = await withPlugins(builtinPlugins());

  const command = sweepCommand(
    "deno task budgets",
    "Compares one checkpoint at many skip ratios with a model trained for each of them.",
    join("results", "sweeps", "budgets"),
    launchers,
  )
    .option("--budgets <list>", "skip ratios", shares("--budgets"), BUDGETS)
    .option(
      "--single <share>",
      "target of the model whose threshold is moved",
      share("--single"),
      0.45,
    );
  const options = readOptions(command);
  const launcher = chosenLauncher(command, options, launchers);
  const { runBudgets } = await import("../core/run/sweep/budgets.ts");
  await runBudgets({
    script: join(import.meta.dirname!, "exp10.ts"),
    budgets: options.budgets,
    single: options.single,
    settings: ["evaluation.questions=0", "evaluation.staticMaskBatches=0"],
  }, { ...options, launcher });
});
