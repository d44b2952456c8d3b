/**
 * Times AdamW as a loop over host arrays against the same update as a compiled graph.
 *
 *   deno task bench:optimizer            a table
 *   deno task bench:optimizer --json     a JSON line for each
 *
 * Both take parameters, gradients and both averages as arrays and leave the new values in the arrays
 * they came from, which is what a step needs; both are timed in turn. `core/train/optimizer.ts` is
 * built on the answer.
 */

import "../../core/run/permissions.ts";
import { type Backend, type Program } from "../../core/contracts/mod.ts";
import { add, div, input, mul, type Node, scalar, scale, sqrt, sub } from "../../core/graph/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { floats, type FloatTensor } from "../../core/tensor/mod.ts";
import { AdamW, type AdamWOptions } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { median } from "../../core/run/speed.ts";
import { type Measurement, peakRssMb, show, timed } from "./measure.ts";
import { repeatedNormals } from "./step_workload.ts";

const OPTIONS: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const LEARNING_RATE = 2e-4;
/** Adapters of TinyLlama have 4 to 13 million numbers, depending on what is adapted. */
const SIZES = [2_000_000, 10_000_000];

const command = newCommand(
  "deno task bench:optimizer",
  "Times AdamW as a loop against AdamW as a compiled graph.",
)
  .option("--rounds <n>", "timed rounds, after one to warm up", countFrom(1), 9)
  .option("--json", "a JSON line for each measurement");

await runScript(async () => {
  const options = readOptions(command);
  await using backend = onnxBackend();
  const rows: Measurement[] = [];
  for (const size of SIZES) rows.push(...await compare(backend, size, options.rounds));
  show(rows, options.json ?? false);
});

async function compare(backend: Backend, size: number, rounds: number): Promise<Measurement[]> {
  const tensor = (std: number) => floats([size], repeatedNormals(size, std));
  const gradient = tensor(0.01);
  const loop = new AdamW({ weight: tensor(0.02) }, OPTIONS);
  const graph = { weight: tensor(0.02), first: floats([size]), second: floats([size]) };
  await using program = await backend.compile(updateGraph(size));
  const loopTimes: number[] = [];
  const graphTimes: number[] = [];
  for (let step = 1; step <= rounds + 1; step++) {
    const loopMs = await timed(() => loop.step({ weight: gradient }, LEARNING_RATE, step));
    const graphMs = await timed(() => updateInGraph(program, graph, gradient, step));
    if (step === 1) continue; // the first round allocates
    loopTimes.push(loopMs);
    graphTimes.push(graphMs);
  }
  agree(loop.params["weight"]!, graph.weight);
  const row = (how: string, times: readonly number[]): Measurement => ({
    name: `AdamW, ${size / 1e6} million, ${how}`,
    ms: median(times),
    gflops: null,
    fractionOfMatmul: null,
    peakRssMb: peakRssMb(),
  });
  return [row("loop", loopTimes), row("graph", graphTimes)];
}

/** The update of `AdamW.step`, said in operations. */
function updateGraph(size: number): Record<"weight" | "first" | "second", Node> {
  const { beta1, beta2, epsilon, weightDecay } = OPTIONS;
  const weight = input("weight", [size]);
  const gradient = input("gradient", [size]);
  const oldFirst = input("first", [size]);
  const first = add(oldFirst, scale(sub(gradient, oldFirst), 1 - beta1));
  const square = scale(mul(gradient, gradient), 1 - beta2);
  const second = add(scale(input("second", [size]), beta2), square);
  const root = add(div(sqrt(second), input("rootCorrection", [])), scalar(epsilon));
  const move = mul(input("stepSize", []), div(first, root));
  return { weight: sub(scale(weight, 1 - LEARNING_RATE * weightDecay), move), first, second };
}

async function updateInGraph(
  program: Program<"weight" | "first" | "second">,
  state: Record<"weight" | "first" | "second", FloatTensor>,
  gradient: FloatTensor,
  step: number,
): Promise<void> {
  const updated = await program.run({
    ...state,
    gradient,
    stepSize: floats([], [LEARNING_RATE / (1 - OPTIONS.beta1 ** step)]),
    rootCorrection: floats([], [Math.sqrt(1 - OPTIONS.beta2 ** step)]),
  });
  for (const name of ["weight", "first", "second"] as const) {
    state[name].data.set(updated[name].data as Float32Array);
  }
}

/** A benchmark of two different updates would be worth nothing. */
function agree({ data: a }: FloatTensor, { data: b }: FloatTensor): void {
  const gap = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
  if (!(gap < 1e-5)) throw new Error(`loop and graph differ by ${gap}`);
}
