/**
 * Sums of losses and of their ranks over tokens that are alike, for one resample after the other.
 *
 * Ranks are drawn up anew in every resample, in which a sequence that was drawn twice has every
 * token twice, so each takes a pass over all tokens. What has few values is summed up by its values
 * in that pass: tokens that agree in a value (a depth, a byte of gates) and in what is to be held
 * equal share a cell.
 */

/** A grouping of tokens; every token is in a group. */
export interface Strata {
  readonly name: string;
  /** `[N]`: the group of each token. */
  readonly of: Int32Array;
  readonly groups: number;
}

/** Cells of a value within strata. */
export interface CellTable {
  /** `[N]`: the cell of each token. */
  readonly cellOf: Int32Array;
  readonly cells: number;
  /** `[cells]`: the value of their tokens. */
  readonly values: Int32Array;
  /** `[cells]`: the stratum of their tokens. */
  readonly strata: Int32Array;
  readonly stratumCount: number;
}

/** Numbers from 0 up in the place of keys. */
export function numbered(keys: Int32Array): { of: Int32Array; groups: number } {
  const numbers = new Map<number, number>();
  const of = keys.map((key) => {
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  return { of, groups: numbers.size };
}

/** Sorts tokens by a value of theirs, from 0 up, and by strata. */
export function cellTable(values: Int32Array, { of, groups }: Omit<Strata, "name">): CellTable {
  const width = values.reduce((most, value) => Math.max(most, value), 0) + 1;
  const { of: cellOf, groups: cells } = numbered(of.map((own, i) => own * width + values[i]!));
  const table = {
    cellOf,
    cells,
    values: new Int32Array(cells),
    strata: new Int32Array(cells),
    stratumCount: groups,
  };
  cellOf.forEach((cell, token) => {
    table.values[cell] = values[token]!;
    table.strata[cell] = of[token]!;
  });
  return table;
}

/** What a pass over the tokens of a resample sums up. */
export interface LossCells {
  /** For each table `[cells, 3]`: tokens, sum of their losses, sum of their ranks by loss. */
  readonly sums: readonly Float64Array[];
  /** Over all tokens. */
  readonly lossSquares: number;
  readonly rankSquares: number;
}

/** Makes the passes. Losses are summed up less their mean over all tokens. */
export class LossPasses {
  readonly #losses: Float64Array;
  readonly #sequenceOf: Int32Array;
  /** `[N, tables]`, in the order of losses: where the sums of a token's cell are. */
  readonly #places: Int32Array;
  readonly #all: Float64Array;
  readonly #sums: readonly Float64Array[];

  /**
   * @param losses `[N]`
   * @param sequenceOf `[N]`
   */
  constructor(losses: Float64Array, sequenceOf: Int32Array, tables: readonly CellTable[]) {
    const order = Int32Array.from(losses, (_, i) => i).sort((a, b) => losses[a]! - losses[b]!);
    // Squares of numbers far from 0 would leave no digits for their differences.
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    this.#losses = Float64Array.from(order, (token) => losses[token]! - mean);
    this.#sequenceOf = order.map((token) => sequenceOf[token]!);
    const starts = tables.map((_, t) =>
      tables.slice(0, t).reduce((sum, { cells }) => sum + 3 * cells, 0)
    );
    this.#places = new Int32Array(tables.length * order.length);
    order.forEach((token, i) =>
      tables.forEach(({ cellOf }, t) =>
        this.#places[i * tables.length + t] = starts[t]! + 3 * cellOf[token]!
      )
    );
    this.#all = new Float64Array(tables.reduce((sum, { cells }) => sum + 3 * cells, 0));
    this.#sums = tables.map(({ cells }, t) =>
      this.#all.subarray(starts[t]!, starts[t]! + 3 * cells)
    );
  }

  /** The sums when sequence s counts `weights[s]` times; overwritten by the next call. */
  collect(weights: Float64Array): LossCells {
    const [losses, sequenceOf, places] = [this.#losses, this.#sequenceOf, this.#places];
    const all = this.#all.fill(0);
    const tables = this.#sums.length;
    let [before, lossSquares, rankSquares] = [0, 0, 0];
    for (let start = 0; start < losses.length;) {
      const loss = losses[start]!;
      let end = start;
      let tied = 0;
      while (end < losses.length && losses[end] === loss) tied += weights[sequenceOf[end++]!]!;
      // Equal losses have the mean of their ranks.
      const rank = before + (tied + 1) / 2;
      for (let i = start; i < end && tied > 0; i++) {
        const weight = weights[sequenceOf[i]!]!;
        if (weight === 0) continue;
        for (let at = i * tables; at < (i + 1) * tables; at++) {
          const place = places[at]!;
          all[place]! += weight;
          all[place + 1]! += weight * loss;
          all[place + 2]! += weight * rank;
        }
      }
      before += tied;
      lossSquares += tied * loss * loss;
      rankSquares += tied * rank * rank;
      start = end;
    }
    return { sums: this.#sums, lossSquares, rankSquares };
  }
}
