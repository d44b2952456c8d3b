/** Comparing tensors, and how close is close. */

import { AssertionError } from "node:assert/strict";
import { type HostTensor, showType } from "../../core/tensor/mod.ts";

/** How far two numbers may be apart: `absolute + relative * |expected|`. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** The tolerances of the tests, by what is compared. */
export const CLOSE = {
  /** Two ways to compute the same in float64; some hundred roundings apart at most. */
  float64: { relative: 1e-12, absolute: 1e-12 },
  /** As float64, where a factor of the graph is a float32 constant, such as the 1/3 of a mean. */
  constants: { relative: 2e-7, absolute: 2e-7 },
  /** A float32 backend against float64 on small tensors of order one: some float32 roundings. */
  float32: { relative: 1e-5, absolute: 2e-6 },
} as const satisfies Record<string, Tolerance>;

/**
 * Fails unless both tensors have the same type and every element is within the tolerance. The
 * message names the worst element, both values and what was allowed.
 */
export function assertClose(
  actual: HostTensor,
  expected: HostTensor,
  { relative, absolute }: Tolerance,
  what: string,
): void {
  const types = [showType(actual), showType(expected)] as const;
  if (types[0] !== types[1] || actual.data.length !== expected.data.length) {
    throw new AssertionError({ message: `${what} is ${types[0]}, expected ${types[1]}` });
  }
  let worst = -1;
  let worstExcess = 1;
  for (let i = 0; i < expected.data.length; i++) {
    const a = actual.data[i]!;
    const e = expected.data[i]!;
    if (Object.is(a, e) || a === e) continue;
    const excess = Math.abs(a - e) / (absolute + relative * Math.abs(e));
    // The comparison is written so that NaN fails it.
    if (!(excess <= worstExcess)) {
      worst = i;
      worstExcess = Number.isNaN(excess) ? Infinity : excess;
    }
  }
  if (worst < 0) return;
  const allowed = absolute + relative * Math.abs(expected.data[worst]!);
  throw new AssertionError({
    message: `${what} is off: element ${worst} of ${types[0]} is ${actual.data[worst]}, expected ` +
      `${expected.data[worst]}, allowed difference ${allowed}`,
    actual: actual.data[worst],
    expected: expected.data[worst],
  });
}

/** Fails unless the share of `draws` tosses that came out is within 4 standard deviations. */
export function assertShare(share: number, expected: number, draws: number, what = "share"): void {
  const allowed = 4 * Math.sqrt(expected * (1 - expected) / draws);
  if (Math.abs(share - expected) <= allowed) return;
  throw new AssertionError({
    message: `${what}: ${share} of ${draws} tosses, expected ${expected} within ${allowed}`,
    actual: share,
    expected,
  });
}

/** Share of ones in each column of rows of `columns`. */
export function columnShares(data: ArrayLike<number>, columns: number): number[] {
  const rows = data.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    let ones = 0;
    for (let row = 0; row < rows; row++) ones += data[row * columns + column]! === 1 ? 1 : 0;
    return ones / rows;
  });
}
