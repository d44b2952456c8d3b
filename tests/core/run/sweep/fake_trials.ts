/** Fake experiments in folders of their own, records of runs, and what is printed. */

import { FakeExperiment } from "../../../../core/conformance/launcher/fake_experiment.ts";
import { inFolder } from "../../io/support.ts";

export {
  FakeExperiment,
  type Note,
  writeRecord,
} from "../../../../core/conformance/launcher/fake_experiment.ts";

/** Runs `body` with a fake experiment in a folder that is removed afterwards. */
export function withFake(
  body: (fake: FakeExperiment) => void | Promise<void>,
  final?: string,
): Promise<void> {
  return inFolder((folder) => body(new FakeExperiment(folder, final)));
}

/** What is printed while `body` runs: lines of `console.log`, and of `console.error`. */
export async function printedBy(
  body: () => Promise<void>,
): Promise<{ out: string[]; errors: string[] }> {
  const printed = { out: [] as string[], errors: [] as string[] };
  const { log, error } = console;
  console.log = (...words: unknown[]) => printed.out.push(...words.join(" ").split("\n"));
  console.error = (...words: unknown[]) => printed.errors.push(...words.join(" ").split("\n"));
  try {
    await body();
  } finally {
    Object.assign(console, { log, error });
  }
  return printed;
}
