/** One run of a program: what was fed, where values are, and what is known of sizes. */

import { type DeviceTensor, type Feeds } from "../../../../core/contracts/backend.ts";
import { UserError } from "../../../../core/contracts/errors.ts";
import {
  bindShape,
  type HostTensor,
  showType,
  type TensorType,
} from "../../../../core/tensor/mod.ts";
import { type Interval, type Known, rangeOfTensor } from "../kernels/ranges.ts";
import { type Lowered } from "../lowering/steps.ts";
import { knownSize } from "../wgsl/indices.ts";
import { megabytes, type Value } from "../wgsl/value.ts";
import { type Gpu } from "./device.ts";
import { bytesOf, GpuTensor, writeTensor } from "./memory.ts";

/** Inputs above this size are not looked through for their range. */
const MOST_LOOKED_THROUGH = 2 ** 16;

/** The buffers of one run, and what is known in it. */
export class Run implements Known {
  /** By the ids of their values. */
  readonly buffers: (GPUBuffer | undefined)[] = [];
  /** Named sizes: what they are, or are at most. */
  readonly sizes: Map<string, number>;
  /** Those that came with the feeds. */
  readonly given: ReadonlyMap<string, number>;
  readonly #taken = new Set<number>();
  readonly #kept: GPUBuffer[] = [];

  constructor(
    private readonly gpu: Gpu,
    private readonly lowered: Lowered,
    inputs: ReadonlyMap<string, TensorType>,
    private readonly feeds: Feeds,
  ) {
    const sizes = new Map<string, number>();
    for (const [name, type] of inputs) checkFeed(gpu, name, type, feeds[name], sizes);
    this.given = new Map(sizes);
    this.sizes = sizes;
  }

  /** Brings the feeds to the device, where they are not there. */
  bring(): void {
    for (const value of this.lowered.values) {
      if (value.origin.kind !== "input" || this.buffers[value.id]) continue;
      const feed = this.feeds[value.origin.name]!;
      if (feed instanceof GpuTensor) {
        this.buffers[value.id] = feed.buffer;
        continue;
      }
      const tensor = feed as HostTensor;
      const buffer = this.take(value, bytesOf(tensor.dtype, tensor.data.length));
      writeTensor(this.gpu.device, buffer, tensor);
    }
  }

  /** Has a buffer for a value. @throws {UserError} where none can be large enough. */
  take({ id, type }: Value, bytes: number): GPUBuffer {
    checkRoom(this.gpu, type, bytes);
    const buffer = this.gpu.pool.take(bytes);
    this.buffers[id] = buffer;
    this.#taken.add(id);
    return buffer;
  }

  /** Lets go of a value that nothing reads any more. */
  release({ id }: Value): void {
    if (!this.#taken.delete(id)) return;
    this.gpu.pool.give(this.buffers[id]!);
    this.buffers[id] = undefined;
  }

  /** A buffer for a value that outlives this run: its own, unless somebody else has that too. */
  keep({ id }: Value, bytes: number): GPUBuffer {
    const buffer = this.#taken.delete(id) ? this.buffers[id]! : this.gpu.pool.take(bytes);
    this.#kept.push(buffer);
    return buffer;
  }

  /** What is kept is somebody else's from here on. */
  handOver(): void {
    this.#kept.length = 0;
  }

  /** Gives back what is still this run's. */
  end(): void {
    const { pool } = this.gpu;
    for (const id of this.#taken) pool.give(this.buffers[id]!);
    for (const buffer of this.#kept) pool.give(buffer);
    this.#taken.clear();
    this.#kept.length = 0;
  }

  rangeOf(input: string): Interval | undefined {
    const feed = this.feeds[input];
    const isAtHand = feed && !(feed instanceof GpuTensor) && "data" in feed;
    return isAtHand && feed.data.length <= MOST_LOOKED_THROUGH ? rangeOfTensor(feed) : undefined;
  }
}

/** @throws {UserError} where the adapter has no such piece of memory. */
export function checkRoom({ device: { limits } }: Gpu, type: TensorType, bytes: number): void {
  const isCut = type.dtype !== "uint8" && knownSize(type.shape) !== undefined;
  const bound = isCut
    ? limits.maxStorageBufferBindingSize * (limits.maxStorageBuffersPerShaderStage >> 1)
    : limits.maxStorageBufferBindingSize;
  const most = Math.min(limits.maxBufferSize, bound);
  if (bytes <= most) return;
  throw new UserError(
    `${showType(type)} takes ${megabytes(bytes)} in one piece, of which this graphics adapter ` +
      `has ${megabytes(most)} at most: take a smaller batch or shorter sequences`,
  );
}

/** @param sizes those that earlier feeds brought with them; this one's are added */
function checkFeed(
  gpu: Gpu,
  name: string,
  type: TensorType,
  feed: HostTensor | DeviceTensor | undefined,
  sizes: Map<string, number>,
): void {
  if (!feed) throw new TypeError(`Cannot run: input "${name}" ${showType(type)} was not given`);
  const isOwn = feed instanceof GpuTensor && feed.device === gpu.device;
  if (!isOwn && !("data" in feed)) {
    throw new TypeError(`Cannot run: input "${name}" is another backend's tensor`);
  }
  const given = feed instanceof GpuTensor ? feed.type : feed as HostTensor;
  if (given.dtype !== type.dtype || !bindShape(type.shape, given.shape, sizes)) {
    throw new TypeError(
      `Cannot run: input "${name}" is ${showType(type)}, ${showType(given)} was given`,
    );
  }
}
