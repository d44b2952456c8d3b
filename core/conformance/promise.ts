/**
 * What a plugin promises, as data: a name, what to look at when it does not hold, and a check that
 * measures it. A command prints them a line each; tests run the same, a test each.
 */

import { AssertionError } from "node:assert/strict";
import { UserError } from "../contracts/mod.ts";

/** A number that was measured, and how large it may be. */
export interface Figure {
  /** What was measured, such as `max difference`. */
  readonly what: string;
  /** What came out. */
  readonly value: number;
  /** A value above it, or none at all (NaN), breaks the promise. */
  readonly bound: number;
}

/** What a check found: a number beside its bound, or a few words where the promise holds. */
export type Finding = Figure | string;

/** One thing that every plugin of a kind satisfies. */
export interface PluginPromise {
  /** A few words, such as `compacted = gated`; no two promises of a plugin have the same. */
  readonly name: string;
  /** What to look at when it does not hold. */
  readonly lookAt: string;
  /** Why it cannot be asked of this plugin; absent where it can. */
  readonly skip?: string | undefined;
  /** The promise without which this one says nothing; it is skipped where that does not hold. */
  readonly needs?: string | undefined;
  /**
   * Measures it.
   *
   * @throws {Error} when it does not hold; the message says what was found.
   */
  check(): Finding | Promise<Finding>;
}

/** What became of a promise. */
export interface Outcome {
  /** The promise's. */
  readonly name: string;
  /** `skip`: it could not be asked. */
  readonly state: "ok" | "FAIL" | "skip";
  /** What was found, or why nothing was asked; of a broken promise also what to look at. */
  readonly text: string;
}

/** Checks one promise. Never throws: a check that does is a broken promise. */
export async function keep(promise: PluginPromise): Promise<Outcome> {
  const { name, lookAt, skip } = promise;
  if (skip !== undefined) return { name, state: "skip", text: skip };
  try {
    const finding = await promise.check();
    if (typeof finding === "string") return { name, state: "ok", text: finding };
    const text = showFigure(finding);
    // Written so that NaN breaks it.
    if (finding.value <= finding.bound) return { name, state: "ok", text };
    return { name, state: "FAIL", text: `${text}: ${lookAt}` };
  } catch (error) {
    return { name, state: "FAIL", text: `${messageOf(error)}: ${lookAt}` };
  }
}

/**
 * Checks promises one after the other.
 *
 * @param onOutcome told of each as soon as it is known
 */
export async function keepAll(
  promises: readonly PluginPromise[],
  onOutcome: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes = new Map<string, Outcome>();
  for (const promise of promises) {
    const before = promise.needs === undefined ? undefined : outcomes.get(promise.needs);
    const outcome: Outcome = before && before.state !== "ok"
      ? { name: promise.name, state: "skip", text: `it needs "${before.name}"` }
      : await keep(promise);
    outcomes.set(promise.name, outcome);
    onOutcome(outcome);
  }
  return [...outcomes.values()];
}

/**
 * A promise as a test, for `Deno.test`.
 *
 * @param subject whose promise it is; it opens the test's name
 */
export function testOf(subject: string, promise: PluginPromise): Deno.TestDefinition {
  return {
    name: `${subject}: ${promise.name}`,
    ignore: promise.skip !== undefined,
    async fn() {
      const { state, text } = await keep(promise);
      if (state === "FAIL") throw new AssertionError({ message: text });
    },
  };
}

/** One line: `ok    compacted = gated  max difference 3.1e-15, bound 1e-9`. */
export function showOutcome({ state, name, text }: Outcome, width = name.length): string {
  return `${state.padEnd(4)}  ${name.padEnd(width)}  ${text}`.trimEnd();
}

/** `max difference 3.1e-7, bound 1e-4` */
export function showFigure({ what, value, bound }: Figure): string {
  return `${what} ${showNumber(value)}, bound ${showNumber(bound)}`;
}

/** A number in a few digits. */
export function showNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(3)));
  return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
}

/** What an error says, in a line. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `it throws ${String(error)}`;
  const said = error.message.replaceAll(/\s*\n\s*/g, " ").trim();
  const isSaid = error instanceof AssertionError || error instanceof UserError;
  return isSaid ? said : `it throws a ${error.name}: ${said}`;
}
