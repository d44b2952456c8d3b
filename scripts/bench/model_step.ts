/**
 * One line of `bench:memory`, in a process of its own, so that its peak of memory is its own: reads a
 * checkpoint from disk and takes training steps.
 *
 *   deno run -P scripts/bench/model_step.ts --folder DIR --base-precision nf4 --checkpointing
 */

import "../../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { openCheckpointWeights, readJsonObject } from "../../core/io/mod.ts";
import { BASE_PRECISIONS } from "../../core/nn/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { median } from "../../core/run/speed.ts";
import { loadFrozen } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { peakRssMb, timed } from "./measure.ts";
import { type ModelConfig, modelOf } from "./models.ts";
import { StepWorkload } from "./step_workload.ts";

/** What the process prints, as JSON. */
export interface ModelStep {
  /** Seconds to read, and perhaps quantize, all weights. */
  readonly loadSeconds: number;
  /** Median seconds of a step, the first left out. */
  readonly stepSeconds: number;
  readonly tokensPerSecond: number;
  /** 10^9 operations of matrix products a second; what is computed twice counts once. */
  readonly gflops: number;
  /** In MB of 10^6 bytes. */
  readonly peakRssMb: number;
}

const command = newCommand("model_step", "Reads a checkpoint and takes training steps.")
  .requiredOption("--folder <DIR>", "checkpoint in Hugging Face format")
  .addOption(
    new Option("--base-precision <name>", "how the frozen model is kept")
      .choices(BASE_PRECISIONS).default("float32" as const),
  )
  .option("--checkpointing", "compute every block a second time for its gradient")
  .option("--length <n>", "tokens in a sequence", countFrom(2), 512)
  .option("--steps <n>", "timed steps, after one to warm up", countFrom(1), 3);

if (import.meta.main) await runScript(main);

async function main(): Promise<void> {
  const { folder, basePrecision, checkpointing = false, length, steps } = readOptions(command);
  const config = readJsonObject(`${folder}/config.json`, "the configuration") as ModelConfig;
  const model = modelOf(config, folder);
  await using backend = onnxBackend();
  using source = openCheckpointWeights(folder);
  let frozen: ReturnType<typeof loadFrozen> = {};
  const loadMs = await timed(() => {
    frozen = loadFrozen(source, model, backend, basePrecision);
  });
  await using workload = await StepWorkload.compile(backend, {
    model,
    anchorLayers: Math.min(4, model.dims.numLayers >> 1),
    batchSize: 1,
    sequenceLength: length,
    basePrecision,
    checkpointing,
  }, frozen);
  await workload.take();
  const times: number[] = [];
  for (let step = 0; step < steps; step++) times.push((await workload.take()).ms);
  const seconds = median(times) / 1000;
  const result: ModelStep = {
    loadSeconds: loadMs / 1000,
    stepSeconds: seconds,
    tokensPerSecond: length / seconds,
    gflops: workload.flops / seconds / 1e9,
    peakRssMb: peakRssMb(),
  };
  console.log(JSON.stringify(result));
}
