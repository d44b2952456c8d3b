/**
 * Times a training step against bare matrix products and, if wanted, against PyTorch.
 *
 *   deno task bench:train                      a table
 *   deno task bench:train --json --vs-torch    a JSON line for each measurement, PyTorch's included
 *   deno task bench:train --shapes nano        the built-in model's shapes
 *
 * All are timed in turn, round by round, in one process (PyTorch in its own, while we wait), and
 * medians are taken: on a machine that is shared, only what is timed together can be compared.
 */

import "../../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../../core/contracts/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { type Measurement, median, peakRssMb, show } from "./measure.ts";
import { mainProducts, RawProduct } from "./raw_products.ts";
import { nanoShape, StepWorkload, tinyLlamaShape } from "./step_workload.ts";
import { TorchRival, type TorchStep } from "./torch_rival.ts";

const command = newCommand(
  "deno task bench:train",
  "Times a training step (LoRA, router, distillation) against bare matrix products.",
)
  .addOption(
    new Option("--shapes <name>", "whose sizes: TinyLlama's or the built-in model's")
      .choices(["tinyllama", "nano"]).default("tinyllama"),
  )
  .option("--layers <n>", "decoder layers of tinyllama; half are anchors", countFrom(2), 4)
  .option("--length <n>", "tokens in a sequence (default: 512; nano: 128)", countFrom(2))
  .option("--batch <n>", "sequences in a batch (default: 1; nano: 16)", countFrom(1))
  .option("--rounds <n>", "timed rounds, after one to warm up", countFrom(1), 5)
  .option("--threads <n>", "threads, 0 for every core", countFrom(0), 0)
  .option("--json", "a JSON line for each measurement")
  .option(
    "--vs-torch",
    "PyTorch's step in turn with ours (python3 with torch, transformers, peft)",
  );

await runScript(async () => {
  const options = readOptions(command);
  const nano = options.shapes === "nano";
  if (nano && options.vsTorch) {
    throw new UserError("--vs-torch compares at tinyllama's shapes only: leave --shapes out");
  }
  const batch = options.batch ?? (nano ? 16 : 1);
  const length = options.length ?? (nano ? 128 : 512);
  const shape = nano ? nanoShape(batch, length) : tinyLlamaShape(options.layers, batch, length);
  const threads = options.threads || navigator.hardwareConcurrency;

  await using rival = options.vsTorch
    ? await TorchRival.start({
      layers: options.layers,
      anchor: shape.anchorLayers,
      batch,
      length,
      threads,
    })
    : undefined;
  await using backend = onnxBackend({ threads });
  await using step = await StepWorkload.compile(backend, shape);
  const products = await Promise.all(
    mainProducts(shape.config, batch * length).map((product) =>
      RawProduct.compile(backend, product, step.largestWeight)
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
