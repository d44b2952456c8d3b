/** What the tests of the kits share: what becomes of promises that a wrong plugin makes. */

import assert from "node:assert/strict";
import { keepAll, type Outcome, type PluginPromise } from "../../../core/conformance/mod.ts";

/** The names of the promises that are broken, with what is said of each. */
export async function brokenOf(
  promises: readonly PluginPromise[],
): Promise<ReadonlyMap<string, string>> {
  const outcomes = await keepAll(promises);
  const broken = outcomes.filter(({ state }) => state === "FAIL");
  for (const { text } of broken) assertOneLine(text);
  return new Map(broken.map(({ name, text }) => [name, text]));
}

/** Asserts that these promises are broken and no others, and what is said of each. */
export async function assertBroken(
  promises: readonly PluginPromise[],
  expected: Readonly<Record<string, RegExp>>,
): Promise<void> {
  const broken = await brokenOf(promises);
  const said = JSON.stringify([...broken], null, 2);
  assert.deepEqual([...broken.keys()].sort(), Object.keys(expected).sort(), said);
  for (const [name, says] of Object.entries(expected)) assert.match(broken.get(name)!, says);
}

/** Asserts that nothing is broken. @returns all outcomes */
export async function assertKept(promises: readonly PluginPromise[]): Promise<Outcome[]> {
  const outcomes = await keepAll(promises);
  assert.deepEqual(outcomes.filter(({ state }) => state === "FAIL"), []);
  return outcomes;
}

function assertOneLine(text: string): void {
  assert.ok(!text.includes("\n"), `one line, not: ${text}`);
  assert.doesNotMatch(text, /\s+at (file|\w+ \()/, "no stack");
  assert.match(text, /: \S/, "it says what to look at");
}
