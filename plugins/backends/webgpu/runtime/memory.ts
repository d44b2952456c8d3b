/** Memory of the device: tensors that stay there. */

import { type DeviceTensor } from "../../../../core/contracts/backend.ts";
import { type HostTensor, sizeOf, type TensorType } from "../../../../core/tensor/mod.ts";
import { type BufferPool, USAGE } from "./pool.ts";

/** Bytes that a tensor takes in the device's memory: whole words, and at least one. */
export function bytesOf(dtype: TensorType["dtype"], count: number): number {
  return Math.max(4, dtype === "uint8" ? Math.ceil(count / 4) * 4 : count * 4);
}

/** Writes a tensor's elements into a buffer. */
export function writeTensor(device: GPUDevice, buffer: GPUBuffer, { data }: HostTensor): void {
  if (data.length === 0) return;
  const values = data instanceof Float64Array ? Float32Array.from(data) : data;
  const whole = values.byteLength - values.byteLength % 4;
  if (whole > 0) device.queue.writeBuffer(buffer, 0, values, 0, whole / values.BYTES_PER_ELEMENT);
  if (whole === values.byteLength) return;
  const rest = new Uint8Array(4);
  rest.set(new Uint8Array(values.buffer, values.byteOffset + whole, values.byteLength - whole));
  device.queue.writeBuffer(buffer, whole, rest);
}

/** From so many bytes on they are handed over at once, as they would be kept twice meanwhile. */
const LARGE = 2 ** 24;

/** A buffer that several users hold. It is gone with the last of them. */
class SharedBuffer {
  #users = 1;

  /** @param free what becomes of it in the end */
  constructor(readonly buffer: GPUBuffer, private readonly free: (buffer: GPUBuffer) => void) {}

  share(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.free(this.buffer);
  }
}

/** A tensor in the device's memory. */
export class GpuTensor implements DeviceTensor {
  #memory: SharedBuffer | undefined;

  private constructor(
    readonly device: GPUDevice,
    readonly type: TensorType,
    memory: SharedBuffer,
  ) {
    this.#memory = memory;
  }

  /** Copies a tensor to the device. */
  static upload(device: GPUDevice, tensor: HostTensor): GpuTensor {
    const { dtype, shape } = tensor;
    const size = bytesOf(dtype, sizeOf(shape));
    const buffer = device.createBuffer({ size, usage: USAGE });
    writeTensor(device, buffer, tensor);
    if (size >= LARGE) device.queue.submit([]);
    const memory = new SharedBuffer(buffer, (own) => own.destroy());
    return new GpuTensor(device, { dtype, shape }, memory);
  }

  /** A tensor in a buffer of the pool, which gets it back in the end. */
  static ofPool(device: GPUDevice, type: TensorType, buffer: GPUBuffer, pool: BufferPool) {
    return new GpuTensor(device, type, new SharedBuffer(buffer, (own) => pool.give(own)));
  }

  /** @throws {Error} when it was disposed of. */
  get buffer(): GPUBuffer {
    if (!this.#memory) throw new Error("Cannot read a tensor that was disposed of");
    return this.#memory.buffer;
  }

  /** The same tensor for another user: what one of them disposes of the other keeps. */
  share(): GpuTensor {
    if (!this.#memory) throw new Error("Cannot share a tensor that was disposed of");
    return new GpuTensor(this.device, this.type, this.#memory.share());
  }

  [Symbol.dispose](): void {
    this.#memory?.release();
    this.#memory = undefined;
  }
}
