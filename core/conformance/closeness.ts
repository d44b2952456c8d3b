/** How far tensors are apart, and how close is close. */

import { AssertionError } from "node:assert/strict";
import { type HostTensor, showType } from "../tensor/mod.ts";
import { type Figure } from "./promise.ts";

/** How far two numbers may be apart: `absolute + relative * |expected|`. */
export interface Tolerance {
  /** Share of the expected number. */
  readonly relative: number;
  /** Whatever the expected number is. */
  readonly absolute: number;
}

/** Usual tolerances, by what is compared. */
export const CLOSE = {
  /** Two ways to compute the same in float64; some hundred roundings apart at most. */
  float64: { relative: 1e-12, absolute: 1e-12 },
  /** As float64, where a factor of the graph is a float32 constant, such as the 1/3 of a mean. */
  constants: { relative: 2e-7, absolute: 2e-7 },
  /** A float32 backend against float64 on small tensors of order one: some float32 roundings. */
  float32: { relative: 1e-5, absolute: 2e-6 },
} as const satisfies Record<string, Tolerance>;

/** The element of two tensors that is worst, measured by what is allowed there. */
export interface Worst {
  /** Its place; 0 where all are the same. */
  readonly at: number;
  readonly difference: number;
  readonly allowed: number;
}

/**
 * The worst element of two tensors of the same type.
 *
 * @param what what they are, for the message
 * @throws {AssertionError} when their types differ.
 */
export function worstOf(
  actual: HostTensor,
  expected: HostTensor,
  { relative, absolute }: Tolerance,
  what: string,
): Worst {
  const types = [showType(actual), showType(expected)] as const;
  if (types[0] !== types[1] || actual.data.length !== expected.data.length) {
    throw new AssertionError({ message: `${what} is ${types[0]}, expected ${types[1]}` });
  }
  let worst: Worst = { at: 0, difference: 0, allowed: absolute };
  let worstExcess = -1;
  for (let at = 0; at < expected.data.length; at++) {
    const a = actual.data[at]!;
    const e = expected.data[at]!;
    const allowed = absolute + relative * Math.abs(e);
    const difference = Object.is(a, e) || a === e ? 0 : Math.abs(a - e);
    const excess = difference === 0 ? 0 : difference / allowed;
    // Written so that NaN is the worst there is.
    if (excess <= worstExcess) continue;
    worst = { at, difference, allowed };
    worstExcess = Number.isNaN(excess) ? Infinity : excess;
  }
  return worst;
}

/** As {@link worstOf}, as a figure. */
export function closeness(
  actual: HostTensor,
  expected: HostTensor,
  tolerance: Tolerance,
  what = "max difference",
): Figure {
  const { difference, allowed } = worstOf(actual, expected, tolerance, what);
  return { what, value: difference, bound: allowed };
}

/** The figure that is worst beside its bound. @throws {TypeError} without any. */
export function worstFigure(figures: readonly Figure[]): Figure {
  const excess = ({ value, bound }: Figure) =>
    value === 0 ? 0 : Number.isNaN(value) ? Infinity : value / bound;
  return figures.reduce((worst, one) => excess(one) > excess(worst) ? one : worst);
}

/** The largest magnitude of a tensor; NaN if any element is. */
export function largestOf({ data }: HostTensor): number {
  let largest = 0;
  for (const x of data) largest = Number.isNaN(x) ? NaN : Math.max(largest, Math.abs(x));
  return largest;
}

/** The largest difference between two tensors of the same type. @throws {AssertionError} */
export function distance(actual: HostTensor, expected: HostTensor): number {
  return worstOf(actual, expected, { relative: 0, absolute: 1 }, "the result").difference;
}
