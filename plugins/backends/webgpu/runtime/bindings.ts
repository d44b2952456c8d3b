/** What kernels are bound to: buffers, and the places of the sizes that they read. */

import { type Dispatch, type Step } from "../lowering/steps.ts";
import { type Gpu, type Pipeline } from "./device.ts";
import { type Run } from "./run.ts";

/** Alignment of slots in their buffer; every device takes it. */
const ALIGNMENT = 256;

/** The buffers of a program's own, and what each of its kernels was bound to before. */
export class Bindings {
  /** Named sizes and choices, for kernels to read and to write. */
  readonly sizes: GPUBuffer;
  readonly #slots: GPUBuffer;
  readonly #slotsOf: readonly (number | undefined)[];
  readonly #groups = new Map<string, GPUBindGroup>();
  /** Those of the last run, by step. */
  readonly #lastGroups: { readonly buffers: readonly GPUBuffer[]; readonly group: GPUBindGroup }[] =
    [];
  readonly #numbers = new WeakMap<GPUBuffer, number>();
  #buffers = 0;

  constructor(
    private readonly gpu: Gpu,
    private readonly pipelines: readonly (Pipeline | undefined)[],
    steps: readonly Step[],
    slots: readonly string[],
  ) {
    const { device } = gpu;
    this.sizes = device.createBuffer({
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

  /** What a kernel is bound to. Memory is used alike in most runs, so the last one's is tried first. */
  groupOf(at: number, step: Dispatch, run: Run): GPUBindGroup {
    const last = this.#lastGroups[at];
    if (last && step.bound.every(({ value }, i) => last.buffers[i] === run.buffers[value.id])) {
      return last.group;
    }
    const buffers = step.bound.map(({ value }) => run.buffers[value.id]!);
    const key = `${at} ${buffers.map((buffer) => this.#numberOf(buffer))}`;
    let group = this.#groups.get(key);
    if (!group) {
      // Where memory is used otherwise in each run, old ones are of no use.
      if (this.#groups.size > 4 * this.pipelines.length) this.#groups.clear();
      this.#groups.set(key, group = this.#bind(at, step, buffers));
    }
    this.#lastGroups[at] = { buffers, group };
    return group;
  }

  #bind(at: number, step: Dispatch, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const { gpu: { device } } = this;
    const most = device.limits.maxStorageBufferBindingSize;
    const resources: GPUBufferBinding[] = [];
    const slots = this.#slotsOf[at];
    if (slots !== undefined) {
      const size = 16 * Math.ceil(step.names.length / 4);
      resources.push({ buffer: this.sizes }, { buffer: this.#slots, offset: slots, size });
    }
    step.bound.forEach(({ part }, i) => {
      const buffer = buffers[i]!;
      resources.push(
        part
          ? { buffer, offset: 4 * part.start, size: 4 * part.count }
          : { buffer, size: Math.min(buffer.size, most - most % 4) },
      );
    });
    return device.createBindGroup({
      layout: this.pipelines[at]!.layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
  }

  #numberOf(buffer: GPUBuffer): number {
    let number = this.#numbers.get(buffer);
    if (number === undefined) this.#numbers.set(buffer, number = this.#buffers++);
    return number;
  }

  [Symbol.dispose](): void {
    this.sizes.destroy();
    this.#slots.destroy();
    this.#groups.clear();
    this.#lastGroups.length = 0;
  }
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
