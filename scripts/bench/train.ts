/**
 * Times a training step against bare matrix products and, if wanted, against PyTorch.
 *
 *   deno task bench:train                      TinyLlama's shapes, 4 layers: a table
 *   deno task bench:train --json --vs-torch    a JSON line for each measurement, PyTorch's included
 *   deno task bench:train --model qwen0.5b     another model's shapes, all its layers
 *
 * All are timed in turn, round by round, in one process (PyTorch in its own, while we wait), and
 * medians are taken: on a machine that is shared, only what is timed together can be compared.
 */

import "../../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { BASE_PRECISIONS } from "../../core/nn/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { median } from "../../core/run/speed.ts";
import { type Measurement, peakRssMb, show } from "./measure.ts";
import { MODEL_CONFIGS, modelOf, withLayers } from "./models.ts";
import { mainProducts, RawProduct } from "./raw_products.ts";
import { StepWorkload } from "./step_workload.ts";
import { TorchRival, type TorchStep } from "./torch_rival.ts";

const command = newCommand(
  "deno task bench:train",
  "Times a training step (LoRA, router, distillation) against bare matrix products.",
)
  .addOption(
    new Option("--model <name>", "whose shapes (default: tinyllama)")
      .choices(Object.keys(MODEL_CONFIGS)),
  )
  .option("--layers <n>", "decoder layers (default: the model's; without --model 4)", countFrom(2))
  .option("--length <n>", "tokens in a sequence (default: 512; nano: 128)", countFrom(2))
  .option("--batch <n>", "sequences in a batch (default: 1; nano: 16)", countFrom(1))
  .addOption(
    new Option("--base-precision <name>", "how the frozen model is kept")
      .choices(BASE_PRECISIONS).default("float32" as const),
  )
  .option("--checkpointing", "compute every block a second time for its gradient")
  .option("--rounds <n>", "timed rounds, after one to warm up", countFrom(1), 5)
  .option("--threads <n>", "threads, 0 for every core", countFrom(0), 0)
  .option("--json", "a JSON line for each measurement")
  .option(
    "--vs-torch",
    "PyTorch's step in turn with ours (python3 with torch, transformers, peft)",
  );

await runScript(async () => {
  const options = readOptions(command);
  const { model: name = "tinyllama", basePrecision, checkpointing = false } = options;
  const nano = name === "nano";
  const batchSize = options.batch ?? (nano ? 16 : 1);
  const sequenceLength = options.length ?? (nano ? 128 : 512);
  const published = MODEL_CONFIGS[name]!;
  const layers = options.layers ?? (options.model ? published["num_hidden_layers"] : 4);
  const config = withLayers(published, layers);
  const model = modelOf(config, name);
  // As many anchors as the experiments have, or half of a model that was cut short.
  const anchorLayers = Math.min(4, layers >> 1);
  const threads = options.threads || navigator.hardwareConcurrency;

  await using rival = options.vsTorch
    ? await TorchRival.start({
      config: JSON.stringify(config),
      anchor: anchorLayers,
      batch: batchSize,
      length: sequenceLength,
      threads,
      checkpointing,
    })
    : undefined;
  await using backend = onnxBackend({ threads });
  await using step = await StepWorkload.compile(backend, {
    model,
    anchorLayers,
    batchSize,
    sequenceLength,
    basePrecision,
    checkpointing,
  });
  const products = await Promise.all(
    mainProducts(model, batchSize * sequenceLength).map((product) =>
      RawProduct.compile(backend, product)
    ),
  );

  const steps: number[] = [];
  const torchSteps: TorchStep[] = [];
  for (let round = 0; round <= options.rounds; round++) {
    const productTimes: number[] = [];
    for (const product of products) productTimes.push(await product.round());
    const ours = await step.take();
    const torch = await rival?.take();
    if (round === 0) continue; // the first round allocates
    products.forEach((product, i) => product.times.push(productTimes[i]!));
    steps.push(ours.ms);
    if (torch) torchSteps.push(torch);
  }
  show(measurements(), options.json ?? false);
  if (rival) showRatio(rival.version);
  for (const product of products) await product[Symbol.asyncDispose]();

  function measurements(): Measurement[] {
    const peak = peakRssMb();
    // Each product as often as a forward pass has it.
    const rawFlops = sum(products.map((p) => p.flops * p.shape.count));
    const rawMs = sum(products.map((p) => median(p.times) * p.shape.count));
    const rawRate = rawFlops / rawMs / 1e6;
    const row = (name: string, ms: number, flops: number): Measurement => ({
      name,
      ms,
      gflops: flops / ms / 1e6,
      fractionOfMatmul: flops / ms / 1e6 / rawRate,
      peakRssMb: peak,
    });
    const rows = [
      ...products.map((p) => row(p.name, median(p.times), p.flops)),
      row("matmul", rawMs, rawFlops),
      row("step", median(steps), step.flops),
    ];
    if (torchSteps.length === 0) return rows;
    const torchRow = row("torch step", median(torchSteps.map(({ ms }) => ms)), step.flops);
    return [...rows, { ...torchRow, peakRssMb: torchSteps.at(-1)!.peakRssMb }];
  }

  function showRatio(version: string): void {
    const ratio = median(torchSteps.map(({ ms }, i) => ms / steps[i]!));
    console.log(
      options.json
        ? JSON.stringify({ name: "torch_over_ours", ratio: Number(ratio.toFixed(3)), version })
        : `PyTorch ${version} takes ${ratio.toFixed(2)} times as long (median over rounds).`,
    );
  }
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
