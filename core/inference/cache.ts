/** Keys and values of texts that grow. */

import { type DeviceTensor, type ModelDims } from "../contracts/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../tensor/mod.ts";
import { memoryNames } from "./pass_graph.ts";

/** Positions that room is made for at a time: copying is rare, and little of what is read is empty. */
const GRAIN = 64;

/**
 * The memory of several texts, each of its own length. Room beyond a text's length holds anything;
 * whoever reads is told the lengths.
 */
export interface TextCache extends Disposable {
  /** By the names of `memoryNames`, each `[B, kvHeads, capacity, headDim]`. */
  readonly memory: Readonly<Record<string, HostTensor | DeviceTensor>>;
  /** Tokens of each text. Lower one to forget its last tokens. */
  readonly lengths: number[];
  /**
   * Adds what a pass has made of the first `counts[i]` tokens of each text i.
   *
   * @param made by the names of `memoryNames`; what is on a device is the cache's from then on
   * @throws {RangeError} where a text is longer than the model reads.
   */
  append(
    made: Readonly<Record<string, HostTensor | DeviceTensor>>,
    counts: readonly number[],
  ): void | Promise<void>;
  /** Keeps these texts only, in this order. */
  select(texts: readonly number[]): void | Promise<void>;
}

/** Positions that there is to be room for where so many are needed. */
export function roomFor(positions: number, { maxPositions }: ModelDims): number {
  return Math.min(maxPositions, Math.ceil(positions / GRAIN) * GRAIN);
}

/** @throws {RangeError} where a model does not read so many tokens. */
export function checkRoom(tokens: number, { maxPositions }: ModelDims): void {
  if (tokens <= maxPositions) return;
  throw new RangeError(`Cannot keep ${tokens} tokens: the model has ${maxPositions} positions`);
}

/** The memory of texts on the host. */
export class KeyValueCache implements TextCache {
  /** By the names of `memoryNames`, each `[B, kvHeads, capacity, headDim]`. */
  readonly memory: Record<string, FloatTensor> = {};
  /** Tokens of each text. Lower one to forget its last tokens. */
  readonly lengths: number[];
  #capacity = 0;

  /** @param batch how many texts */
  constructor(batch: number, private readonly dims: ModelDims) {
    this.lengths = new Array<number>(batch).fill(0);
    for (let layer = 0; layer < dims.numLayers; layer++) {
      for (const name of Object.values(memoryNames(layer))) {
        this.memory[name] = floats([batch, dims.numKeyValueHeads, 0, dims.headDim]);
      }
    }
  }

  append(
    made: Readonly<Record<string, HostTensor | DeviceTensor>>,
    counts: readonly number[],
  ): void {
    const longest = Math.max(...this.lengths.map((length, text) => length + counts[text]!));
    checkRoom(longest, this.dims);
    if (longest > this.#capacity) this.#grow(longest);
    for (const [name, all] of Object.entries(this.memory)) {
      const own = made[name] as HostTensor | undefined;
      // A pass may leave out a layer altogether.
      if (!own) continue;
      const [, heads, length, width] = own.shape as [number, number, number, number];
      counts.forEach((count, text) => {
        for (let head = 0; head < heads; head++) {
          const row = text * heads + head;
          const from = row * length * width;
          const to = (row * this.#capacity + this.lengths[text]!) * width;
          all.data.set((own.data as Float32Array).subarray(from, from + count * width), to);
        }
      });
    }
    counts.forEach((count, text) => this.lengths[text]! += count);
  }

  /** Makes room for `positions`. */
  #grow(positions: number): void {
    const capacity = roomFor(positions, this.dims);
    for (const [name, before] of Object.entries(this.memory)) {
      const [batch, heads, , width] = before.shape as [number, number, number, number];
      const grown = floats([batch, heads, capacity, width]);
      for (let row = 0; row < batch * heads; row++) {
        const start = row * this.#capacity * width;
        const rows = before.data.subarray(start, start + this.#capacity * width);
        grown.data.set(rows, row * capacity * width);
      }
      this.memory[name] = grown;
    }
    this.#capacity = capacity;
  }

  select(texts: readonly number[]): void {
    for (const [name, all] of Object.entries(this.memory)) {
      const [, ...rest] = all.shape as [number, number, number, number];
      const size = rest.reduce((a, b) => a * b, 1);
      const kept = floats([texts.length, ...rest]);
      texts.forEach((text, i) => {
        kept.data.set(all.data.subarray(text * size, (text + 1) * size), i * size);
      });
      this.memory[name] = kept;
    }
    this.lengths.splice(0, this.lengths.length, ...texts.map((text) => this.lengths[text]!));
  }

  [Symbol.dispose](): void {}
}
