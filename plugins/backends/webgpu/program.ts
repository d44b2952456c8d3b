/** A program on the device: gives its steps to the queue, and reads back what is asked for. */

import { type DeviceTensor, type Feeds, type Program } from "../../../core/contracts/backend.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import { matmulFlops, type Node } from "../../../core/graph/mod.ts";
import {
  bindShape,
  type HostTensor,
  resolveShape,
  showType,
  sizeOf,
  type TensorType,
} from "../../../core/tensor/mod.ts";
import { type Gpu, type Pipeline } from "./device.ts";
import { knownSize } from "./indices.ts";
import { countOf } from "./lower.ts";
import { bytesOf, GpuTensor, writeTensor } from "./memory.ts";
import { type Interval, rangeOfTensor } from "./ranges.ts";
import { type Dispatch, type Known, type Lowered, type Step, type Value } from "./steps.ts";

/** Dispatches that are handed over together. */
const BATCH = 256;

/** Alignment of slots in their buffer; every device takes it. */
const ALIGNMENT = 256;

/** Inputs above this size are not looked through for their range. */
const MOST_LOOKED_THROUGH = 2 ** 16;

/** A program's kernels and its own buffers, and where values end. */
export class GpuProgram<Output extends string> implements Program<Output> {
  /** Constants, by the ids of their values. */
  readonly #held: ReadonlyMap<number, GpuTensor>;
  readonly #pipelines: readonly (Pipeline | undefined)[];
  readonly #lastUses: readonly (readonly Value[])[];
  readonly #counts: readonly ((sizes: ReadonlyMap<string, number>) => number)[];
  readonly #sizes: GPUBuffer;
  readonly #slots: GPUBuffer;
  readonly #slotsOf: readonly (number | undefined)[];
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #numbers = new WeakMap<GPUBuffer, number>();
  #buffers = 0;
  #staging: GPUBuffer | undefined;
  #flops: number | undefined;
  #disposed = false;

  /** @param constants values of inputs that are part of it */
  constructor(
    private readonly gpu: Gpu,
    readonly inputs: ReadonlyMap<string, TensorType>,
    private readonly nodes: readonly Node[],
    private readonly lowered: Lowered,
    constants: Feeds,
  ) {
    const { steps, values, slots } = lowered;
    for (const { type } of values) {
      const size = knownSize(type.shape);
      if (size !== undefined) checkRoom(gpu, type, bytesOf(type.dtype, size));
    }
    this.#held = holdConstants(gpu, values, constants);
    this.#pipelines = steps.map((step) =>
      step.kind === "dispatch" ? gpu.pipeline(step.code) : undefined
    );
    this.#lastUses = lastUses(lowered);
    this.#counts = values.map(({ type }) => countOf(type.shape));
    const { device } = gpu;
    this.#sizes = device.createBuffer({
      size: Math.max(4, 4 * slots.length),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const { offsets, data } = slotTable(steps, slots);
    this.#slotsOf = offsets;
    this.#slots = device.createBuffer({
      size: data.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(this.#slots, 0, data);
  }

  get flops(): number {
    return this.#flops ??= matmulFlops(this.nodes);
  }

  async run(feeds: Feeds): Promise<Record<Output, HostTensor>> {
    return await this.runKeeping(feeds, () => false) as Record<Output, HostTensor>;
  }

