/**
 * Times a graphics card: bare products, a training step, and reading prompts with layers left out.
 *
 *   deno task bench:gpu             TinyLlama's shapes: a table
 *   deno task bench:gpu --json      a JSON line for each measurement
 *
 * Where python3 has a PyTorch that sees the same card, its step is timed in turn with ours. On an
 * adapter in software everything is made small, and every line says so: such numbers show that all of
 * it runs, and nothing about a card.
 */

import "../../core/run/permissions.ts";
import { type Backend, type DecoderModel, UserError } from "../../core/contracts/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import {
  InferenceTiming,
  thresholdKeeping,
  type TimedWay,
} from "../../core/run/inference_timing.ts";
import { runScript } from "../../core/run/script.ts";
import { median } from "../../core/run/speed.ts";
import { openWebgpuBackend } from "../../plugins/backends/webgpu/mod.ts";
import { randomRouter } from "../../plugins/routers/random.ts";
import { gemmRate } from "./gemm_rate.ts";
import { type Measurement, peakRssMb, show } from "./measure.ts";
import { MODEL_CONFIGS, type ModelConfig, modelOf, withLayers } from "./models.ts";
import { randomWeights, StepWorkload } from "./step_workload.ts";
import { TorchRival } from "./torch_rival.ts";

const MODEL = "tinyllama";

/** What is measured: on a card, and on an adapter in software. */
const FULL = { layers: 22, length: 512, batch: 1, largestProduct: 8192 };
const SCALED_DOWN = { layers: 2, length: 16, batch: 1, largestProduct: 256 };

/** Shares of tokens that are kept. */
const KEEP = [0.8, 0.6, 0.4];

const command = newCommand(
  "deno task bench:gpu",
  "Times bare products, a training step and reading prompts on a graphics card.",
)
  .option("--adapter <name>", "high-performance, low-power or fallback", "default")
  .option("--rounds <n>", "timed rounds, after one to warm up", countFrom(1), 5)
  .option("--layers <n>", `decoder layers (default: ${FULL.layers})`, countFrom(2))
  .option("--length <n>", `tokens in a sequence (default: ${FULL.length})`, countFrom(2))
  .option("--json", "a JSON line for each measurement");

/** A model and how it is measured. */
interface Setting {
  readonly config: ModelConfig;
  readonly model: DecoderModel;
  readonly length: number;
  readonly batch: number;
  readonly anchorLayers: number;
  readonly rounds: number;
}

await runScript(async () => {
  const options = readOptions(command);
  await using backend = await openWebgpuBackend({ executionProvider: options.adapter });
  const inSoftware = backend.device!.endsWith("in software");
  const sizes = inSoftware ? SCALED_DOWN : FULL;
  const { layers = sizes.layers, length = sizes.length, rounds, json = false } = options;
  const config = withLayers(MODEL_CONFIGS[MODEL]!, layers);
  const anchorLayers = Math.min(4, layers >> 1);
  const model = modelOf(config, MODEL);
  const setting = { config, model, length, batch: sizes.batch, anchorLayers, rounds };
  if (!json) console.log(`${backend.device}; ${MODEL}, ${layers} layers, ${length} tokens\n`);

  const rows = await timeProducts(backend, sizes.largestProduct);
  rows.push(...await timeSteps(backend, setting, rows[0]!.gflops!));
  rows.push(...await timePrompts(backend, setting));
  const mark = inSoftware ? "SCALED DOWN, IN SOFTWARE: " : "";
  show(rows.map((row) => ({ ...row, name: mark + row.name })), json);
});

/** Square products, with the right matrix as it is and as half floats. */
async function timeProducts(backend: Backend, largest: number): Promise<Measurement[]> {
  const rows: Measurement[] = [];
  for (const weightFormat of ["float32", "float16"] as const) {
    const { size, gflops } = await gemmRate(backend, { largest, weightFormat });
    rows.push({
      name: `product of ${size} × ${size}, right matrix in ${weightFormat}`,
      ms: 2 * size ** 3 / gflops / 1e6,
      gflops,
      fractionOfMatmul: gflops / (rows[0]?.gflops ?? gflops),
      peakRssMb: peakRssMb(),
    });
  }
  return rows;
}

/** Our training step, and PyTorch's on the same card where there is one. */
async function timeSteps(
  backend: Backend,
  { config, model, length, batch, anchorLayers, rounds }: Setting,
  rate: number,
): Promise<Measurement[]> {
  await using rival = await TorchRival.start({
    config: JSON.stringify(config),
    anchor: anchorLayers,
    batch,
    length,
    threads: navigator.hardwareConcurrency,
    checkpointing: false,
    device: "cuda",
  }).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    console.error(`PyTorch is not timed: ${error.message}`);
    return undefined;
  });
  await using step = await StepWorkload.compile(backend, {
    model,
    anchorLayers,
    batchSize: batch,
    sequenceLength: length,
    basePrecision: "float32",
    checkpointing: false,
  });
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { ms } = await step.take();
    const torch = await rival?.take();
    if (round === 0) continue; // the first round allocates
    ours.push(ms);
    if (torch) theirs.push(torch.ms);
  }
  const row = (name: string, times: readonly number[]): Measurement => {
    const ms = median(times);
    const gflops = step.flops / ms / 1e6;
    return { name, ms, gflops, fractionOfMatmul: gflops / rate, peakRssMb: peakRssMb() };
  };
  const rows = [row("training step", ours)];
  if (rival) rows.push(row(`training step, PyTorch ${rival.version}`, theirs));
  return rows;
}

/** Reading prompts, dense and with random gates. */
async function timePrompts(
  backend: Backend,
  { model, length, batch, anchorLayers, rounds }: Setting,
): Promise<Measurement[]> {
  const source = randomWeights(model);
  const names = Object.keys(model.params());
  const weights = Object.fromEntries(
    names.map((name) => [name, backend.upload(source.read(name))]),
  );
  const router = { router: randomRouter.create({ per: "token" }), anchorLayers };
  const own = { backend, student: { model, router }, weights };
  const ways: TimedWay[] = [
    { how: "dense", kind: "dense", model: { ...own, depth: "base" } },
    ...KEEP.map((share): TimedWay => ({
      how: `${100 * share}% kept`,
      kind: "routed",
      keep: share,
      model: {
        ...own,
        depth: "routed",
        point: { threshold: thresholdKeeping(share), targetSkip: 0 },
      },
    })),
  ];
  await using timing = new InferenceTiming(ways, { length, weightFormat: "float32" });
  const times = await timing.prefill(batch, rounds);
  return times.map(({ how, ms, flopShare, timeShare }) => ({
    name: `prompt of ${length}, ${how}: ${timeShare.toFixed(3)} of the time for ` +
      `${flopShare.toFixed(3)} of the operations`,
    ms,
    gflops: null,
    fractionOfMatmul: null,
    peakRssMb: peakRssMb(),
  }));
}
