/**
 * How much of what a router's gates differ in is explained by the layer, the position, the token, or
 * the kind of token: a router that learned a fixed pattern is told from one that looks at the text.
 *
 * The share of variance that groups explain, eta squared, grows with their number even where they
 * mean nothing: every token id that occurs once explains itself. So a group's mean is taken over
 * *other sequences* than the token's, and what counts is how the two vary together:
 *
 *   Σ (gate − m)(mean of its group elsewhere − m) / Σ (gate − m)²
 *
 * with m the mean of all gates elsewhere. Its expectation is the variance of the groups' true means
 * as a share of all variance, and 0 for groups that mean nothing, as the two factors are then
 * independent; a single estimate may fall below 0. With one token of each group in each sequence it
 * is what the analysis of variance gives: (mean square of groups − mean square of the remainder) per
 * sequence (Searle, Casella and McCulloch 1992, chapter 4).
 */

import { type Estimate } from "./bootstrap.ts";
import { numbered } from "./loss_cells.ts";
import { type Grouping, type RoutingObservations } from "./observations.ts";
import { studentQuantile } from "../interval.ts";
import { BLOCKS, SequenceCells } from "./sequence_cells.ts";

/** What groups of tokens explain about their gates, together with the layer. */
export interface ExplainedVariance {
  /** `"layer"`: the layer alone; else what tokens are sorted by beside it. */
  readonly factor: string;
  /** Groups of tokens that occur. */
  readonly groups: number;
  /** Share of the tokens whose group is in another sequence; to the others the layer's mean applies. */
  readonly covered: number;
  /** Share of the variance of all gates that layer and factor explain. */
  readonly share: Estimate;
  /** That less what the layer alone explains; absent for the layer. */
  readonly beyondLayer?: Estimate;
}

/**
 * By layer, then by layer with each factor: position, token id, the groupings, and the sequence.
 * For the sequence, means are over the other tokens of the same one.
 *
 * @returns `[]` where all gates are equal, or there are fewer than two sequences
 */
export function gateVariance(
  observations: RoutingObservations,
  groupings: readonly Grouping[],
): ExplainedVariance[] {
  const { tokens, sequences, gates, idOf, positionOf, sequenceOf } = observations;
  if (sequences < 2 || gates.every((gate) => gate === gates[0])) return [];
  const factors = [
    { name: "layer", of: new Int32Array(tokens) },
    { name: "position", of: positionOf },
    // Few of a large vocabulary occur.
    { name: "token", of: numbered(idOf).of },
    ...groupings,
    { name: "sequence", of: sequenceOf },
  ];
  // With all sequences, then without those of each block.
  const blocks = sequences < BLOCKS ? [-1] : Array.from({ length: BLOCKS + 1 }, (_, i) => i - 1);
  const shares = factors.map(({ name, of }) => {
    const cells = new SequenceCells(observations, of);
    return blocks.map((block) =>
      name === "sequence" ? shareWithin(cells, block) : shareElsewhere(cells, block)
    );
  });
  return factors.map(({ name, of }, i) => ({
    factor: name,
    groups: new Set(of).size,
    covered: name === "sequence" ? 1 : coveredShare(of, sequenceOf),
    share: jackknife(shares[i]!),
    ...(i === 0
      ? {}
      : { beyondLayer: jackknife(shares[i]!.map((share, block) => share - shares[0]![block]!)) }),
  }));
}

/**
 * A value with an interval from the jackknife over blocks of sequences (Efron and Tibshirani 1993,
 * chapter 11). A resample of the bootstrap would hold a sequence twice, and so "elsewhere" too.
 *
 * @param value of all sequences
 * @param without values without each block; none where there are too few sequences
 */
function jackknife([value, ...without]: readonly number[]): Estimate {
  if (without.length === 0) return { value: value! };
  const mean = without.reduce((sum, one) => sum + one, 0) / BLOCKS;
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const reach = studentQuantile(BLOCKS - 1) * Math.sqrt(squares * (BLOCKS - 1) / BLOCKS);
  return { value: value!, low: value! - reach, high: value! + reach };
}

