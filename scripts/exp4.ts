/**
 * exp4: how fast is less depth?
 *
 * Times reading a prompt and writing the next token: with the first layers only; under gates that are
 * blended in, as training computes them, which leaves nothing out; and with the skipped blocks of each
 * token really left out. Dense is timed in turn with all of them. Afterwards each runs once more in a process
 * of its own, for the most memory that it takes.
 *
 *   deno task exp4
 *   deno task exp4 --checkpoint exp10        with the trained router of a run beside random gates
 *   deno task exp4 --model tinyllama --batches 1 --length 512
 */

import "../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import {
  countFrom,
  countsFrom,
  newCommand,
  numbersBetween,
  readOptions,
  weightsOption,
} from "../core/run/command.ts";
import { pluginOption, withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { formatTable } from "../core/run/table.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task exp4",
  "Times prefill and decoding at several depths, in turn with dense.",
)
  .option("--fresh", "measure anew (it always does)")
  .option("--checkpoint <name|DIR>", "a trained run, whose router is timed too")
  .option("--model <name|DIR|ID>", "model to time, as it is (default: nano)")
  .addOption(pluginOption())
  .addOption(weightsOption())
  .option("--backend <name>", "backend to run on (default: that of the training, or onnx)")
  .option("--anchor-layers <n>", "layers that no token skips", countFrom(0), 4)
  .option("--keep <list>", "shares of tokens that run a layer", numbersBetween(0, 1), [
    0.8,
    0.6,
    0.4,
  ])
  .option("--batches <list>", "sequences at once", countsFrom(1), [1, 8])
  .option("--length <n>", "tokens of a prompt", countFrom(2), 128)
  .option("--rounds <n>", "timed prompts", countFrom(1), 20)
  .option("--steps <n>", "timed tokens", countFrom(1), 40)
  .option("--no-memory", "do not run each way again, in a process of its own, for its memory")
  .addOption(new Option("--only <way>", "write the peak memory of one way").hideHelp())
  .option("--out <DIR>", "folder for the table", join("results", "benchmarks", "exp4"));

await runScript(async () => {
  const options = readOptions(command);
  const model = options.checkpoint === undefined ? options.model ?? "nano" : options.model;
  const depths = await import("../core/run/depth_timing.ts");
  const { MemoryWatch } = await import("../core/run/memory_watch.ts");
  const plugins = await withPlugins(builtinPlugins());
  const time = () => depths.timeDepths(plugins, { ...options, model });
  if (options.only !== undefined) {
    using watch = new MemoryWatch();
    await time();
    return console.log(watch.peakMb);
  }
  const timing = await time();
  const once = [...Deno.args, "--rounds", "1", "--steps", "1"];
  const memory = options.memory
    ? await depths.memoryOfWays(timing.times, import.meta.filename!, once)
    : new Map<string, number>();
  const { csv, figure } = await depths.writeDepthTiming(options.out, timing, memory);
  const table = formatTable(
    [
      { title: "way" },
      { title: "phase" },
      { title: "batch" },
      { title: "layers", digits: 2 },
      { title: "tokens/s", digits: 0 },
      { title: "ms", digits: 2 },
      { title: "× dense", digits: 2 },
      { title: "ideal", digits: 2 },
      { title: "realized", digits: 2 },
      { title: "MB", digits: 0 },
    ],
    timing.times.map((time) => [
      time.how,
      time.phase,
      time.batch,
      time.activeLayers,
      time.tokensPerSecond,
      time.ms,
      1 / time.timeShare,
      1 / time.flopShare,
      time.realized,
      memory.get(time.how) ?? null,
    ]),
  );
  console.log(`${timing.label}, prompts of ${options.length} tokens\n\n${table}\n`);
  console.log(`table    ${csv}\nfigure   ${figure}`);
});
