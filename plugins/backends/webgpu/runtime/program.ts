/** A program on the device: gives its steps to the queue, and reads back what is asked for. */

import { type Feeds, type Program } from "../../../../core/contracts/backend.ts";
import { UserError } from "../../../../core/contracts/errors.ts";
import { matmulFlops, type Node } from "../../../../core/graph/mod.ts";
import {
  type HostTensor,
  resolveShape,
  sizeOf,
  type TensorType,
} from "../../../../core/tensor/mod.ts";
import { type Lowered } from "../lowering/steps.ts";
import { knownSize } from "../wgsl/indices.ts";
import { countOf, type SizeFunction } from "../wgsl/sizes.ts";
import { type Value } from "../wgsl/value.ts";
import { MOST_GROUPS } from "../wgsl/writer.ts";
import { Bindings } from "./bindings.ts";
import { type Gpu, type Pipeline } from "./device.ts";
import { bytesOf, GpuTensor } from "./memory.ts";
import { checkRoom, Run } from "./run.ts";
import { type Copy } from "./staging.ts";
import { OutOfMemory, Watch } from "./watch.ts";

/** Dispatches that are handed over together. */
const BATCH = 256;

/** A program's kernels and its own buffers, and where values end. */
export class GpuProgram<Output extends string> implements Program<Output> {
  /** Constants, by the ids of their values. */
  readonly #held: ReadonlyMap<number, GpuTensor>;
  readonly #pipelines: readonly (Pipeline | undefined)[];
  readonly #lastUses: readonly (readonly Value[])[];
  readonly #counts: readonly SizeFunction[];
  readonly #bindings: Bindings;
  readonly #watch: Watch;
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
    this.#bindings = new Bindings(gpu, this.#pipelines, steps, slots);
    this.#watch = new Watch(gpu.device);
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
    const attempt = () => this.#attempt(feeds, keep as (output: string) => boolean);
    return this.gpu.inTurn(async () => {
      if (this.#disposed) throw new Error("Cannot run a program that was disposed of");
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof OutOfMemory)) throw error;
        // Buffers of other sizes took the room; they are gone now.
        return await attempt();
      }
    }) as Promise<Record<Output, HostTensor | GpuTensor>>;
  }

  async #attempt(feeds: Feeds, keep: (output: string) => boolean) {
    const { gpu } = this;
    const run = new Run(gpu, this.lowered, this.inputs, feeds);
    try {
      return await this.#run(run, keep);
    } catch (error) {
      // A buffer that could not be had is in the pool like any other.
      run.end();
      gpu.pool.trim();
      // What is thrown on the way is less than what was told of the device.
      const failure = await this.#watch.end();
      await gpu.settle();
      throw failure ?? error;
    } finally {
      run.end();
      gpu.pool.endRun();
    }
  }

  async #run(run: Run, keep: (output: string) => boolean) {
    const { lowered: { steps, slots, values }, gpu: { device } } = this;
    this.#watch.begin();
    const sizes = Uint32Array.from(slots, (name) => run.sizes.get(name) ?? 0);
    if (sizes.length > 0) device.queue.writeBuffer(this.#bindings.sizes, 0, sizes);
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
          this.#watch.begin();
          encoder = device.createCommandEncoder();
          pass = encoder.beginComputePass();
        }
        run.sizes.set(step.name, Math.min(most, run.sizes.get(step.name) ?? Infinity));
        continue;
      }
      for (const { value } of step.bound) this.#provide(run, value);
      const groups = step.groups(run.sizes);
      checkGroups(step.label, groups);
      if (groups.every((number) => number > 0)) {
        const { pipeline } = this.#pipelines[at]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, this.#bindings.groupOf(at, step, run));
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

  /** What a kernel has found, once it has run. */
  async #readSize(encoder: GPUCommandEncoder, name: string): Promise<number> {
    const { sizes } = this.#bindings;
    const copies = [{ from: sizes, offset: 0, bytes: sizes.size }];
    const read = new Uint32Array(await this.#read(encoder, copies));
    return read[this.lowered.slots.indexOf(name)]!;
  }

  /** Hands over what was encoded and reads these places, unless the device refuses any of it. */
  async #read(encoder: GPUCommandEncoder, copies: readonly Copy[]): Promise<ArrayBuffer> {
    const reading = this.gpu.staging.read(encoder, copies);
    const [read, told] = await Promise.allSettled([reading, this.#watch.end()]);
    if (told.status === "rejected") throw told.reason;
    if (told.value) throw told.value;
    this.gpu.check();
    if (read.status === "rejected") throw read.reason;
    return read.value;
  }

  /** Reads what is not to be kept, and with it the sizes that the device has found. */
  async #giveOutputs(
    encoder: GPUCommandEncoder,
    run: Run,
    keep: (output: string) => boolean,
  ): Promise<Record<string, HostTensor | GpuTensor>> {
    const { lowered: { outputs, slots }, gpu: { device, pool } } = this;
    const copies: Copy[] = [];
    let total = 0;
    const copy = (from: GPUBuffer, bytes: number) => {
      const offset = total;
      copies.push({ from, offset, bytes });
      total += bytes;
      return offset;
    };
    copy(this.#bindings.sizes, this.#bindings.sizes.size);
    const places = [...outputs].map(([name, { value, type }]) => {
      this.#provide(run, value);
      const bytes = bytesOf(value.type.dtype, this.#counts[value.id]!(run.sizes));
      const from = run.buffers[value.id]!;
      if (!keep(name)) return { name, type, offset: copy(from, bytes) };
      // The buffer itself, unless somebody else has it too.
      const own = run.keep(value, bytes);
      if (own !== from) encoder.copyBufferToBuffer(from, 0, own, 0, bytes);
      return { name, type, kept: own };
    });
    const read = await this.#read(encoder, copies);
    run.handOver();
    const found = new Uint32Array(read, 0, slots.length);
    const sizes = new Map(slots.map((name, i) => [name, found[i]!]));
    for (const [name, size] of run.given) sizes.set(name, size);
    return Object.fromEntries(places.map(({ name, type: { dtype, shape }, offset, kept }) => {
      const type = { dtype, shape: resolveShape(shape, sizes) };
      if (kept) return [name, GpuTensor.ofPool(device, type, kept, pool)];
      return [name, { ...type, data: elements(read, dtype, offset, sizeOf(type.shape)) }];
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gpu.inTurn(() => {
      if (this.#disposed) return Promise.resolve();
      this.#disposed = true;
      for (const tensor of this.#held.values()) tensor[Symbol.dispose]();
      this.#bindings[Symbol.dispose]();
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

/** @throws {UserError} where a kernel takes more workgroups than adapters have along an axis. */
function checkGroups(label: string, groups: readonly number[]): void {
  const most = Math.max(...groups);
  if (most <= MOST_GROUPS) return;
  throw new UserError(
    `${label} takes ${most} workgroups along one axis, of which a graphics adapter has ` +
      `${MOST_GROUPS}: take a smaller batch or shorter sequences`,
  );
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
