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
import { inputsOf, type Node, topologicalOrder } from "../../../core/graph/mod.ts";
import { type HostTensor } from "../../../core/tensor/mod.ts";
import { Gpu } from "./device.ts";
import { lower } from "./lower.ts";
import { GpuTensor } from "./memory.ts";
import { GpuProgram } from "./program.ts";

/**
 * The backend on the chosen adapter.
 *
 * @throws {UserError} when there is no such adapter.
 */
export async function openWebgpuBackend(options: Partial<BackendOptions> = {}): Promise<Backend> {
  const gpu = await Gpu.open(options.executionProvider ?? "default");
  return {
    name: "webgpu",
    compile: (outputs, options) => compile(gpu, outputs, options),
    upload: (tensor) => GpuTensor.upload(gpu.device, tensor),
    async [Symbol.asyncDispose]() {
      await gpu.inTurn(() => Promise.resolve(gpu.close()));
    },
  };
}

async function compile<Output extends string>(
  gpu: Gpu,
  outputs: Readonly<Record<Output, Node>>,
  { constants = {} }: CompileOptions = {},
): Promise<GpuProgram<Output>> {
  const nodes = Object.values<Node>(outputs);
  const inputs = [...inputsOf(topologicalOrder(nodes))]
    .filter(([name]) => !(name in constants))
    .map(([name, { type }]) => [name, type] as const);
  const { device } = gpu;
  const lowered = lower(outputs, {
    mostBindings: device.limits.maxStorageBuffersPerShaderStage,
    tiles: gpu.tiles,
    mostBound: 2 ** Math.floor(Math.log2(device.limits.maxStorageBufferBindingSize / 4)),
  });
  const held = new Map(
    lowered.values.flatMap(({ id, origin }) => {
      const tensor = origin.kind === "constant"
        ? origin.tensor
        : origin.kind === "input"
        ? constants[origin.name]
        : undefined;
      return tensor ? [[id, heldTensor(gpu, tensor)]] : [];
    }),
  );
  device.pushErrorScope("validation");
  const program = new GpuProgram<Output>(gpu, new Map(inputs), nodes, lowered, held);
  const error = await device.popErrorScope();
  if (error) throw new Error(`internal: WebGPU refuses a kernel: ${error.message}`);
  gpu.check();
  return program;
}

/** A constant in the device's memory: where it is there already it is shared, not copied. */
function heldTensor({ device }: Gpu, tensor: Feeds[string]): GpuTensor {
  return tensor instanceof GpuTensor
    ? tensor.share()
    : GpuTensor.upload(device, tensor as HostTensor);
}
