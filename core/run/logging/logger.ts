/**
 * What a logger is: somewhere that the numbers of a run are shown, beside the CSV files that stay
 * the record of them. A further one is a file that makes a {@link LoggerKind}, its name in
 * `names.ts` and a line in `run_logging.ts`.
 */

import { type RunRecord } from "../run_record.ts";
import { type LoggingChoice } from "./names.ts";

/** Numbers by tag, such as `loss/train`; what comes before the slash groups them. */
export type Scalars = Readonly<Record<string, number>>;

/** The numbers of one optimizer step. */
export interface LoggedStep {
  readonly step: number;
  /** When it was taken, in milliseconds since 1970; of steps read from a file: when they were read. */
  readonly time: number;
  readonly scalars: Scalars;
}

/** The run that is logged. */
export interface LoggedRun {
  /** Its folder. */
  readonly folder: string;
  readonly record: RunRecord;
  /** The step that it goes on after; 0 for a new one. */
  readonly after: number;
  /** The steps up to that one, for a logger that has not got them all. */
  readonly history: () => readonly LoggedStep[];
}

/** How a run ended. A killed one does not end, and is continued. */
export type LogOutcome = "finished" | "interrupted" | "failed";

/** A logger at work. */
export interface MetricLogger {
  /**
   * Takes the numbers of a step. May not wait for anything outside of this machine.
   *
   * @throws {UserError} when the disk is full.
   */
  log(step: LoggedStep): void;
  /** Forces what was written to the disk: a checkpoint of this step is about to be. */
  flush?(): void;
  /**
   * Ends the logging, in a bounded time.
   *
   * @param final the numbers of a finished run, as `run.json` has them
   * @returns what the user should know, a line each, such as what could not be sent
   */
  end(outcome: LogOutcome, final: RunRecord["final"]): Promise<readonly string[]>;
}

/** A logger that can be used, as far as can be told before there is a run. */
export interface ReadyLogger {
  /**
   * Begins to log a run, or goes on with it: no step is shown twice.
   *
   * @throws {UserError} when it cannot.
   */
  open(run: LoggedRun): Promise<MetricLogger>;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A kind of logger. */
export interface LoggerKind {
  /**
   * Makes sure that it can be used, before anything is loaded or written.
   *
   * @param experiment name of the experiment that is to be run
   * @throws {UserError} when it cannot, with what to do.
   */
  prepare(
    choice: LoggingChoice,
    experiment: string,
    environment: Environment,
  ): Promise<ReadyLogger>;
}
