/**
 * A run in MLflow. Its id is kept in the run's folder (`mlflow.json`), so that a continued run goes
 * on in the same one; what the server has already is not sent again, and what it has not got is
 * taken from the CSV files.
 */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../contracts/errors.ts";
import { writeFileAtomic } from "../../../io/atomic.ts";
import { readJsonObject } from "../../../io/json.ts";
import {
  type Environment,
  type LoggedRun,
  type LoggedStep,
  type LoggerKind,
  type LogOutcome,
  type MetricLogger,
} from "../logger.ts";
import { numbersIn } from "../scalars.ts";
import { type Metric, MlflowClient, MlflowFailure, type RunStatus } from "./client.ts";
import { mlflowKey, paramsOf, runName, tagsOf } from "./descriptions.ts";
import { Outbox, type OutboxOptions, pauseFor } from "./outbox.ts";
import { trackingServer } from "./settings.ts";

/** File in a run's folder that says which MLflow run it is. */
export const MLFLOW_FILE = "mlflow.json";

/** The most parameters that one request may have. */
const PARAMS_PER_REQUEST = 100;

/** How long is waited for what, and how much is kept. */
export interface MlflowTiming extends OutboxOptions {
  /** Seconds after which an answer is no longer waited for. */
  readonly timeout: number;
  /** Seconds that the end of a run may take. */
  readonly ending: number;
}

/** What is used unless a test says otherwise. */
export const MLFLOW_TIMING: MlflowTiming = {
  batch: 1000,
  most: 500_000,
  gather: 2,
  longestPause: 60,
  pause: pauseFor,
  timeout: 10,
  ending: 15,
};

/** The logger. */
export const MLFLOW: LoggerKind = mlflowWith(MLFLOW_TIMING);

/** The logger with other times. */
export function mlflowWith(timing: MlflowTiming): LoggerKind {
  return {
    async prepare({ trackingUri }, name, environment) {
      const server = trackingServer(trackingUri ?? "", environment);
      const client = new MlflowClient(server, timing.timeout);
      const experiment = environment["MLFLOW_EXPERIMENT_NAME"] || name;
      const mlflow = new StartingRun(client, timing, experiment, environment);
      await mlflow.check();
      return { open: (run) => mlflow.open(run) };
    },
  };
}

/** What is kept in {@link MLFLOW_FILE}. */
interface KnownRun {
  readonly trackingUri: string;
  readonly runId: string;
}

/** Finding or making the MLflow run: what may be waited for and may fail, as nothing is trained yet. */
class StartingRun {
  readonly #client: MlflowClient;
  readonly #timing: MlflowTiming;
  readonly #experiment: string;
  readonly #environment: Environment;

  constructor(
    client: MlflowClient,
    timing: MlflowTiming,
    experiment: string,
    environment: Environment,
  ) {
    this.#client = client;
    this.#timing = timing;
    this.#experiment = experiment;
    this.#environment = environment;
  }

  /** Makes sure that there is a server that answers, and that the experiment can be used. */
  async check(): Promise<void> {
    const experiment = await this.#ask(() => this.#client.findExperiment(this.#experiment));
    if (experiment?.active === false) {
      throw new UserError(
        `Cannot log to the MLflow experiment "${this.#experiment}": it is deleted; restore it, or ` +
          "name another one in MLFLOW_EXPERIMENT_NAME",
      );
    }
  }

  async open(run: LoggedRun): Promise<MetricLogger> {
    const { folder, record, after, history } = run;
    const known = knownRun(folder);
    const { uri } = this.#client.server;
    const state = known?.trackingUri === uri
      ? await this.#ask(() => this.#client.findRun(known.runId))
      : undefined;
    const goesOn = state?.active === true;
    const runId = goesOn ? known!.runId : await this.#create(run);
    if (goesOn) await this.#ask(() => this.#client.updateRun(runId, "RUNNING"));
    // The same parameters again are no change; a run killed on its way here may lack them.
    const params = paramsOf(record.config);
    for (let at = 0; at < params.length; at += PARAMS_PER_REQUEST) {
      const part = params.slice(at, at + PARAMS_PER_REQUEST);
      await this.#ask(() => this.#client.logBatch(runId, { params: part }));
    }
    const lastSteps = state?.active === true ? state.lastSteps : new Map<string, number>();
    const logger = new MlflowLogger(this.#client, runId, lastSteps, this.#timing);
    if (after > 0) { for (const step of history()) logger.log(step); }
    return logger;
  }

  async #create({ folder, record }: LoggedRun): Promise<string> {
    const tags = tagsOf(folder, record, this.#environment);
    const start = Date.parse(record.startedAt);
    const runId = await this.#ask(async () => {
      const id = await this.#client.experimentId(this.#experiment);
      return await this.#client.createRun(id, runName(folder), start, tags);
    });
    const known: KnownRun = { trackingUri: this.#client.server.uri, runId };
    writeFileAtomic(join(folder, MLFLOW_FILE), JSON.stringify(known, null, 2) + "\n");
    return runId;
  }

