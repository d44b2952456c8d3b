/** Memory that the device writes and the host reads. */

/** A stretch of a buffer to be read, from its beginning on. */
export interface Copy {
  readonly from: GPUBuffer;
  /** Where it goes among all that is read. */
  readonly offset: number;
  readonly bytes: number;
}

/** Larger buffers are not kept for the next time. */
const LARGEST_KEPT = 2 ** 24;

/**
 * Reads back what the device has made.
 *
 * Deno tells that a buffer is mapped 10 ms after it is. A buffer that was mapped before can be read at
 * once all the same; where it refuses, as the standard has it, it is waited for.
 */
export class Staging {
  /** Buffers that were mapped before, and are not now. */
  readonly #idle: GPUBuffer[] = [];
  /** Mappings that Deno has not told of yet. */
  readonly #pending = new Set<Promise<void>>();

  constructor(private readonly device: GPUDevice) {}

  /** Hands over what was encoded, and reads these places once all of it is done. */
  async read(encoder: GPUCommandEncoder, copies: readonly Copy[]): Promise<ArrayBuffer> {
    const total = Math.max(...copies.map(({ offset, bytes }) => offset + bytes));
    const known = this.#take(total);
    const buffer = known ?? this.device.createBuffer({
      size: total,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    for (const { from, offset, bytes } of copies) {
      encoder.copyBufferToBuffer(from, 0, buffer, offset, bytes);
    }
    this.device.queue.submit([encoder.finish()]);
    const mapping = buffer.mapAsync(GPUMapMode.READ, 0, total);
    try {
      if (!known) await mapping;
      let range = this.#rangeOf(buffer, total);
      if (!range) {
        await mapping;
        range = buffer.getMappedRange(0, total);
      }
      const read = range.slice(0);
      buffer.unmap();
      this.#giveBack(buffer, mapping);
      return read;
    } catch (error) {
      mapping.catch(() => {});
      buffer.destroy();
      throw error;
    }
  }

  /** What is mapped, if it can be read already. */
  #rangeOf(buffer: GPUBuffer, bytes: number): ArrayBuffer | undefined {
    try {
      return buffer.getMappedRange(0, bytes);
    } catch {
      return undefined;
    }
  }

  #take(bytes: number): GPUBuffer | undefined {
    const at = this.#idle.findIndex(({ size }) => size >= bytes && size <= 4 * bytes);
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  #giveBack(buffer: GPUBuffer, mapping: Promise<unknown>): void {
    const pending = mapping.then(() => {
      this.#pending.delete(pending);
      if (buffer.size > LARGEST_KEPT) buffer.destroy();
      else this.#idle.push(buffer);
    }, () => {
      this.#pending.delete(pending);
      buffer.destroy();
    });
    this.#pending.add(pending);
  }

  /** Waits for what is pending, and lets go of all memory. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
    for (const buffer of this.#idle.splice(0)) buffer.destroy();
  }
}
