/** Correlation over tokens, and among tokens that are alike, from the sums of {@link LossCells}. */

import { type CellTable } from "./loss_cells.ts";

/** Groups within which tokens are compared, each made of one or more strata of a table. */
export interface Level {
  readonly name: string;
  /** `[strata]`: the group of each. */
  readonly of: Int32Array;
  readonly groups: number;
}

/** By stratum: tokens, and sums of their losses and of their ranks. */
export interface StratumSums {
  readonly count: Float64Array;
  readonly loss: Float64Array;
  readonly rank: Float64Array;
}

/** Those, and sums of a variable x, of its squares, and of its products with losses and ranks. */
export interface Moments extends StratumSums {
  readonly x: Float64Array;
  readonly xSquares: Float64Array;
  readonly xLoss: Float64Array;
  readonly xRank: Float64Array;
}

/**
 * Cells added up by stratum.
 *
 * @param sums `[cells, 3]`
 * @param only cells to take; all unless told
 */
export function stratumSums(
  { strata, stratumCount }: CellTable,
  sums: Float64Array,
  only?: Int32Array,
): StratumSums {
  const count = new Float64Array(stratumCount);
  const loss = new Float64Array(stratumCount);
  const rank = new Float64Array(stratumCount);
  const cells = only?.length ?? strata.length;
  for (let i = 0; i < cells; i++) {
    const cell = only === undefined ? i : only[i]!;
    const stratum = strata[cell]!;
    count[stratum]! += sums[3 * cell]!;
    loss[stratum]! += sums[3 * cell + 1]!;
    rank[stratum]! += sums[3 * cell + 2]!;
  }
  return { count, loss, rank };
}

/**
 * Moments of a variable that follows from the value of a cell.
 *
 * @param all of all cells
 * @param variable x by value
 */
export function momentsOf(
  all: StratumSums,
  { strata, stratumCount, values, cells }: CellTable,
  sums: Float64Array,
  variable: ArrayLike<number>,
): Moments {
  const x = new Float64Array(stratumCount);
  const xSquares = new Float64Array(stratumCount);
  const xLoss = new Float64Array(stratumCount);
  const xRank = new Float64Array(stratumCount);
  for (let cell = 0; cell < cells; cell++) {
    const stratum = strata[cell]!;
    const value = variable[values[cell]!]!;
    x[stratum]! += value * sums[3 * cell]!;
    xSquares[stratum]! += value * value * sums[3 * cell]!;
    xLoss[stratum]! += value * sums[3 * cell + 1]!;
    xRank[stratum]! += value * sums[3 * cell + 2]!;
  }
  return { ...all, x, xSquares, xLoss, xRank };
}

/** Moments of a variable that is 1 in the cells of `open` and 0 elsewhere. */
export function indicatorMoments(all: StratumSums, open: StratumSums): Moments {
  const { count, loss, rank } = open;
  return { ...all, x: count, xSquares: count, xLoss: loss, xRank: rank };
}

/**
 * By value: its mean rank among those of all tokens.
 *
 * @param count how many values there are: 0 to `count` − 1
 */
export function midranks(
  { cells, values }: CellTable,
  sums: Float64Array,
  count: number,
): Float64Array {
  const counts = new Float64Array(count);
  for (let cell = 0; cell < cells; cell++) counts[values[cell]!]! += sums[3 * cell]!;
  let before = 0;
  return counts.map((own) => {
    before += own;
    return before - own + (own + 1) / 2;
  });
}

/** Below this share of what it is the difference of, a sum of squares is rounding. */
const ROUNDING = 1e-10;

/**
 * Pearson's correlation of x with losses or ranks, both less their means over the groups of a level;
 * NaN where one of them never differs from these.
 *
 * @param ySquares sum of squares of the losses or ranks of all tokens
 */
export function withinCorrelation(
  moments: Moments,
  y: "loss" | "rank",
  ySquares: number,
  { of, groups }: Level,
): number {
  const products = y === "loss" ? moments.xLoss : moments.xRank;
  const byGroup = new Float64Array(3 * groups);
  let [xx, xy] = [0, 0];
  for (let stratum = 0; stratum < of.length; stratum++) {
    const group = 3 * of[stratum]!;
    byGroup[group]! += moments.count[stratum]!;
    byGroup[group + 1]! += moments.x[stratum]!;
    byGroup[group + 2]! += moments[y][stratum]!;
    xx += moments.xSquares[stratum]!;
    xy += products[stratum]!;
  }
  let [xWithin, yWithin] = [xx, ySquares];
  for (let group = 0; group < 3 * groups; group += 3) {
    const [tokens, sumX, sumY] = [byGroup[group]!, byGroup[group + 1]!, byGroup[group + 2]!];
    if (tokens === 0) continue;
    xWithin -= sumX * sumX / tokens;
    yWithin -= sumY * sumY / tokens;
    xy -= sumX * sumY / tokens;
  }
  if (!(xWithin > ROUNDING * xx) || !(yWithin > ROUNDING * ySquares)) return NaN;
  return xy / Math.sqrt(xWithin * yWithin);
}
