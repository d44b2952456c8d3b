/**
 * All results in one HTML file that needs no network.
 *
 *   deno task report
 *   deno task report --results results --out report.html --tokens exp10
 */

import "../core/run/permissions.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { writeReport } from "../core/run/report/command.ts";
import { pluginOption, withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task report",
  "Writes all results into one HTML file: runs, curves, the frontier, layers, tokens.",
)
  .option("--results <DIR>", "folder of results", "results")
  .option("--out <FILE>", "the file to write (default: report.html in that folder)")
  .option(
    "--tokens <name|DIR>",
    "trace the tokens of a run: a folder, or an experiment's newest run; may be repeated; " +
      "none: of no run (default: of the newest routed run)",
    (name: string, all: string[]) => [...all, name],
    [] as string[],
  )
  .addOption(pluginOption())
  .option("--quiet", "print the path only");

await runScript(async () => {
  await writeReport(readOptions(command), await withPlugins(builtinPlugins()));
});
