/**
 * exp19: which sorts of tokens get depth?
 *
 * Runs a trained token-level router over held-out text and averages the layers that each sort of
 * token ran. What is not trained yet is trained first.
 *
 *   deno task exp19
 */

import "../core/run/permissions.ts";
import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { commonArgs, sweepCommand } from "../core/run/sweep/command.ts";
import { formatTable } from "../core/run/table.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = sweepCommand(
  "deno task exp19",
  "Averages the layers that a trained router runs over sorts of tokens.",
  join("results", "sweeps", "exp19"),
)
  .option("--run <name|DIR>", "a finished run's folder, or an experiment: its newest finished run");

await runScript(async () => {
  const options = readOptions(command);
  const { routedTokens } = await import("../core/run/routed_tokens.ts");
  const { openFinishedRun } = await import("../core/run/finished_run.ts");
  const { trainedRun } = await import("../core/run/sweep/trained_run.ts");
  const { categoryRows } = await import("../core/eval/mod.ts");
  const { writeFileAtomic } = await import("../core/io/atomic.ts");
  const script = join(import.meta.dirname!, "exp10.ts");
  const folder = options.run ??
    await trainedRun({ name: "exp10", script, args: commonArgs(options), ...options });
  await using run = await openFinishedRun(folder, builtinPlugins(), {}, options.quiet);
  const rows = categoryRows(await routedTokens(run));

  const csv = options.run === undefined
    ? join(options.out, "token_categories.csv")
    : join(run.path, "token_categories.csv");
  const cells = rows.map((row) => ({
    category: row.category,
    tokens: row.tokens,
    "avg_active_layers": row.activeLayers,
    "avg_token_loss": row.loss,
    "high_loss_fraction": row.highLossShare,
  }));
  writeFileAtomic(csv, csvFormat(cells) + "\n");
  const table = formatTable(
    [
      { title: "tokens read" },
      { title: "count" },
      { title: "active layers", digits: 3 },
      { title: "loss of the next", digits: 3 },
      { title: "among the hardest tenth", digits: 3 },
    ],
    rows.map((row) => [
      row.category,
      row.tokens,
      row.activeLayers,
      row.loss,
      row.highLossShare,
    ]),
  );
  console.log(`${run.config.name} in ${run.path}\n\n${table}\n\ntable    ${csv}`);
});
