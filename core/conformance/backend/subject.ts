/** The backend that is checked, and the small program that most checks run. */

import { type Backend } from "../../contracts/mod.ts";
import { add, input } from "../../graph/mod.ts";
import { type Tolerance } from "../closeness.ts";
import { signed } from "../operations/cases.ts";
import { type Oracle } from "../oracle.ts";

/** A backend to be checked. */
export interface BackendSubject {
  /** A fresh one; whoever asks disposes of it. */
  make(): Backend | Promise<Backend>;
  /** How far its numbers may be from the oracle's. */
  readonly tolerance: Tolerance;
  /** What its numbers are held against. */
  readonly oracle: Oracle;
}

/** Inputs of the small program: b is added to each row of a. */
export const a = input("a", [2, 3]);
export const b = input("b", [3]);
export const sum = add(a, b);
export const feeds = { a: signed(2, 3)("a"), b: signed(3)("b") };
