/** What sweeps, comparisons and analyses share: their folder, their trials, and what they say. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { type Launcher, type TrialEnd } from "../../contracts/launcher.ts";
import { isTemporary } from "../../io/atomic.ts";
import { isAnalysisFile } from "../analysis/files.ts";
import { isOpen } from "../run_lock.ts";
import { readRunRecord } from "../run_record.ts";
import { type SweepOptions } from "./command.ts";
import { refuseTwins, runTrials } from "./runner.ts";
import { type EarlyStopping, openSweep, sweepFolder, trialFolders } from "./sweep_folder.ts";
import { stateOf, type Trial, type TrialOutcome } from "./trial.ts";
import { describeTrial, forgetStop, stopOf } from "./trial_files.ts";

/** All that sweeps and comparisons leave in their folders. */
const OWN_FILES =
  /^(trials|submissions|sweep\.json|(trials|states|comparison|budgets)\.csv|(pareto|budgets)\.(svg|png|vl\.json))$/;

/** Removes a sweep's folder; refuses one that is something else. */
export function removeFolder(path: string): void {
  if (!fs.existsSync(path)) return;
  if (!fs.statSync(path).isDirectory()) {
    throw new UserError(`Cannot start over in ${path}: it is a file; choose another --out`);
  }
  const stranger = fs.readdirSync(path).find((name) =>
    !OWN_FILES.test(name) && !isAnalysisFile(name) && !isTemporary(name)
  );
  if (stranger !== undefined) {
    throw new UserError(
      `Cannot start over in ${path}: ${stranger} is not of a sweep; choose another --out`,
    );
  }
  const running = trialFolders(path).find(isOpen);
  if (running !== undefined) {
    throw new UserError(
      `Cannot start over in ${path}: ${running} is open in another process; wait for it, or give ` +
        `deno task sweep cancel ${path}`,
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

/** What is to be known to run trials. */
export interface LaunchOptions extends Pick<SweepOptions, "jobs" | "quiet" | "out"> {
  readonly launcher?: Launcher | undefined;
  readonly earlyStopping?: EarlyStopping | undefined;
}

/** Throws away what is there, where that is asked for; not where nothing is to be changed. */
export function startOver({ fresh, out, launcher }: SweepOptions): void {
  if (fresh && !launcher?.dryRun) removeFolder(out);
}

/**
 * Describes trials in their folders, has the launcher run them, and tells of each that ends unless told
 * to be quiet; without a launcher as {@link runTrials}.
 */
export async function runTold(
  trials: readonly Trial[],
  { jobs, quiet, out, launcher, earlyStopping }: LaunchOptions,
): Promise<TrialOutcome[]> {
  const events = quiet ? {} : { onEnd: tell, onRetry: tellRetry, onNote: console.error };
  if (launcher?.dryRun) {
    await launcher.run(trials, sweepFolder(out), events);
    return [];
  }
  // Before anything is written: folders that hold something else are refused.
  refuseTwins(trials);
  trials.forEach(stateOf);
  const sweep = openSweep(out, earlyStopping);
  for (const trial of trials) {
    describeOrLeave(trial);
    if (!earlyStopping && stopOf(trial.folder)?.kind === "hopeless") forgetStop(trial.folder);
  }
  const ends = launcher
    ? await launcher.run(trials, sweep, events)
    : await runTrials(trials, { jobs, ...events });
  return ends.map(withRecord);
}

/** A folder that cannot be made is that trial's failure when it is run, not the end of the others. */
function describeOrLeave(trial: Trial): void {
  try {
    describeTrial(trial);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

function withRecord(end: TrialEnd): TrialOutcome {
  return "kept" in end ? { ...end, record: readRunRecord(end.trial.folder) } : end;
}

/** In a few words what failed or was cancelled; undefined: nothing did. */
export function failureIn(outcomes: readonly TrialOutcome[]): string | undefined {
  const failed = outcomes.filter((outcome) => failureOf(outcome) !== undefined);
  const first = failed[0];
  return first && `${failed.length} of ${outcomes.length} trials failed; the first, ` +
      `${first.trial.name}, with ${failureOf(first)}`;
}

/** What went wrong with a trial; undefined where nothing did, or early stopping gave it up. */
export function failureOf(outcome: TrialOutcome): string | undefined {
  if ("failure" in outcome) return outcome.failure;
  if (!("stopped" in outcome) || outcome.stopped.kind === "hopeless") return undefined;
  const { kind, why } = outcome.stopped;
  return `${kind}: ${why}; deno task sweep retry lets it run again`;
}

/** Tells of a trial that has ended. */
function tell(end: TrialEnd, ended: number, total: number): void {
  console.error(`${ended}/${total}  ${end.trial.name}  ${howItEnded(end)}`);
  if ("failure" in end) { for (const line of end.log ?? []) console.error(`     | ${line}`); }
}

function howItEnded(end: TrialEnd): string {
  if ("failure" in end) return `failed: ${end.failure}`;
  if ("stopped" in end) {
    return end.stopped.kind === "hopeless"
      ? `given up: ${end.stopped.why}`
      : `cancelled: ${end.stopped.why}`;
  }
  if (end.kept) return "was done before";
  const { final } = readRunRecord(end.trial.folder);
  return `done: loss ${Number(final["loss"]).toFixed(4)}, skip ratio ` +
    `${Number(final["skipRatio"] ?? 0).toFixed(3)}`;
}

/** Tells of a trial that is tried again. */
function tellRetry(trial: Trial, failure: string): void {
  console.error(`     ${trial.name}  is tried again after ${failure}`);
}
