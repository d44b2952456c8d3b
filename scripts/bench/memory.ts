/**
 * What training a model of a published shape takes, from a checkpoint on disk: load time, step time and
 * peak memory, in every precision of the frozen base, with and without checkpointing.
 *
 *   deno task bench:memory                              TinyLlama, all its layers
 *   deno task bench:memory --model llama8b --layers 8   fewer layers, where all would take too long
 *
 * Weights are random; they are written to a temporary folder first (2 bytes a weight). Each row is a
 * process of its own (`model_step.ts`), so that its memory is its own.
 */

import "../../core/run/permissions.ts";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Option } from "@commander-js/extra-typings";
import { type BasePrecision } from "../../core/nn/mod.ts";
import { childScript } from "../../core/run/child_script.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { EarlyExit, runScript } from "../../core/run/script.ts";
import { type Cell, formatTable } from "../../core/run/table.ts";
import { MODEL_CONFIGS, withLayers } from "./models.ts";
import { type ModelStep } from "./model_step.ts";
import { writeRandomCheckpoint } from "./random_checkpoint.ts";

/** Precision of the base, and whether blocks are computed twice. */
const VARIANTS: readonly (readonly [BasePrecision, boolean])[] = [
  ["float32", false],
  ["float32", true],
  ["int4", false],
  ["int4", true],
  ["nf4", false],
  ["nf4", true],
];

const GIGABYTE = 1e9;

const command = newCommand(
  "deno task bench:memory",
  "Measures load time, step time and peak memory of training, by precision of the frozen base.",
)
  .addOption(
    new Option("--model <name>", "whose shapes").choices(Object.keys(MODEL_CONFIGS))
      .default("tinyllama"),
  )
  .option("--layers <n>", "decoder layers (default: the model's)", countFrom(2))
  .option("--length <n>", "tokens in a sequence", countFrom(2), 512)
  .option("--steps <n>", "timed steps, after one to warm up", countFrom(1), 3)
  .option(
    "--without <names...>",
    "rows to leave out: float32, int4 or nf4, with + for checkpointing",
  )
  .option("--json", "a JSON line for each row");

await runScript(async () => {
  const { model, layers, length, steps, without = [], json = false } = readOptions(command);
  const config = MODEL_CONFIGS[model]!;
  const folder = Deno.makeTempDirSync({ prefix: "dlr_bench_" });
  const rows: Cell[][] = [];
  try {
    const chosen = layers ?? config["num_hidden_layers"];
    console.error(`writing ${model} with ${chosen} layers of random weights ...`);
    writeRandomCheckpoint(folder, withLayers(config, chosen));
    for (const [precision, checkpointing] of VARIANTS) {
      const name = precision + (checkpointing ? "+" : "");
      if (without.includes(name)) continue;
      const args = ["--base-precision", precision, ...(checkpointing ? ["--checkpointing"] : [])];
      const step = await measure([
        ...["--folder", folder, "--length", String(length), "--steps", String(steps)],
        ...args,
      ]);
      if (json) {
        console.log(JSON.stringify({ model, layers: chosen, precision, checkpointing, ...step }));
      }
      rows.push([
        precision,
        checkpointing ? "yes" : "no",
        step.loadSeconds,
        step.stepSeconds,
        step.tokensPerSecond,
        step.gflops,
        step.peakRssMb * 1e6 / GIGABYTE,
      ]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!json) console.log(table(rows));
});

/** Runs one row in a process of its own. @throws {EarlyExit} when it fails; it has said why. */
async function measure(args: readonly string[]): Promise<ModelStep> {
  const script = join(import.meta.dirname!, "model_step.ts");
  const child = childScript(script, args, { stdout: "piped", stderr: "inherit" });
  const { code, stdout } = await child.output();
  if (code !== 0) throw new EarlyExit(code);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function table(rows: readonly (readonly Cell[])[]): string {
  return formatTable(
    [
      { title: "base" },
      { title: "checkpointing" },
      { title: "load s", digits: 1 },
      { title: "step s", digits: 2 },
      { title: "tokens/s", digits: 1 },
      { title: "GFLOP/s", digits: 0 },
      { title: "peak GB", digits: 2 },
    ],
    rows,
  );
}
