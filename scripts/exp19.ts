/**
 * exp19: which tokens get depth?
 *
 * Analyses a trained token-level router on held-out text, as `deno task analyze` does. What is not
 * trained yet is trained first.
 *
 *   deno task exp19
 */

import "../core/run/permissions.ts";
import { join } from "node:path";
import { readOptions } from "../core/run/command.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { commonArgs, sweepCommand } from "../core/run/sweep/command.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = sweepCommand(
  "deno task exp19",
  "Trains a router and analyses which layers it runs for which tokens.",
  join("results", "sweeps", "exp19"),
);

await runScript(async () => {
  const options = readOptions(command);
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const { trainedRun } = await import("../core/run/sweep/trained_run.ts");
  const { analyzeRun } = await import("../core/run/analysis/command.ts");
  const script = join(import.meta.dirname!, "exp10.ts");
  const folder = await trainedRun({ name: "exp10", script, args: commonArgs(options), ...options });
  await using run = await openFinishedRun(
    folder,
    await withPlugins(builtinPlugins()),
    {},
    options.quiet,
  );
  await analyzeRun(run, options);
});
