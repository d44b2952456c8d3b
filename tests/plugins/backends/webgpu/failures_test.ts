/** Runs on webgpu that fail: they say so themselves, and leave nothing behind. */

import assert from "node:assert/strict";
import { type Backend, type DeviceTensor } from "../../../../core/contracts/backend.ts";
import { add, input, matmul, reduceSum, softmax } from "../../../../core/graph/mod.ts";
import { floats, type HostTensor, runtimeSize } from "../../../../core/tensor/mod.ts";
import { type GpuTensor } from "../../../../plugins/backends/webgpu/runtime/memory.ts";
import { adapterTest, tunedTest } from "./support.ts";

/** The device behind a backend. */
function deviceOf(backend: Backend): GPUDevice {
  using tensor = backend.upload(floats([1]));
  return (tensor as GpuTensor).device;
}

/** From so many bytes on the driver refuses a buffer in these tests. */
const REFUSED = 2 ** 20;

/** Has the driver refuse large buffers, until it is disposed of. */
function refusingLarge(device: GPUDevice): Disposable {
  const create = GPUDevice.prototype.createBuffer;
  device.createBuffer = (descriptor) =>
    create.call(device, descriptor.size > REFUSED ? { ...descriptor, size: 2 ** 40 } : descriptor);
  return {
    [Symbol.dispose]: () => {
      device.createBuffer = create;
    },
  };
}

/** Counts the buffers that are made from here on, and those of them that are let go of. */
function countingBuffers(device: GPUDevice): { made: number; destroyed: number } {
  const held = { made: 0, destroyed: 0 };
  const create = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = create.call(device, descriptor);
    held.made++;
    buffer.destroy = () => {
      held.destroyed++;
      GPUBuffer.prototype.destroy.call(buffer);
    };
    return buffer;
  };
  return held;
}

const ROWS = runtimeSize("rows that may fail");
const x = input("x", [ROWS, 200]);

/** Rows that make sums of their number: more than {@link REFUSED} bytes of 5000 of them. */
const rowsOf = (count: number): HostTensor => floats([count, 200], new Float32Array(count * 200));
const SUM = reduceSum(softmax(x));

for (
  const [order, warm, counts] of [
    ["after others", true, [3, 4, 5000, 5]],
    ["before others", true, [5000, 3, 5000, 4]],
    ["first of all", false, [5000, 3]],
  ] as const
) {
  adapterTest(`webgpu says itself that a run failed, ${order}`, async (backend) => {
    const device = deviceOf(backend);
    await using program = await backend.compile({ sum: SUM });
    if (warm) {
      // Buffers that results are read from are used again once they were told to be mapped.
      for (const count of [1, 2]) await program.run({ x: rowsOf(count) });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const count of counts) {
      using _ = refusingLarge(device);
      const running = program.run({ x: rowsOf(count) });
      if (count === 5000) await assert.rejects(running, /internal: WebGPU refuses/);
      else assert.ok(Math.abs((await running).sum.data[0]! - count) < 1e-3, `${count} rows`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
}

adapterTest(
  "webgpu keeps no outputs of a run that failed, and none of its memory",
  async (backend) => {
    const device = deviceOf(backend);
    await using program = await backend.compile({ twice: add(x, x), sum: SUM });
    const run = (count: number) =>
      program.runKeeping!({ x: rowsOf(count) }, (name) => name === "twice");
    const keep = async () => {
      const { twice, sum } = await run(3);
      (twice as DeviceTensor)[Symbol.dispose]();
      return (sum as HostTensor).data[0]!;
    };
    assert.ok(Math.abs(await keep() - 3) < 1e-3);
    const refusing = refusingLarge(device);
    const held = countingBuffers(device);
    await assert.rejects(run(5000), /internal: WebGPU refuses/);
    refusing[Symbol.dispose]();
    assert.ok(held.made > 2);
    assert.equal(held.destroyed, held.made);
    assert.ok(Math.abs(await keep() - 3) < 1e-3);
  },
);

/** Has the driver have too little memory for large buffers, this many times. */
function shortOfMemory(device: GPUDevice, times: number): Disposable & { readonly left: number } {
  const refusing = refusingLarge(device);
  const pop = GPUDevice.prototype.popErrorScope;
  let left = times;
  device.popErrorScope = async () => {
    const error = await pop.call(device);
    if (!error) return error;
    if (--left === 0) refusing[Symbol.dispose]();
    return new GPUOutOfMemoryError(error.message);
  };
  return {
    get left() {
      return left;
    },
    [Symbol.dispose]() {
      refusing[Symbol.dispose]();
      device.popErrorScope = pop;
    },
  };
}

adapterTest(
  "webgpu tries once more where memory was short, without what was kept",
  async (backend) => {
    const device = deviceOf(backend);
    await using program = await backend.compile({ sum: SUM });
    {
      using short = shortOfMemory(device, 1);
      const { sum } = await program.run({ x: rowsOf(5000) });
      assert.ok(Math.abs(sum.data[0]! - 5000) < 1, `${sum.data[0]}`);
      assert.equal(short.left, 0);
    }
    using _ = shortOfMemory(device, 2);
    await assert.rejects(program.run({ x: rowsOf(6000) }), {
      name: "UserError",
      message: /too little memory for this: take a smaller batch/,
    });
  },
);

tunedTest("webgpu refuses a kernel whenever it is asked for it, and keeps nothing of its program", {
  // More than the device was asked for.
  mostBindings: 64,
  mostBound: 64,
}, async (backend) => {
  const held = countingBuffers(deviceOf(backend));
  const [a, b] = [input("a", [500]), input("b", [500])];
  const options = { constants: { a: floats([500]) } };
  for (const _ of [1, 2]) {
    await assert.rejects(backend.compile({ sum: add(a, b) }, options), /internal: WebGPU refuses/);
    assert.ok(held.made > 0);
    assert.equal(held.destroyed, held.made);
  }
  // Others are none the worse for it.
  await using program = await backend.compile({ sum: reduceSum(a) }, options);
  assert.equal((await program.run({})).sum.data[0], 0);
});

adapterTest(
  "webgpu says which operation takes more workgroups than there may be",
  async (backend) => {
    const [a, b] = [input("a", [ROWS, 1, 1]), input("b", [ROWS, 1, 1])];
    await using program = await backend.compile({ products: matmul(a, b) });
    const run = (count: number) => {
      const ones = floats([count, 1, 1], new Float32Array(count).fill(1));
      return program.run({ a: ones, b: ones });
    };
    await assert.rejects(run(65_536), {
      name: "UserError",
      message: /^matmul takes 65536 workgroups .* has 65535: take a smaller batch/,
    });
    const { products } = await run(65_535);
    assert.ok(products.data.every((product) => product === 1));
  },
);
