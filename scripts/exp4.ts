/**
 * exp4: how fast is less depth?
 *
 * Times the forward pass with the first layers only, which really leaves the others out, and under
 * gates that are blended in, as training and evaluation compute them, which leaves nothing out: there
 * a skip ratio is work that could be saved.
 *
 *   deno task exp4
 */

import "../core/run/permissions.ts";
import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { formatTable } from "../core/run/table.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task exp4",
  "Times the forward pass at several depths: with layers left out, and with gates blended in.",
)
  .option("--fresh", "measure anew (it always does)")
  .option("--model <name|DIR|ID>", "model to time", "nano")
  .option("--batch-size <n>", "sequences of a batch", countFrom(1), 8)
  .option("--length <n>", "tokens of a sequence", countFrom(2), 128)
  .option("--warmup <n>", "batches before the clock starts", countFrom(0), 5)
  .option("--batches <n>", "timed batches", countFrom(1), 50)
  .option("--out <DIR>", "folder for the table", join("results", "benchmarks", "exp4"));

await runScript(async () => {
  const options = readOptions(command);
  const { timeDepths } = await import("../core/run/depth_timing.ts");
  const { writeFileAtomic } = await import("../core/io/atomic.ts");
  const rows = await timeDepths(builtinPlugins(), options);
  const dense = rows[0]!.tokensPerSecond;
  const csv = join(options.out, "depth_timing.csv");
  const cells = rows.map((row) => ({
    "how": row.how,
    "active_layers": row.activeLayers,
    "tokens_per_second": row.tokensPerSecond.toFixed(1),
    "latency_ms_per_batch": row.milliseconds.toFixed(3),
  }));
  writeFileAtomic(csv, csvFormat(cells) + "\n");
  const table = formatTable(
    [
      { title: "forward pass" },
      { title: "active layers", digits: 2 },
      { title: "tokens/s", digits: 0 },
      { title: "ms/batch", digits: 2 },
      { title: "× dense", digits: 2 },
    ],
    rows.map((row) => [
      row.how,
      row.activeLayers,
      row.tokensPerSecond,
      row.milliseconds,
      row.tokensPerSecond / dense,
    ]),
  );
  console.log(`${options.model}, ${options.batchSize} × ${options.length} tokens, medians\n`);
  console.log(`${table}\n\ntable    ${csv}`);
});
