/** Checks plugins by name, and prints a line for each promise. */

import { keepAll, type Outcome, showOutcome } from "../../conformance/mod.ts";
import { PluginFault, UserError } from "../../contracts/errors.ts";
import { type Chosen } from "./options.ts";
import { subjectOf, type Surroundings } from "./subjects.ts";

/** What became of the promises of all that was checked. */
export interface Tally {
  readonly held: number;
  readonly broken: number;
  readonly skipped: number;
}

/**
 * Checks plugins one after the other.
 *
 * @param isNamed whether they were asked for by name: what cannot be opened is an error then, and a
 *   skipped line where it was merely brought along
 * @param print takes each line
 * @throws {UserError} when what a check takes cannot be had.
 */
export async function checkAll(
  chosen: readonly Chosen[],
  surroundings: Surroundings,
  isNamed: boolean,
  print: (line: string) => void,
): Promise<Tally> {
  const outcomes: Outcome[] = [];
  for (const one of chosen) {
    if (outcomes.length > 0) print("");
    outcomes.push(...await check(one, surroundings, isNamed, print));
  }
  const count = (wanted: Outcome["state"]) =>
    outcomes.filter(({ state }) => state === wanted).length;
  return { held: count("ok"), broken: count("FAIL"), skipped: count("skip") };
}

/** `40 promises hold, 1 is broken, 3 are skipped` */
export function showTally({ held, broken, skipped }: Tally): string {
  const are = (count: number) => count === 1 ? "is" : "are";
  return `${held} ${held === 1 ? "promise holds" : "promises hold"}, ` +
    `${broken} ${are(broken)} broken, ${skipped} ${are(skipped)} skipped`;
}

/** Longer names push their figures to the right. */
const WIDEST = 48;

async function check(
  chosen: Chosen,
  surroundings: Surroundings,
  isNamed: boolean,
  print: (line: string) => void,
): Promise<Outcome[]> {
  const title = `${chosen.kind} ${chosen.name}`;
  const open = new AsyncDisposableStack();
  const outcomes: Outcome[] = [];
  const tell = (outcome: Outcome) => {
    outcomes.push(outcome);
    print(showOutcome(outcome));
  };
  let subject: Awaited<ReturnType<typeof subjectOf>> | undefined;
  try {
    subject = await subjectOf(chosen, surroundings, open);
  } catch (error) {
    const isMissing = error instanceof UserError && !(error instanceof PluginFault);
    if (isMissing && isNamed) {
      await open.disposeAsync();
      throw error;
    }
    print(title);
    tell(failed("it can be opened", error));
  }
  if (subject) {
    const { about, promises } = subject;
    print(`${title}: ${about}`);
    const width = Math.min(WIDEST, Math.max(...promises.map(({ name }) => name.length)));
    outcomes.push(...await keepAll(promises, (outcome) => print(showOutcome(outcome, width))));
  }
  try {
    await open.disposeAsync();
  } catch (error) {
    // What was found before counts all the same.
    tell(failed("it can be closed", error));
  }
  return outcomes;
}

/** What came of opening or closing it: something that it takes is not here, or it is broken. */
function failed(name: string, error: unknown): Outcome {
  if (error instanceof PluginFault) return { name, state: "FAIL", text: error.message };
  if (error instanceof UserError) return { name, state: "skip", text: error.message };
  const said = error instanceof Error ? `it throws a ${error.name}: ${error.message}` : `${error}`;
  return { name, state: "FAIL", text: said.replaceAll(/\s*\n\s*/g, " ") };
}
