/** All loggers of a run together. */

import { type OpenRun } from "../run_folder.ts";
import {
  type Environment,
  type LoggedStep,
  type LoggerKind,
  type LogOutcome,
  type MetricLogger,
  type ReadyLogger,
} from "./logger.ts";
import { type LoggerName, type LoggingChoice } from "./names.ts";

/** Loggers are loaded when they are chosen. */
const KINDS: Readonly<Record<LoggerName, () => Promise<LoggerKind>>> = {
  tensorboard: async () => (await import("./tensorboard/logger.ts")).TENSORBOARD,
  mlflow: async () => (await import("./mlflow/logger.ts")).MLFLOW,
};

/** The loggers of a run, from before there is one to its end. */
export class RunLogging {
  readonly #ready: readonly ReadyLogger[];
  #open: MetricLogger[] = [];

  private constructor(ready: readonly ReadyLogger[]) {
    this.#ready = ready;
  }

  /**
   * Makes sure that all loggers can be used.
   *
   * @param experiment name of the experiment that is to be run
   * @throws {UserError} when one cannot.
   */
  static async prepare(
    choice: LoggingChoice,
    experiment: string,
    environment: Environment = Deno.env.toObject(),
  ): Promise<RunLogging> {
    const ready: ReadyLogger[] = [];
    for (const name of choice.loggers) {
      ready.push(await (await KINDS[name]()).prepare(choice, experiment, environment));
    }
    return new RunLogging(ready);
  }

  /**
   * Begins to log a run, or goes on with it.
   *
   * @param after the step that it goes on after; 0 for a new one
   * @param history the steps up to that one
   * @throws {UserError} when a logger cannot.
   */
  async begin(
    { path, record }: OpenRun,
    after: number,
    history: () => readonly LoggedStep[],
  ): Promise<void> {
    for (const logger of this.#ready) {
      this.#open.push(await logger.open({ folder: path, record, after, history }));
    }
  }

  /** Takes the numbers of a step. @throws {UserError} when the disk is full. */
  log(step: LoggedStep): void {
    for (const logger of this.#open) logger.log(step);
  }

  /** Forces what was written to the disk. */
  flush(): void {
    for (const logger of this.#open) logger.flush?.();
  }

  /**
   * Ends the logging, in a bounded time; does nothing when that was done before.
   *
   * @returns what the user should know, a line each
   */
  async end(
    outcome: LogOutcome,
    final: Readonly<Record<string, unknown>> = {},
  ): Promise<string[]> {
    const open = this.#open;
    this.#open = [];
    return (await Promise.all(open.map((logger) => logger.end(outcome, final)))).flat();
  }
}
