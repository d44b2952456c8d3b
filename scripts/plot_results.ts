/**
 * plot-results: every figure that the results allow.
 *
 *   deno task plot-results
 *   deno task plot-results --only exp10_loss_breakdown
 */

import "../core/run/permissions.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";

const command = newCommand(
  "deno task plot-results",
  "Draws every figure that the results allow, and says what to run for the others.",
)
  .option("--results <DIR>", "folder of results", "results")
  .option("--out <DIR>", "folder for the figures", "figures")
  .option("--only <name>", "one figure, or all of a kind, such as loss_breakdown");

await runScript(async () => {
  const options = readOptions(command);
  const { plotResults } = await import("../core/run/plots/plot_results.ts");
  await plotResults(options);
});
