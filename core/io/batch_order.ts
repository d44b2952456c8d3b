/**
 * The order in which a run sees its sequences, as a function of the seed and the step alone, so that
 * a resumed run needs no record of where it was.
 */

import { RandomStream } from "../tensor/mod.ts";

/** The numbers 0 to `count` − 1 in the order of one epoch. */
export function epochOrder(count: number, seed: number, epoch: number): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  return new RandomStream(seed, "epochOrder", epoch).shuffle(order);
}

/** Which sequences each batch of a run takes: every epoch in a new order, each sequence once. */
export class BatchOrder {
  /** Whole batches in an epoch; the sequences left over sit out, others in every epoch. */
  readonly batchesPerEpoch: number;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #seed: number;
  /** The latest epoch's order, kept because the next batch most likely needs it too. */
  #epoch = -1;
  #order = new Int32Array(0);

  /** @throws {RangeError} when there are fewer sequences than a batch holds. */
  constructor(count: number, batchSize: number, seed: number) {
    if (!(batchSize >= 1 && count >= batchSize)) {
      throw new RangeError(`Cannot make batches of ${batchSize} from ${count} sequences`);
    }
    this.#count = count;
    this.#batchSize = batchSize;
    this.#seed = seed;
    this.batchesPerEpoch = Math.floor(count / batchSize);
  }

  /** The epoch that batch `index` of the run belongs to, from 0. */
  epochOf(index: number): number {
    return Math.floor(index / this.batchesPerEpoch);
  }

  /** The indices of the sequences in batch `index` of the run, from 0. */
  batch(index: number): Int32Array<ArrayBuffer> {
    const epoch = this.epochOf(index);
    if (epoch !== this.#epoch) {
      this.#order = epochOrder(this.#count, this.#seed, epoch);
      this.#epoch = epoch;
    }
    const start = (index - epoch * this.batchesPerEpoch) * this.#batchSize;
    return this.#order.slice(start, start + this.#batchSize);
  }
}
