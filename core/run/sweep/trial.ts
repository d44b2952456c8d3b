/** One run among many: a child process with a folder of its own. */

import fs from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { childScript } from "../child_script.ts";
import { readMetrics } from "../metrics_csv.ts";
import { readRunRecord, RUN_RECORD, type RunRecord } from "../run_record.ts";
import { METRICS_FILE } from "../train_run.ts";

/** What is to be run. */
export interface Trial {
  /** What tells it from the others, such as `targetSkip=0.3 seed=1`. */
  readonly name: string;
  /** Path of the experiment's script. */
  readonly script: string;
  /** Options of the experiment. */
  readonly args: readonly string[];
  /** Folder of its run. */
  readonly folder: string;
}

/** A trial and how it ended. */
export type TrialOutcome =
  & { readonly trial: Trial }
  & (
    | { readonly record: RunRecord; /** Was finished before. */ readonly kept: boolean }
    | { readonly failure: string }
  );

/** Where a trial stands, by what its folder holds. */
export type TrialState = "absent" | "unfinished" | "finished";

/** A command line, but for where it writes and logs to and what the machine decides. */
function essence(commandLine: string): string {
  return commandLine.replaceAll(
    / --(out|resume|log|tracking-uri) .+?(?= --|$)| --set backend\.threads=\d+(?= |$)| --(fresh|quiet)(?= |$)/g,
    "",
  );
}

/** What a child process is started with. */
function commandOf(trial: Trial, state: TrialState, threads: number): string[] {
  // A run goes on with the threads that it began with, as sums may be split by them.
  const where = state === "unfinished"
    ? ["--resume", trial.folder]
    : ["--fresh", "--out", trial.folder, "--set", `backend.threads=${threads}`];
  return [...where, ...trial.args, "--quiet"];
}

/**
 * Where a trial stands.
 *
 * @throws {UserError} when its folder holds a run of another experiment or other options.
 */
export function stateOf(trial: Trial): TrialState {
  if (!fs.existsSync(join(trial.folder, RUN_RECORD))) return "absent";
  const record = readRunRecord(trial.folder);
  const own = ["deno task", basename(trial.script, ".ts"), ...trial.args].join(" ");
  if (essence(record.commandLine) !== essence(own)) {
    throw new UserError(
      `${trial.folder} holds a run of other options (${record.commandLine}): remove it, or choose ` +
        "another --out",
    );
  }
  return record.status === "finished" ? "finished" : "unfinished";
}

/** The most memory that a trial has taken so far, in bytes; undefined before its first step. */
export function peakMemoryOf(trial: Trial): number | undefined {
  const path = join(trial.folder, METRICS_FILE);
  if (!fs.existsSync(path)) return undefined;
  const peaks = readMetrics(path).map((row) => row["peak_memory_mb"] ?? 0);
  return peaks.length === 0 ? undefined : Math.max(...peaks) * 2 ** 20;
}

/** A trial that runs. */
export interface RunningTrial {
  readonly trial: Trial;
  readonly outcome: Promise<TrialOutcome>;
  stop(): void;
}

/** Starts a trial, or goes on with one that was cut off. */
export function startTrial(trial: Trial, state: TrialState, threads: number): RunningTrial {
  const child = childScript(trial.script, commandOf(trial, state, threads), {
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return {
    trial,
    outcome: outcomeOf(trial, child),
    stop: () => {
      try {
        child.kill("SIGINT");
      } catch {
        // It has ended by itself.
      }
    },
  };
}

async function outcomeOf(trial: Trial, child: Deno.ChildProcess): Promise<TrialOutcome> {
  const [errors, { code }] = await Promise.all([
    new Response(child.stderr).text(),
    child.status,
  ]);
  if (code === 0) return finishedOutcome(trial);
  const said = errors.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const reason = said.findLast((line) => /^error:|^Stopped|^\w*Error:/.test(line)) ?? said.at(-1);
  return { trial, failure: `exit code ${code}: ${reason ?? "it said nothing"}` };
}

function finishedOutcome(trial: Trial): TrialOutcome {
  try {
    const record = readRunRecord(trial.folder);
    if (record.status === "finished") return { trial, record, kept: false };
    return { trial, failure: "exit code 0, but its run is not finished" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { trial, failure: `exit code 0, but ${error.message}` };
  }
}
