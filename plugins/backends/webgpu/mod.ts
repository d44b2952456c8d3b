/**
 * Runs graphs on a graphics card through WebGPU, which Deno brings with it: Vulkan, Metal or DirectX,
 * with nothing to install but the card's own driver.
 */

import {
  type Backend,
  type BackendOptions,
  type CompileOptions,
  type WeightFormat,
} from "../../../core/contracts/backend.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import { inputsOf, type Node, topologicalOrder } from "../../../core/graph/mod.ts";
import { lower, type LoweringOptions } from "./lowering/lower.ts";
import { type ConstantGraph, withWeightsInBlocks } from "./lowering/weight_blocks.ts";
import { withWeightsInHalves } from "./lowering/weight_halves.ts";
import { Gpu } from "./runtime/device.ts";
import { GpuTensor } from "./runtime/memory.ts";
import { GpuProgram } from "./runtime/program.ts";
import { KeptWeights } from "./runtime/kept_weights.ts";

/** What kernels make of a device, as far as it is not left to the device; for tests. */
export type Tuning = Partial<LoweringOptions>;

/**
 * The backend on the adapter that `backend.executionProvider` names.
 *
 * @param tuning goes before what the device is like
 * @throws {UserError} when there is no such adapter.
 */
export async function openWebgpuBackend(
  options: Partial<BackendOptions> = {},
  tuning: Tuning = {},
): Promise<Backend> {
  const { executionProvider = "default", sessionOptions = {} } = options;
  const [unknown] = Object.keys(sessionOptions);
  if (unknown !== undefined) {
    throw new UserError(
      `backend.sessionOptions has "${unknown}", but the backend webgpu has no such options: leave it out`,
    );
  }
  const gpu = await Gpu.open(executionProvider);
  const { limits } = gpu.device;
  const lowering: LoweringOptions = {
    mostBindings: limits.maxStorageBuffersPerShaderStage,
    mostBound: 2 ** Math.floor(Math.log2(limits.maxStorageBufferBindingSize / 4)),
    workgroupMemory: limits.maxComputeWorkgroupStorageSize,
    tiles: gpu.isSoftware ? "registers" : "shared",
    ...tuning,
  };
  const kept = new KeptWeights(gpu);
  return {
    name: "webgpu",
    device: gpu.description,
    keepsOutputs: true,
    weightFormats: ["int4", "float16"],
    compile: (outputs, options = {}) => compile(gpu, lowering, outputs, options, kept),
    upload: (tensor) => GpuTensor.upload(gpu.device, tensor),
    async [Symbol.asyncDispose]() {
      await gpu.inTurn(() => gpu.close());
    },
  };
}

async function compile<Output extends string>(
  gpu: Gpu,
  lowering: LoweringOptions,
  given: Readonly<Record<Output, Node>>,
  { constants: values = {}, weightFormat = "float32" }: CompileOptions,
  kept: KeptWeights,
): Promise<GpuProgram<Output>> {
  const graph = { outputs: given, constants: values };
  const { outputs, constants } = await withWeightsIn(weightFormat, graph, kept);
  const nodes = Object.values<Node>(outputs);
  const inputs = [...inputsOf(topologicalOrder(nodes))]
    .filter(([name]) => !(name in constants))
    .map(([name, { type }]) => [name, type] as const);
  const lowered = lower(outputs, lowering);
  const { made: program, failure } = await gpu.making(() =>
    new GpuProgram<Output>(gpu, new Map(inputs), nodes, lowered, constants)
  );
  if (failure) await program[Symbol.asyncDispose]();
  gpu.check();
  if (failure) throw failure;
  return program;
}

/** A graph that takes its constant matrices from where they are in this form. */
async function withWeightsIn<Output extends string>(
  format: WeightFormat,
  graph: ConstantGraph<Output>,
  kept: KeptWeights,
): Promise<ConstantGraph<Output>> {
  switch (format) {
    case "int4":
      return await withWeightsInBlocks(graph, kept.blocks);
    case "float16":
      return await withWeightsInHalves(graph, kept.halves);
    case "float32":
      return graph;
  }
}
