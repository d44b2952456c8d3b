/** Assertions that tensors are close, and that tosses came out as often as they should. */

import { AssertionError } from "node:assert/strict";
import { type Tolerance, worstOf } from "../../core/conformance/closeness.ts";
import { type HostTensor, showType } from "../../core/tensor/mod.ts";

export { CLOSE, type Tolerance } from "../../core/conformance/closeness.ts";

/**
 * Fails unless both tensors have the same type and every element is within the tolerance. The
 * message names the worst element, both values and what was allowed.
 */
export function assertClose(
  actual: HostTensor,
  expected: HostTensor,
  tolerance: Tolerance,
  what: string,
): void {
  const { at, difference, allowed } = worstOf(actual, expected, tolerance, what);
  // The comparison is written so that NaN fails it.
  if (difference <= allowed) return;
  throw new AssertionError({
    message: `${what} is off: element ${at} of ${showType(actual)} is ${actual.data[at]}, ` +
      `expected ${expected.data[at]}, allowed difference ${allowed}`,
    actual: actual.data[at],
    expected: expected.data[at],
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