/** The share of variance that layer and group explain across sequences, without those of a block. */
function shareElsewhere(cells: SequenceCells, block: number): number {
  const { layers, groups, group, counts, ones } = cells;
  const all = new GateSums(layers);
  const groupCounts = new Float64Array(groups);
  const groupOnes = new Float64Array(groups * layers);
  for (const [first, end] of cells.without(block)) {
    for (let cell = first; cell < end; cell++) {
      const own = group[cell]!;
      all.add(cells, cell);
      groupCounts[own]! += counts[cell]!;
      for (let layer = 0; layer < layers; layer++) {
        groupOnes[own * layers + layer]! += ones[cell * layers + layer]!;
      }
    }
  }
  const layerMeans = new Float64Array(layers);
  let products = 0;
  for (const [first, end] of cells.without(block)) {
    const here = new GateSums(layers);
    for (let cell = first; cell < end; cell++) here.add(cells, cell);
    const elsewhere = all.tokens - here.tokens;
    for (let layer = 0; layer < layers; layer++) {
      layerMeans[layer] = (all.active[layer]! - here.active[layer]!) / elsewhere;
    }
    const mean = (all.total - here.total) / (layers * elsewhere);
    for (let cell = first; cell < end; cell++) {
      const others = groupCounts[group[cell]!]! - counts[cell]!;
      for (let layer = 0; layer < layers; layer++) {
        const own = ones[cell * layers + layer]!;
        const expected = others > 0
          ? (groupOnes[group[cell]! * layers + layer]! - own) / others
          : layerMeans[layer]!;
        products += (own - counts[cell]! * mean) * (expected - mean);
      }
    }
  }
  return products / all.squares;
}

/**
 * The share that layer and sequence explain across the tokens of a sequence, without the sequences
 * of a block. The gates of a token are set against the means of the n − 1 others.
 */
function shareWithin(cells: SequenceCells, block: number): number {
  const { layers, counts, ones } = cells;
  const all = new GateSums(layers);
  for (const [cell] of cells.without(block)) all.add(cells, cell);
  const mean = all.total / (layers * all.tokens);
  let products = 0;
  for (const [cell] of cells.without(block)) {
    const count = counts[cell]!;
    if (count < 2) continue;
    for (let layer = 0; layer < layers; layer++) {
      const open = ones[cell * layers + layer]!;
      // Σ (g − m)((open − g) / (n − 1) − m) over the tokens, as g² = g.
      products += (open * open - open) / (count - 1) - 2 * mean * open + count * mean * mean;
    }
  }
  return products / all.squares;
}

/** Gates summed up over cells. */
class GateSums {
  tokens = 0;
  /** Open gates. */
  total = 0;
  /** Those of each layer. */
  readonly active: Float64Array;

  constructor(private readonly layers: number) {
    this.active = new Float64Array(layers);
  }

  add({ counts, ones }: SequenceCells, cell: number): void {
    this.tokens += counts[cell]!;
    for (let layer = 0; layer < this.layers; layer++) {
      const open = ones[cell * this.layers + layer]!;
      this.active[layer]! += open;
      this.total += open;
    }
  }

  /** Sum of squares of all gates around their mean. */
  get squares(): number {
    return this.total * (1 - this.total / (this.tokens * this.layers));
  }
}

/** Share of the tokens whose group is in another sequence too. */
function coveredShare(of: Int32Array, sequenceOf: Int32Array): number {
  const only = new Map<number, number>();
  of.forEach((group, token) => {
    const sequence = sequenceOf[token]!;
    const known = only.get(group) ?? sequence;
    only.set(group, known === sequence ? sequence : -1);
  });
  return of.reduce((sum, group) => sum + (only.get(group) === -1 ? 1 : 0), 0) / of.length;
}
