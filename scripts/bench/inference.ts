/**
 * Times routed inference against dense inference of the same model: reading a prompt, and writing the
 * next token after it, at several shares of kept tokens.
 *
 *   deno task bench:inference                     TinyLlama's shapes with 8 layers: a table
 *   deno task bench:inference --json              a JSON line for each measurement
 *   deno task bench:inference --weights int4      matrices in blocks of four bits
 *   deno task bench:inference --rivals DIR        llama.cpp and transformers.js in turn with ours
 *
 * Weights are random and so are the gates, drawn anew for every pass; the time of a product depends on
 * neither. All are timed in turn, round by round.
 */

import "../../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { csvFormat } from "d3-dsv";
import { UserError } from "../../core/contracts/mod.ts";
import { writeFileAtomic } from "../../core/io/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { shares } from "../../core/run/sweep/command.ts";
import { formatTable } from "../../core/run/table.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { InferenceWorkload, type PhaseTime } from "./inference_workload.ts";
import { MODEL_CONFIGS, modelOf, withLayers } from "./models.ts";

const command = newCommand(
  "deno task bench:inference",
  "Times prefill and decoding with skipped layers against dense, in turn.",
)
  .option("--model <name>", `shapes: ${Object.keys(MODEL_CONFIGS).join(", ")}`, "tinyllama")
  .option("--layers <n>", "layers of the model", countFrom(1), 8)
  .option("--anchor-layers <n>", "layers that always run", countFrom(0), 4)
  .option("--keep <list>", "shares of kept tokens", shares("--keep"), [1, 0.8, 0.6, 0.4, 0.2])
  .option("--length <n>", "tokens of a prompt", countFrom(2), 512)
  .option("--batches <list>", "sequences at once", counts, [1, 4])
  .addOption(
    new Option("--weights <format>", "how matrices are kept")
      .choices(["float32", "int4"] as const).default("float32" as const),
  )
  .option("--rounds <n>", "rounds of all measurements", countFrom(1), 5)
  .option("--steps <n>", "tokens that a round writes", countFrom(1), 12)
  .option("--threads <n>", "threads; 0 takes every core", countFrom(0), 0)
  .option("--rivals <DIR>", "folder with other runtimes, see scripts/bench/rivals/README.md")
  .option("--csv <FILE>", "write the measurements there too")
  .option("--json", "a JSON line for each measurement");

function counts(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.length > 0 && values.every((value) => Number.isInteger(value) && value > 0)) {
    return values;
  }
  throw new UserError(`--batches takes whole numbers from 1 with commas between, not "${text}"`);
}

await runScript(async () => {
  const options = readOptions(command);
  const config = MODEL_CONFIGS[options.model];
  if (!config) {
    const known = Object.keys(MODEL_CONFIGS).join(", ");
    throw new UserError(`There are no shapes of "${options.model}"; there are ${known}`);
  }
  if (options.anchorLayers >= options.layers) {
    throw new UserError(
      `--anchor-layers ${options.anchorLayers} leaves none of ${options.layers} layers to skip`,
    );
  }
  const model = modelOf(withLayers(config, options.layers), options.model);
  await using backend = onnxBackend({ threads: options.threads });
  await using workload = await InferenceWorkload.compile(backend, { ...options, model });
  const times: PhaseTime[] = [];
  for (const batch of options.batches) {
    times.push(...await workload.prefill(batch, options.rounds));
    times.push(...await workload.decode(batch, options.rounds, options.steps));
  }
  const rows = times.map(asRow);
  if (options.csv !== undefined) writeFileAtomic(options.csv, csvFormat(rows) + "\n");
  if (options.json) rows.forEach((row) => console.log(JSON.stringify(row)));
  else showTable(times);
});

function asRow({ phase, batch, keep, ms, flopShare, timeShare, realized }: PhaseTime) {
  const rounded = (value: number | null) => value === null ? null : Number(value.toFixed(4));
  return {
    "phase": phase,
    "batch": batch,
    "keep": keep ?? "dense",
    "ms": rounded(ms),
    "flop_share": rounded(flopShare),
    "time_share": rounded(timeShare),
    "realized": rounded(realized),
  };
}

function showTable(times: readonly PhaseTime[]): void {
  console.log(formatTable(
    [
      { title: "phase" },
      { title: "batch" },
      { title: "kept" },
      { title: "ms", digits: 2 },
      { title: "of dense FLOPs", digits: 3 },
      { title: "of dense time", digits: 3 },
      { title: "realized", digits: 2 },
    ],
    times.map((time) => [
      time.phase,
      time.batch,
      time.keep === null ? "dense" : `${Math.round(100 * time.keep)}%`,
      time.ms,
      time.flopShare,
      time.timeShare,
      time.realized,
    ]),
  ));
}
