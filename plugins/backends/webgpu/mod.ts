/**
 * Runs graphs on a graphics card through WebGPU, which Deno brings with it: Vulkan, Metal or DirectX,
 * with nothing to install but the card's own driver.
 */

import {
  type Backend,
  type BackendOptions,
  type CompileOptions,
  type Feeds,
} from "../../../core/contracts/backend.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import { inputsOf, type Node, topologicalOrder } from "../../../core/graph/mod.ts";
import { type HostTensor, sizeOf } from "../../../core/tensor/mod.ts";
import { lower, type LoweringOptions } from "./lowering/lower.ts";
import {
  quantized,
  type ToBlocks,
  type WeightBlocks,
  withWeightsInBlocks,
} from "./lowering/weight_blocks.ts";
import { Gpu } from "./runtime/device.ts";
import { GpuTensor } from "./runtime/memory.ts";
import { GpuProgram } from "./runtime/program.ts";

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
  const toBlocks = blockMaker(gpu);
  return {
    name: "webgpu",
    device: gpu.description,
    keepsOutputs: true,
    compile: (outputs, options = {}) => compile(gpu, lowering, outputs, options, toBlocks),
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
  toBlocks: ToBlocks,
): Promise<GpuProgram<Output>> {
  const graph = { outputs: given, constants: values };
  const { outputs, constants } = weightFormat === "int4"
    ? await withWeightsInBlocks(graph, toBlocks)
    : graph;
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

/** Puts matrices into blocks. Of what is on the device each once: programs share them. */
function blockMaker(gpu: Gpu): ToBlocks {
  const made = new WeakMap<Feeds[string], Promise<WeightBlocks>>();
  const make = async (tensor: Feeds[string]): Promise<WeightBlocks> => {
    const { device } = gpu;
    const { codes, scales } = quantized(await numbersOf(gpu, tensor));
    return { codes: GpuTensor.upload(device, codes), scales: GpuTensor.upload(device, scales) };
  };
  return (tensor) => {
    // Arrays of the host may be others by the next time.
    if (!(tensor instanceof GpuTensor)) return make(tensor);
    let blocks = made.get(tensor);
    if (!blocks) made.set(tensor, blocks = make(tensor));
    return blocks;
  };
}

/** The numbers of a tensor, on the host. */
async function numbersOf(gpu: Gpu, tensor: Feeds[string]): Promise<Float32Array> {
  if (!(tensor instanceof GpuTensor)) return Float32Array.from((tensor as HostTensor).data);
  const { device, staging } = gpu;
  const bytes = 4 * sizeOf(tensor.type.shape);
  const copies = [{ from: tensor.buffer, offset: 0, bytes }];
  return new Float32Array(
    await gpu.inTurn(() => staging.read(device.createCommandEncoder(), copies)),
  );
}
