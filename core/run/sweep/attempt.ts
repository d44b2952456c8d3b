/** One attempt at a trial: the experiment in a child process, watched until it ends. */

import fs from "node:fs";
import { dirname, join } from "node:path";
import { type Stop } from "../../contracts/launcher.ts";
import { UserError } from "../../contracts/errors.ts";
import { childScript } from "../child_script.ts";
import { TRIAL_FILES } from "../run_folder.ts";
import { readRunRecord } from "../run_record.ts";
import { Judge } from "./early_stopping.ts";
import { earlyStoppingOf, trialFolders } from "./sweep_folder.ts";
import { peakMemoryOf, type Trial, type TrialOutcome, type TrialState } from "./trial.ts";
import { isFolder, noteStop, stopOf } from "./trial_files.ts";

/** How an attempt is made. */
export interface AttemptOptions {
  /** Threads for a run that is begun now; one that goes on keeps those that it had. */
  readonly threads: number;
  /** Folder that paths in the options count from; the current one unless told. */
  readonly directory?: string;
  /** Told of every line that is printed, which then is progress too. */
  readonly onLine?: (line: string) => void;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** Whether the run is finished. */
  readonly finished: boolean;
  /** What went wrong, in a line, if anything did. */
  readonly reason: string;
  /** The last lines that were printed. */
  readonly log: string[];
  /** Present where it was ended because the trial is not to be run any further. */
  readonly stopped?: Stop;
}

/** An attempt that is being made. */
export interface Attempt {
  readonly end: Promise<AttemptEnd>;
  /** Has it saved and ended. */
  stop(): void;
}

/** Milliseconds between two looks. */
const EVERY = 500;

/** Lines that are kept of what it prints. */
const KEPT_LINES = 200;
const TAIL = 20;

/** Starts a trial, or goes on with one that was cut off. */
export function startAttempt(trial: Trial, state: TrialState, options: AttemptOptions): Attempt {
  const { threads, directory, onLine } = options;
  // A run goes on with the threads that it began with, as sums may be split by them.
  const where = state === "unfinished"
    ? ["--resume", trial.folder]
    : ["--fresh", "--out", trial.folder, "--set", `backend.threads=${threads}`];
  const args = [...where, ...trial.args, ...(onLine ? [] : ["--quiet"])];
  const child = childScript(trial.script, args, {
    stdout: "null",
    stderr: "piped",
    ...(directory === undefined ? {} : { cwd: directory }),
  }).spawn();
  let asked = false;
  const stop = () => {
    // A second time would end it before it has saved.
    if (asked) return;
    asked = true;
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended by itself.
    }
  };
  return { end: endOf(trial, child, stop, onLine), stop };
}

async function endOf(
  trial: Trial,
  child: Deno.ChildProcess,
  stop: () => void,
  onLine: (line: string) => void = () => {},
): Promise<AttemptEnd> {
  using watch = new Watch(trial, stop);
  const lines: string[] = [];
  const [, { code, signal }] = await Promise.all([
    readLines(child.stderr, (line) => {
      onLine(line);
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    }),
    child.status,
  ]);
  const log = lines.filter((line) => line.trim() !== "").slice(-TAIL);
  const end = { code, signal, log };
  if (code === 0) return { ...end, ...finishedOrNot(trial) };
  const { stopped } = watch;
  const reason = signal === "SIGKILL"
    ? `it was killed (SIGKILL), most likely for memory${memoryOf(trial)}`
    : `exit code ${code}: ${telling(lines) ?? "it said nothing"}`;
  return { ...end, finished: false, reason, ...(stopped ? { stopped } : {}) };
}

/** `: it had taken 512 MB`, as far as its metrics tell. */
function memoryOf(trial: Trial): string {
  const peak = peakMemoryOf(trial);
  return peak === undefined ? "" : `: it had taken ${Math.round(peak / 2 ** 20)} MB`;
}

/** The line that says what went wrong. */
function telling(lines: readonly string[]): string | undefined {
  const said = lines.map((line) => line.trim()).filter((line) => line !== "");
  return said.findLast((line) => /^error:|^Stopped|^\w*Error:/.test(line)) ?? said.at(-1);
}

function finishedOrNot(trial: Trial): Pick<AttemptEnd, "finished" | "reason"> {
  try {
    if (readRunRecord(trial.folder).status === "finished") return { finished: true, reason: "" };
    return { finished: false, reason: "exit code 0, but its run is not finished" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { finished: false, reason: `exit code 0, but ${error.message}` };
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}

/** Looks now and then whether a trial is to go on. */
class Watch implements Disposable {
  stopped: Stop | undefined;
  readonly #judge: Judge | undefined;
  readonly #timer = setInterval(() => this.#look(), EVERY);

  constructor(
    private readonly trial: Trial,
    private readonly stop: () => void,
  ) {
    const rule = earlyStoppingOf(trial.folder);
    const sweep = dirname(dirname(trial.folder));
    this.#judge = rule && new Judge(rule, trial.folder, () => trialFolders(sweep));
  }

  #look(): void {
    if (this.stopped) return;
    this.stopped = this.#reasonToStop();
    if (this.stopped) this.stop();
  }

  #reasonToStop(): Stop | undefined {
    const { folder } = this.trial;
    if (!fs.existsSync(join(folder, TRIAL_FILES.stop))) {
      const verdict = this.#judge?.verdict();
      if (verdict) noteStop(folder, verdict);
      return verdict;
    }
    return stopOf(folder);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A trial that runs. */
export interface RunningTrial {
  readonly trial: Trial;
  readonly outcome: Promise<TrialOutcome>;
  stop(): void;
}

/** As {@link startAttempt}, quietly; what a failed attempt printed goes into the trial's log. */
export function startTrial(trial: Trial, state: TrialState, threads: number): RunningTrial {
  const { end, stop } = startAttempt(trial, state, { threads });
  return { trial, outcome: outcomeOf(trial, end), stop };
}

async function outcomeOf(trial: Trial, end: Promise<AttemptEnd>): Promise<TrialOutcome> {
  const { finished, reason, log, stopped } = await end;
  if (finished) return { trial, record: readRunRecord(trial.folder), kept: false };
  if (stopped) return { trial, stopped };
  if (log.length > 0 && isFolder(trial.folder)) {
    fs.appendFileSync(join(trial.folder, TRIAL_FILES.log), log.join("\n") + "\n");
  }
  return { trial, failure: reason, log };
}
