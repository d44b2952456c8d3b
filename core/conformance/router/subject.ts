/** The router that is checked, and what it says of itself. */

import { type Router } from "../../contracts/mod.ts";
import { type Oracle } from "../oracle.ts";

/**
 * What a router may read for the decision about one token.
 *
 * - `"token"`: that token's state only
 * - `"prompt"`: the real tokens of its sequence's prompt, and it decides for tokens after that only
 * - `"sequence"`: all real tokens of the same sequence
 * - `"nothing"`: no state at all, as routers do that go by chance or by a rule
 */
export type Reads = "token" | "prompt" | "sequence" | "nothing";

/** A router to be checked. */
export interface RouterSubject {
  /** A fresh router, with any options. */
  make(): Router;
  /** What its numbers are held against. */
  readonly oracle: Oracle;
  /** What it reads; what it says of itself unless told. */
  readonly reads?: Reads;
}

/**
 * What a router reads by what it says of itself. A decision about single tokens may not depend on
 * earlier ones: with a cache these are not there any more.
 */
export function readsOf({ decidesBy, causal, promptTokens = 0 }: Router): Reads {
  if (decidesBy !== "state") return "nothing";
  if (causal === false) return "sequence";
  return promptTokens > 0 ? "prompt" : "token";
}
