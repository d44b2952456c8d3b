/** Gates summed up over tokens that share their group and their sequence. */

import { type RoutingObservations } from "./observations.ts";

/** Parts that the sequences are dealt into, one of which may be left out. */
export const BLOCKS = 20;

/** Tokens that share their group and their sequence, in cells, sequence by sequence. */
export class SequenceCells {
  readonly layers: number;
  readonly sequences: number;
  /** Largest group, plus 1. */
  readonly groups: number;
  /** `[S + 1]`: where the cells of each sequence begin. */
  readonly starts: Int32Array;
  /** By cell: its group, and how many tokens it has. */
  readonly group: readonly number[];
  readonly counts: readonly number[];
  /** `[cells, L']`: how many of them run each block. */
  readonly ones: Float64Array;

  constructor(observations: RoutingObservations, of: Int32Array) {
    const { tokens, sequences, sequenceOf, gates, routableLayers: layers } = observations;
    this.layers = layers;
    this.sequences = sequences;
    this.groups = 1 + of.reduce((most, group) => Math.max(most, group), 0);
    this.starts = new Int32Array(sequences + 1);
    const [group, counts]: number[][] = [[], []];
    // The last cell of each group; it is of the sequence at hand if it is not before its start.
    const last = new Int32Array(this.groups).fill(-1);
    const cellOf = new Int32Array(tokens);
    for (let token = 0; token < tokens; token++) {
      const sequence = sequenceOf[token]!;
      const own = of[token]!;
      if (token === 0 || sequenceOf[token - 1] !== sequence) this.starts[sequence] = group!.length;
      if (last[own]! < this.starts[sequence]!) {
        last[own] = group!.length;
        group!.push(own);
        counts!.push(0);
      }
      cellOf[token] = last[own]!;
      counts![last[own]!]!++;
      this.starts[sequence + 1] = group!.length;
    }
    this.group = group!;
    this.counts = counts!;
    this.ones = new Float64Array(group!.length * layers);
    for (let token = 0; token < tokens; token++) {
      for (let layer = 0; layer < layers; layer++) {
        this.ones[cellOf[token]! * layers + layer]! += gates[token * layers + layer]!;
      }
    }
  }

  /** The cells of the sequences that are not of this block, sequence by sequence. */
  *without(block: number): Generator<readonly [first: number, end: number]> {
    for (let sequence = 0; sequence < this.sequences; sequence++) {
      if (sequence % BLOCKS === block) continue;
      yield [this.starts[sequence]!, this.starts[sequence + 1]!];
    }
  }
}
