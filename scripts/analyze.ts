/**
 * What does a trained router look at? Depth by kind of token, position and layer, what explains its
 * gates, and whether hard tokens get more layers.
 *
 *   deno task analyze --run exp10
 *   deno task analyze --run results/runs/exp10/2026-01-01T12-00-00-seed0 --out analysis
 */

import "../core/run/permissions.ts";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { pluginOption, withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task analyze",
  "Analyses which layers a finished run's router runs for which tokens of held-out text.",
)
  .option("--run <name|DIR>", "a run's folder, or an experiment: its newest finished run", "exp10")
  .option("--data <name|FILE>", "other text than that of the run")
  .addOption(pluginOption())
  .option("--backend <name>", "backend to run on (default: that of the training)")
  .option("--batches <n>", "validation batches to read", countFrom(1))
  .option("--out <DIR>", "folder for tables and figures (default: the run's)")
  .option("--quiet", "no progress, only the results");

await runScript(async () => {
  const { run, data, batches, backend, out, quiet } = readOptions(command);
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const { analyzeRun } = await import("../core/run/analysis/command.ts");
  await using finished = await openFinishedRun(run, await withPlugins(builtinPlugins()), {
    data,
    "backend.name": backend,
    "evaluation.finalBatches": batches?.toString(),
  }, quiet);
  await analyzeRun(finished, { out, quiet });
});
