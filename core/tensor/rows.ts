/** Some rows of a matrix: where checkpoints hold several matrices as one. */

import { type TensorData } from "./host.ts";

/**
 * Rows of a matrix whose rows stand in groups, equally many in each: the same ones of each group. One
 * group is the whole matrix; queries, keys and values that are interleaved by heads stand in as many
 * groups as there are heads.
 */
export interface RowRange {
  /** How many groups there are; a divisor of the number of rows. */
  readonly groups: number;
  /** First row in each group. */
  readonly start: number;
  /** The one after the last. */
  readonly end: number;
}

/** How many rows a range has. */
export function rowsIn({ groups, start, end }: RowRange): number {
  return groups * (end - start);
}

/**
 * What belongs to the rows of a range, of `data` that is spread evenly over the `rows` of a matrix:
 * its elements, or what several of them have in common.
 */
export function pickRows<Data extends TensorData>(
  data: Data,
  rows: number,
  range: RowRange,
): Data {
  const { groups, start, end } = range;
  const perRow = data.length / rows;
  const picked = new (data.constructor as new (length: number) => Data)(rowsIn(range) * perRow);
  for (let group = 0; group < groups; group++) {
    const first = group * rows / groups;
    picked.set(
      data.subarray((first + start) * perRow, (first + end) * perRow),
      group * (end - start) * perRow,
    );
  }
  return picked;
}
