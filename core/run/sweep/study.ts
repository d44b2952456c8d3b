/** What sweeps, comparisons and analyses share: their folder, their trials, and what they say. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { isAnalysisFile } from "../analysis/files.ts";
import { type SweepOptions } from "./command.ts";
import { runTrials } from "./runner.ts";
import { type Trial, type TrialOutcome } from "./trial.ts";

/** All that sweeps and comparisons leave in their folders. */
const OWN_FILES =
  /^(trials|(trials|comparison|budgets)\.csv|(pareto|budgets)\.(svg|png|vl\.json))$/;

/** Removes a sweep's folder; refuses one that is something else. */
export function removeFolder(path: string): void {
  if (!fs.existsSync(path)) return;
  if (!fs.statSync(path).isDirectory()) {
    throw new UserError(`Cannot start over in ${path}: it is a file; choose another --out`);
  }
  const stranger = fs.readdirSync(path).find((name) =>
    !OWN_FILES.test(name) && !isAnalysisFile(name)
  );
  if (stranger !== undefined) {
    throw new UserError(
      `Cannot start over in ${path}: ${stranger} is not of a sweep; choose another --out`,
    );
  }
  fs.rmSync(path, { recursive: true });
}

/** What the trial of a key and a seed is called. */
export const trialName = (key: string, seed: number) => `${key} seed=${seed}`;

/**
 * The trial of a key and a seed.
 *
 * @param script path of the experiment's script
 * @param args options of the experiment, but for the seed
 */
export function seedTrial(
  key: string,
  seed: number,
  script: string,
  args: readonly string[],
  { out }: Pick<SweepOptions, "out">,
): Trial {
  return {
    name: trialName(key, seed),
    script,
    folder: join(out, "trials", `${key},seed=${seed}`),
    args: [...args, "--set", `seed=${seed}`],
  };
}

/** Settings as options. */
export function setArgs(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ["--set", setting]);
}

/** Runs trials and tells of each that ends, unless told to be quiet; see {@link runTrials}. */
export function runTold(
  trials: readonly Trial[],
  { jobs, quiet }: Pick<SweepOptions, "jobs" | "quiet">,
): Promise<TrialOutcome[]> {
  return runTrials(trials, { jobs, ...(quiet ? {} : { onEnd: tell, onRetry: tellRetry }) });
}

/** In a few words what failed; undefined: nothing did. */
export function failureIn(outcomes: readonly TrialOutcome[]): string | undefined {
  const failed = outcomes.filter((outcome) => "failure" in outcome);
  const first = failed[0];
  return first && `${failed.length} of ${outcomes.length} trials failed; the first, ` +
      `${first.trial.name}, with ${first.failure}`;
}

/** Tells of a trial that has ended. */
function tell(outcome: TrialOutcome, ended: number, total: number): void {
  const how = "failure" in outcome
    ? `failed: ${outcome.failure}`
    : outcome.kept
    ? "was done before"
    : `done: loss ${Number(outcome.record.final["loss"]).toFixed(4)}, skip ratio ` +
      `${Number(outcome.record.final["skipRatio"] ?? 0).toFixed(3)}`;
  console.error(`${ended}/${total}  ${outcome.trial.name}  ${how}`);
}

/** Tells of a trial that is tried again. */
function tellRetry(trial: Trial, failure: string): void {
  console.error(`     ${trial.name}  is tried again after ${failure}`);
}
