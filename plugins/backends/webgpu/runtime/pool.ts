/** Buffers that are used again. */

/** What buffers of tensors are good for. */
export const USAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

/** Sizes that buffers come in begin here. */
const SMALLEST = 256;

/** Between a power of two and the next there are so many sizes. */
const STEPS = 4;

/** A size of at least `bytes`, such that few different ones occur. */
function roundUp(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = 2 ** Math.floor(Math.log2(bytes)) / STEPS;
  return Math.ceil(bytes / step) * step;
}

/** As many runs say how much memory is worth keeping. */
const RECENT = 8;

/** So many times what the largest of them took: two programs in turn keep all of theirs. */
const MOST_KEPT = 2;

/** Buffers that nobody uses just now serve whoever needs one next. */
export class BufferPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  #freeBytes = 0;
  /** The run that a buffer was last taken in. */
  readonly #lastRun = new WeakMap<GPUBuffer, number>();
  #run = 0;
  /** Bytes of all buffers that this run took, and that each of those before it did. */
  #taken = 0;
  readonly #recent: number[] = [];
  #isClosed = false;

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): GPUBuffer {
    const buffer = this.#find(bytes);
    if (this.#lastRun.get(buffer) !== this.#run) this.#taken += buffer.size;
    this.#lastRun.set(buffer, this.#run);
    return buffer;
  }

  #find(bytes: number): GPUBuffer {
    const size = Math.min(roundUp(bytes), Math.max(bytes, this.device.limits.maxBufferSize));
    // One that is up to twice as large will do.
    for (let fits = size; fits <= 2 * size; fits = roundUp(fits + 1)) {
      const buffer = this.#free.get(fits)?.pop();
      if (!buffer) continue;
      this.#freeBytes -= buffer.size;
      return buffer;
    }
    return this.device.createBuffer({ size, usage: USAGE });
  }

  /** Gives a buffer back; work that was submitted may still read it. */
  give(buffer: GPUBuffer): void {
    if (this.#isClosed) return buffer.destroy();
    const same = this.#free.get(buffer.size);
    if (same) same.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
    this.#freeBytes += buffer.size;
  }

  /** Notes that a run has ended, and lets go of more than runs like the last ones need. */
  endRun(): void {
    this.#recent.push(this.#taken);
    if (this.#recent.length > RECENT) this.#recent.shift();
    const most = MOST_KEPT * Math.max(...this.#recent);
    if (this.#freeBytes > most) {
      const age = (buffer: GPUBuffer) => this.#lastRun.get(buffer) ?? -1;
      const oldest = this.#all().sort((a, b) => age(a) - age(b));
      for (const buffer of oldest) {
        if (this.#freeBytes <= most) break;
        this.#drop(buffer);
      }
    }
    this.#taken = 0;
    this.#run++;
  }

  #all(): GPUBuffer[] {
    return [...this.#free.values()].flat();
  }

  #drop(buffer: GPUBuffer): void {
    const same = this.#free.get(buffer.size)!;
    same.splice(same.indexOf(buffer), 1);
    this.#freeBytes -= buffer.size;
    buffer.destroy();
  }

  /** Lets go of what nobody uses, and from now on of all that is given back. */
  close(): void {
    this.#isClosed = true;
    this.trim();
  }

  /** Lets go of what nobody uses. */
  trim(): void {
    for (const buffer of this.#all()) buffer.destroy();
    this.#free.clear();
    this.#freeBytes = 0;
  }
}
