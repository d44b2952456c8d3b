/**
 * Runs trials in child processes, as many at once as cores and memory allow: what the launcher `local`
 * does.
 *
 * What is finished is not run again, what was cut off goes on, what failed is tried once more. Ctrl-C
 * stops the children in good order, so the same command continues.
 */

import { hostname } from "node:os";
import { Interrupted, UserError } from "../../contracts/errors.ts";
import { StopSignal } from "../stop_signal.ts";
import { type RunningTrial, startTrial } from "./attempt.ts";
import { peakMemoryOf, stateOf, type Trial, type TrialOutcome } from "./trial.ts";
import { forgetFailures, isFolder, noteFailure, stopOf } from "./trial_files.ts";

/** How trials are run. */
export interface RunnerOptions {
  /** Trials at once; 0: as many as cores and memory allow. */
  readonly jobs: number;
  /** How often a failed trial is tried again. */
  readonly retries?: number;
  /** Told of every trial that ends. */
  readonly onEnd?: (outcome: TrialOutcome, ended: number, total: number) => void;
  /** Told of every failure that is tried again. */
  readonly onRetry?: (trial: Trial, failure: string) => void;
}

/** A trial must fit this often into the memory that is left. */
const MARGIN = 1.2;

/** Seconds between two looks at the memory. */
const PATIENCE = 1;

/**
 * Runs all trials; outcomes in their order.
 *
 * @throws {UserError} when a folder holds something else than its trial.
 * @throws {Interrupted} after Ctrl-C, when the running trials are saved.
 */
export async function runTrials(
  trials: readonly Trial[],
  { jobs, retries = 1, onEnd = () => {}, onRetry = () => {} }: RunnerOptions,
): Promise<TrialOutcome[]> {
  refuseTwins(trials);
  const { readRunRecord } = await import("../run_record.ts");
  const states = trials.map(stateOf);
  const cores = navigator.hardwareConcurrency;
  const most = jobs > 0 ? jobs : cores;
  const left = states.filter((state) => state !== "finished").length;
  const threads = Math.max(1, Math.floor(cores / Math.max(1, Math.min(most, left))));

  const outcomes = new Map<Trial, TrialOutcome>();
  const tries = new Map<Trial, number>();
  const ended = (outcome: TrialOutcome) => {
    outcomes.set(outcome.trial, outcome);
    onEnd(outcome, outcomes.size, trials.length);
  };
  const keep = (trial: Trial) => ended({ trial, record: readRunRecord(trial.folder), kept: true });
  const waiting = trials.filter((trial, i) => {
    const stopped = stopOf(trial.folder);
    if (states[i] === "finished") keep(trial);
    else if (stopped) ended({ trial, stopped });
    else return true;
    return false;
  });
  // What failed too often before is tried again.
  for (const { folder } of waiting) if (isFolder(folder)) forgetFailures(folder);
  const running = new Set<RunningTrial>();
  using stop = new StopSignal(() => {
    console.error("\nStopping when the running trials are saved; Ctrl-C again stops at once.");
    // A terminal has told them already; telling twice would kill them.
    if (!Deno.stdin.isTerminal()) { for (const one of running) one.stop(); }
  });

  const launch = () => {
    const trial = waiting.shift()!;
    const state = stateOf(trial);
    // Another process may have brought it to its end meanwhile.
    if (state === "finished") keep(trial);
    else running.add(startTrial(trial, state, threads));
  };
  while ((waiting.length > 0 && !stop.asked) || running.size > 0) {
    const room = running.size === 0 || (running.size < most && (jobs > 0 || fits(trials)));
    if (waiting.length > 0 && !stop.asked && room) {
      launch();
      continue;
    }
    const first = await firstToEnd(running);
    if (!first) continue;
    const { one, outcome } = first;
    running.delete(one);
    if ("failure" in outcome && !stop.asked) {
      const { failure: reason, log = [] } = outcome;
      const key = `${hostname()}-${Deno.pid}-${Date.now()}`;
      if (isFolder(one.trial.folder)) noteFailure(one.trial.folder, key, { reason, log });
      const failures = (tries.get(one.trial) ?? 0) + 1;
      tries.set(one.trial, failures);
      if (failures <= retries) {
        onRetry(one.trial, outcome.failure);
        waiting.unshift(one.trial);
        continue;
      }
    }
    if (!stop.asked || !("failure" in outcome)) ended(outcome);
  }
  if (stop.asked) {
    throw new Interrupted(
      `Stopped with ${outcomes.size} of ${trials.length} trials done; the same command goes on`,
    );
  }
  return trials.map((trial) => outcomes.get(trial)!);
}

/** Refuses trials of the same folder. @throws {UserError} */
export function refuseTwins(trials: readonly Trial[]): void {
  const seen = new Set<string>();
  for (const { folder, name } of trials) {
    if (seen.has(folder)) throw new UserError(`Two trials are called "${name}": leave one out`);
    seen.add(folder);
  }
}

/** Whether one more trial like those that were seen fits into memory; not before one was seen. */
function fits(trials: readonly Trial[]): boolean {
  const peaks = trials.map(peakMemoryOf).filter((peak) => peak !== undefined);
  return peaks.length > 0 && Deno.systemMemoryInfo().available > MARGIN * Math.max(...peaks);
}

/** The first trial that ends; undefined when none did for a while and memory is worth a look. */
async function firstToEnd(running: ReadonlySet<RunningTrial>) {
  const { promise: patience, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), 1000 * PATIENCE);
  const ends = [...running].map(async (one) => ({ one, outcome: await one.outcome }));
  const first = await Promise.race([...ends, patience]);
  clearTimeout(timer);
  return first;
}
