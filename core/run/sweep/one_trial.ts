/**
 * Runs one trial by its folder: what jobs of a cluster do, and a person by hand.
 *
 * A trial that is finished is not run again; one that another process runs just now is waited for. On
 * SIGUSR2 (a time limit is near), SIGTERM or Ctrl-C the experiment saves and ends, to be gone on with.
 */

import { hostname } from "node:os";
import { isOpen, OPEN_ELSEWHERE } from "../run_lock.ts";
import { type Attempt, startAttempt } from "./attempt.ts";
import { stateOf } from "./trial.ts";
import { describedTrial, noteFailure, stopOf } from "./trial_files.ts";

/** Exit codes of {@link runOneTrial}. */
export const TRIAL_CODES = {
  /** Finished, or not to be run any further. */
  ended: 0,
  /** It failed; the failure is noted in its folder. */
  failed: 1,
  /** Saved on a warning: to be run again from there. */
  saved: 75,
  /** Saved on Ctrl-C, and on SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const;

/** How one trial is run. */
export interface OneTrialOptions {
  readonly threads: number;
  /** Names this attempt, if it should fail. */
  readonly attempt?: string | undefined;
  /** Megabytes of 2^20 bytes that it may take, for messages. */
  readonly memory?: number | undefined;
}

/** Milliseconds between two looks at a trial that another process runs. */
const PATIENCE = 500;

const SIGNALS = {
  SIGUSR2: TRIAL_CODES.saved,
  SIGTERM: TRIAL_CODES.terminated,
  SIGINT: TRIAL_CODES.interrupted,
} as const;

/**
 * Runs a trial to its end, or until it is told to save.
 *
 * @returns one of {@link TRIAL_CODES}
 * @throws {UserError} when the folder describes no trial, or holds a run of other options.
 */
export async function runOneTrial(folder: string, options: OneTrialOptions): Promise<number> {
  const trial = describedTrial(folder);
  using asked = new Asked();
  let told = false;
  const say = (line: string) => console.error(line);
  while (true) {
    const state = stateOf(trial);
    if (state === "finished") {
      say(`${trial.name} is finished`);
      return TRIAL_CODES.ended;
    }
    const stopped = stopOf(trial.folder);
    if (stopped) {
      say(`${trial.name} is not to be run any further: ${stopped.kind}, ${stopped.why}`);
      return TRIAL_CODES.ended;
    }
    if (asked.code !== undefined) return asked.code;
    if (isOpen(trial.folder)) {
      if (!told) say(`${trial.name} ${OPEN_ELSEWHERE}: waiting for it`);
      told = true;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      continue;
    }
    const attempt = startAttempt(trial, state, {
      threads: options.threads,
      directory: existing(trial.directory),
      onLine: say,
    });
    asked.attempt = attempt;
    if (asked.code !== undefined) attempt.stop();
    const end = await attempt.end;
    asked.attempt = undefined;
    if (end.finished || stateOf(trial) === "finished" || end.stopped) continue;
    if (asked.code !== undefined) return asked.code;
    if (end.reason.includes(OPEN_ELSEWHERE)) continue;
    const given = end.signal === "SIGKILL" && options.memory
      ? `, of ${options.memory} MB that it was given`
      : "";
    const reason = `${end.reason}${given}`;
    noteFailure(trial.folder, options.attempt ?? `${hostname()}-${Deno.pid}-${Date.now()}`, {
      reason,
      log: end.log,
    });
    say(`${trial.name} failed: ${reason}`);
    return TRIAL_CODES.failed;
  }
}

/** The folder if this machine sees it. */
function existing(folder: string): string {
  try {
    return Deno.statSync(folder).isDirectory ? folder : Deno.cwd();
  } catch {
    return Deno.cwd();
  }
}

/** Notices signals, and hands them on to the attempt as the one on which training saves. */
class Asked implements Disposable {
  code: number | undefined;
  attempt: Attempt | undefined;
  readonly #listeners = Object.entries(SIGNALS).map(([signal, code]) => ({
    signal: signal as Deno.Signal,
    listener: () => {
      if (this.code === TRIAL_CODES.interrupted && signal === "SIGINT") Deno.exit(code);
      this.code ??= code;
      console.error(`${signal}: saving`);
      // A terminal has told the experiment already; telling it twice would kill it.
      if (signal !== "SIGINT" || !Deno.stdin.isTerminal()) this.attempt?.stop();
    },
  }));

  constructor() {
    for (const { signal, listener } of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