  runKeeping(
    feeds: Feeds,
    keep: (output: Output) => boolean,
  ): Promise<Record<Output, HostTensor | GpuTensor>> {
    return this.gpu.inTurn(async () => {
      if (this.#disposed) throw new Error("Cannot run a program that was disposed of");
      const run = new Run(this.gpu, this.lowered, this.inputs, feeds);
      try {
        return await this.#run(run, keep as (output: string) => boolean) as Record<
          Output,
          HostTensor | GpuTensor
        >;
      } catch (error) {
        // What WebGPU says itself is less than what it has told in passing.
        await this.gpu.settle();
        throw error;
      } finally {
        run.end();
      }
    });
  }

  async #run(run: Run, keep: (output: string) => boolean) {
    const { lowered: { steps, slots, values }, gpu: { device } } = this;
    const sizes = Uint32Array.from(slots, (name) => run.sizes.get(name) ?? 0);
    if (sizes.length > 0) device.queue.writeBuffer(this.#sizes, 0, sizes);
    for (const value of values) {
      const own = this.#held.get(value.id);
      if (own) run.buffers[value.id] = own.buffer;
    }
    run.bring();
    let encoder = device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let count = 0;
    const submit = () => {
      pass.end();
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder();
      count = 0;
    };
    for (const [at, step] of steps.entries()) {
      if (step.kind === "size") {
        let most = step.most(run);
        if (most === undefined) {
          submit();
          most = await this.#readSize(encoder, step.name);
          encoder = device.createCommandEncoder();
          pass = encoder.beginComputePass();
        }
        run.sizes.set(step.name, Math.min(most, run.sizes.get(step.name) ?? Infinity));
        continue;
      }
      for (const { value } of step.bound) this.#provide(run, value);
      const groups = step.groups(run.sizes);
      if (groups.every((number) => number > 0)) {
        const { pipeline } = this.#pipelines[at]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, this.#groupOf(at, step, run));
        pass.dispatchWorkgroups(...groups);
        if (++count === BATCH) {
          submit();
          pass = encoder.beginComputePass();
        }
      }
      for (const value of this.#lastUses[at]!) run.release(value);
    }
    pass.end();
    return await this.#giveOutputs(encoder, run, keep);
  }

  /** Has memory for a value that a kernel is about to make. */
  #provide(run: Run, value: Value): void {
    if (run.buffers[value.id]) return;
    run.take(value, bytesOf(value.type.dtype, this.#counts[value.id]!(run.sizes)));
  }

  #groupOf(at: number, step: Dispatch, run: Run): GPUBindGroup {
    const { gpu: { device } } = this;
    const buffers = step.bound.map(({ value }) => run.buffers[value.id]!);
    const key = `${at} ${buffers.map((buffer) => this.#numberOf(buffer))}`;
    let group = this.#groups.get(key);
    if (group) return group;
    const most = device.limits.maxStorageBufferBindingSize;
    const resources: GPUBufferBinding[] = [];
    const slots = this.#slotsOf[at];
    if (slots !== undefined) {
      const size = 16 * Math.ceil(step.names.length / 4);
      resources.push({ buffer: this.#sizes }, { buffer: this.#slots, offset: slots, size });
    }
    step.bound.forEach(({ part }, i) => {
      const buffer = buffers[i]!;
      resources.push(
        part
          ? { buffer, offset: 4 * part.start, size: 4 * part.count }
          : { buffer, size: Math.min(buffer.size, most - most % 4) },
      );
    });
    group = device.createBindGroup({
      layout: this.#pipelines[at]!.layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    // Where memory is used otherwise in each run, old ones are of no use.
    if (this.#groups.size > 4 * this.lowered.steps.length) this.#groups.clear();
    this.#groups.set(key, group);
    return group;
  }

  #numberOf(buffer: GPUBuffer): number {
    let number = this.#numbers.get(buffer);
    if (number === undefined) this.#numbers.set(buffer, number = this.#buffers++);
    return number;
  }

  /** What a kernel has found, once it has run. */
  async #readSize(encoder: GPUCommandEncoder, name: string): Promise<number> {
    const staging = this.#stage(4);
    encoder.copyBufferToBuffer(this.#sizes, 4 * this.lowered.slots.indexOf(name), staging, 0, 4);
    const bytes = await this.#fetch(encoder, staging, 4);
    return new Uint32Array(bytes)[0]!;
  }

  /** Reads what is not to be kept, and with it the sizes that the device has found. */
  async #giveOutputs(
    encoder: GPUCommandEncoder,
    run: Run,
    keep: (output: string) => boolean,
  ): Promise<Record<string, HostTensor | GpuTensor>> {
    const { lowered: { outputs, slots }, gpu: { device, pool } } = this;
    const copies: { from: GPUBuffer; offset: number; bytes: number }[] = [];
    let total = 0;
    const copy = (from: GPUBuffer, bytes: number) => {
      const offset = total;
      copies.push({ from, offset, bytes });
      total += bytes;
      return offset;
    };
    copy(this.#sizes, this.#sizes.size);
    const places = [...outputs].map(([name, { value, type }]) => {
      this.#provide(run, value);
      const bytes = bytesOf(value.type.dtype, this.#counts[value.id]!(run.sizes));
      const from = run.buffers[value.id]!;
      if (!keep(name)) return { name, type, offset: copy(from, bytes) };
      // The buffer itself, unless somebody else has it too.
      const own = run.give(value) ?? pool.take(bytes);
      if (own !== from) encoder.copyBufferToBuffer(from, 0, own, 0, bytes);
      return { name, type, kept: own };
    });
    const staging = this.#stage(total);
    for (const { from, offset, bytes } of copies) {
      encoder.copyBufferToBuffer(from, 0, staging, offset, bytes);
    }
    const read = await this.#fetch(encoder, staging, total);
    const found = new Uint32Array(read, 0, slots.length);
    const sizes = new Map(slots.map((name, i) => [name, found[i]!]));
    for (const [name, size] of run.given) sizes.set(name, size);
    return Object.fromEntries(places.map(({ name, type: { dtype, shape }, offset, kept }) => {
      const type = { dtype, shape: resolveShape(shape, sizes) };
      if (kept) return [name, GpuTensor.ofPool(device, type, kept, pool)];
      return [name, { ...type, data: elements(read, dtype, offset, sizeOf(type.shape)) }];
    }));
  }

  /** Memory that the host reads, of at least `bytes`. */
  #stage(bytes: number): GPUBuffer {
    if (!this.#staging || this.#staging.size < bytes) {
      this.#staging?.destroy();
      this.#staging = this.gpu.device.createBuffer({
        size: bytes,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
    }
    return this.#staging;
  }

  async #fetch(encoder: GPUCommandEncoder, staging: GPUBuffer, bytes: number) {
    const { gpu } = this;
    gpu.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    gpu.check();
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gpu.inTurn(() => {
      if (this.#disposed) return Promise.resolve();
      this.#disposed = true;
      for (const tensor of this.#held.values()) tensor[Symbol.dispose]();
      for (const buffer of [this.#sizes, this.#slots, this.#staging]) buffer?.destroy();
      this.#groups.clear();
      this.gpu.pool.trim();
      return Promise.resolve();
    });
  }
}

/** What is part of a program, on the device: where it is there already it is shared, not copied. */
function holdConstants(
  { device }: Gpu,
  values: readonly Value[],
  constants: Feeds,
): Map<number, GpuTensor> {
  const held = new Map<number, GpuTensor>();
  for (const { id, origin } of values) {
    const tensor = origin.kind === "constant"
      ? origin.tensor
      : origin.kind === "input"
      ? constants[origin.name]
      : undefined;
    if (!tensor) continue;
    const isOwn = tensor instanceof GpuTensor;
    held.set(id, isOwn ? tensor.share() : GpuTensor.upload(device, tensor as HostTensor));
  }
  return held;
}

/** The buffers of one run, and what is known in it. */
class Run implements Known {
  /** By the ids of their values. */
  readonly buffers: (GPUBuffer | undefined)[] = [];
  /** Named sizes: what they are, or are at most. */
  readonly sizes: Map<string, number>;
  /** Those that came with the feeds. */
  readonly given: ReadonlyMap<string, number>;
  readonly #taken = new Set<number>();

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

  /** Hands a value's buffer over for good; undefined where it is not this run's to give. */
  give({ id }: Value): GPUBuffer | undefined {
    return this.#taken.delete(id) ? this.buffers[id] : undefined;
  }

  end(): void {
    for (const id of this.#taken) this.gpu.pool.give(this.buffers[id]!);
    this.#taken.clear();
  }

  rangeOf(input: string): Interval | undefined {
    const feed = this.feeds[input];
    const isAtHand = feed && !(feed instanceof GpuTensor) && "data" in feed;
    return isAtHand && feed.data.length <= MOST_LOOKED_THROUGH ? rangeOfTensor(feed) : undefined;
  }
}

/** @throws {UserError} where the adapter has no such piece of memory. */
function checkRoom({ device: { limits } }: Gpu, type: TensorType, bytes: number): void {
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

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
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

/** Elements of a type as they were read. */
function elements(
  bytes: ArrayBuffer,
  dtype: TensorType["dtype"],
  offset: number,
  count: number,
): HostTensor["data"] {
  const size = dtype === "uint8" ? count : 4 * count;
  const own = bytes.slice(offset, offset + size);
  if (dtype === "float32") return new Float32Array(own);
  return dtype === "int32" ? new Int32Array(own) : new Uint8Array(own);
}

/** The values that each step is the last one to use; outputs have none. */
function lastUses({ steps, outputs }: Lowered): Value[][] {
  const last = new Map<Value, number>();
  steps.forEach((step, at) => {
    if (step.kind === "dispatch") { for (const { value } of step.bound) last.set(value, at); }
  });
  for (const { value } of outputs.values()) last.delete(value);
  const ends: Value[][] = steps.map(() => []);
  for (const [value, at] of last) ends[at]!.push(value);
  return ends;
}

/** Where each kernel finds the slots of its names, the same ones once. */
function slotTable(steps: readonly Step[], slots: readonly string[]) {
  const numbers = new Map(slots.map((name, i) => [name, i]));
  const known = new Map<string, number>();
  const records: number[][] = [];
  let size = 0;
  const offsets = steps.map((step) => {
    if (step.kind !== "dispatch" || step.names.length === 0) return undefined;
    const own = step.names.map((name) => numbers.get(name)!);
    let offset = known.get(`${own}`);
    if (offset === undefined) {
      offset = size;
      known.set(`${own}`, offset);
      records.push(own);
      size += Math.ceil(4 * own.length / ALIGNMENT) * ALIGNMENT;
    }
    return offset;
  });
  const data = new Uint32Array(Math.max(size, ALIGNMENT) / 4);
  for (const own of records) data.set(own, known.get(`${own}`)! / 4);
  return { offsets, data };
}