  /** Asks, a few times where that may help. @throws {UserError} */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    for (let failures = 1;; failures++) {
      try {
        return await question();
      } catch (error) {
        if (!(error instanceof MlflowFailure)) throw error;
        // An address at which nobody answers at all is a wrong one; a busy server is asked again.
        if (error.status === undefined || !error.passing || failures === 3) {
          throw new UserError(
            `Cannot log to the MLflow server ${this.#client.server.uri}: ${error.message}; ` +
              remedy(error),
          );
        }
        await this.#timing.pause(2 ** (failures - 1), new AbortController().signal);
      }
    }
  }
}

function remedy({ status }: MlflowFailure): string {
  const without = "or give --log none";
  if (status === 401 || status === 403) {
    return "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or " +
      `MLFLOW_TRACKING_TOKEN, ${without}`;
  }
  return `check that it runs and that --tracking-uri is right, ${without}`;
}

function knownRun(folder: string): KnownRun | undefined {
  const path = join(folder, MLFLOW_FILE);
  if (!fs.existsSync(path)) return undefined;
  const { trackingUri, runId } = readJsonObject(path, "the MLflow run");
  if (typeof trackingUri === "string" && typeof runId === "string") return { trackingUri, runId };
  throw new UserError(
    `${path} is damaged: it names no MLflow run; remove it to go on in a new one`,
  );
}

const STATUS: Readonly<Record<LogOutcome, RunStatus>> = {
  finished: "FINISHED",
  interrupted: "KILLED",
  failed: "FAILED",
};

/** A run in MLflow that metrics are sent to, in the background. */
class MlflowLogger implements MetricLogger {
  readonly #client: MlflowClient;
  readonly #runId: string;
  readonly #has: ReadonlyMap<string, number>;
  readonly #timing: MlflowTiming;
  readonly #outbox: Outbox<Metric>;
  #step = 0;

  /** @param has the last step of every metric that the server has */
  constructor(
    client: MlflowClient,
    runId: string,
    has: ReadonlyMap<string, number>,
    timing: MlflowTiming,
  ) {
    this.#client = client;
    this.#runId = runId;
    this.#has = has;
    this.#timing = timing;
    this.#outbox = new Outbox(
      (metrics, signal) => client.logBatch(runId, { metrics }, signal),
      timing,
    );
  }

  log({ step, time, scalars }: LoggedStep): void {
    this.#step = Math.max(this.#step, step);
    this.#outbox.add(
      Object.entries(scalars)
        .map(([tag, value]) => ({ key: mlflowKey(tag), value, timestamp: Math.round(time), step }))
        .filter(({ key }) => step > (this.#has.get(key) ?? -Infinity)),
    );
  }

  async end(
    outcome: LogOutcome,
    final: Readonly<Record<string, unknown>>,
  ): Promise<readonly string[]> {
    const [step, timestamp] = [this.#step, Date.now()];
    if (outcome === "finished") {
      this.#outbox.add(
        numbersIn(final, "final")
          .map(([path, value]) => ({ key: mlflowKey(path), value, timestamp, step })),
      );
    }
    const { waiting, refused, lost, reason } = await this.#outbox.close(this.#timing.ending);
    const numbers = waiting + refused + lost;
    const unsent = numbers > 0 ? [`${numbers} number${numbers === 1 ? "" : "s"}`] : [];
    let why = reason;
    try {
      await this.#client.updateRun(this.#runId, STATUS[outcome], timestamp);
    } catch (error) {
      // Nothing that goes wrong here may spoil what was trained.
      unsent.push("the end of the run");
      why = error instanceof Error ? error.message : String(error);
    }
    if (unsent.length === 0) return [];
    return [
      `MLflow at ${this.#client.server.uri}: ${unsent.join(" and ")} ` +
      `${numbers < 2 && unsent.length === 1 ? "was" : "were"} not sent (${why}); ` +
      "the files in the run's folder have all of it",
    ];
  }
}
