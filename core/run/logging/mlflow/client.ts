/** Requests of MLflow's REST API: https://mlflow.org/docs/latest/api_reference/rest-api.html */

import { isJsonObject, type JsonObject } from "../../../io/json.ts";
import { type TrackingServer } from "./settings.ts";

/** A request that brought nothing. */
export class MlflowFailure extends Error {
  override readonly name = "MlflowFailure";
  /** HTTP status; absent when there was no answer. */
  readonly status: number | undefined;
  /** MLflow's own code, such as `RESOURCE_DOES_NOT_EXIST`. */
  readonly code: string | undefined;

  /** @param reason what happened, to stand behind a colon */
  constructor(reason: string, status?: number, code?: string) {
    super(reason);
    this.status = status;
    this.code = code;
  }

  /** Whether the same request may succeed in a moment. */
  get passing(): boolean {
    const { status } = this;
    return status === undefined || status >= 500 || [408, 425, 429].includes(status);
  }

  /** Whether the same request will never succeed, as something is wrong with what it says. */
  get final(): boolean {
    return this.status !== undefined && [400, 413, 422].includes(this.status);
  }
}

/** A metric as `runs/log-batch` takes it. */
export interface Metric {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** A parameter or a tag. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** What is to be known of a run that is continued. */
export interface RunState {
  readonly active: boolean;
  /** The last step of every metric. */
  readonly lastSteps: ReadonlyMap<string, number>;
}

/** How a run stands, in MLflow's words. */
export type RunStatus = "RUNNING" | "FINISHED" | "KILLED" | "FAILED";

/** A tracking server. All methods throw {@link MlflowFailure}. */
export class MlflowClient {
  readonly server: TrackingServer;
  readonly #timeoutSeconds: number;

  /** @param timeoutSeconds how long an answer is waited for */
  constructor(server: TrackingServer, timeoutSeconds = 10) {
    this.server = server;
    this.#timeoutSeconds = timeoutSeconds;
  }

  /** The experiment of this name; `undefined`: there is none. */
  async findExperiment(name: string): Promise<{ id: string; active: boolean } | undefined> {
    try {
      const query = new URLSearchParams({ experiment_name: name });
      const { experiment } = await this.#send("GET", `experiments/get-by-name?${query}`);
      const { experiment_id: id, lifecycle_stage: stage } = objectIn(experiment);
      return { id: textIn(id), active: stage !== "deleted" };
    } catch (error) {
      if (error instanceof MlflowFailure && error.code === "RESOURCE_DOES_NOT_EXIST") {
        return undefined;
      }
      throw error;
    }
  }

  /** The id of the experiment of this name, which is created where there is none. */
  async experimentId(name: string): Promise<string> {
    const found = await this.findExperiment(name);
    if (found !== undefined) return found.id;
    try {
      const { experiment_id: id } = await this.#send("POST", "experiments/create", { name });
      return textIn(id);
    } catch (error) {
      // Another run may have created it meanwhile.
      if (!(error instanceof MlflowFailure) || error.code !== "RESOURCE_ALREADY_EXISTS") {
        throw error;
      }
      const meanwhile = await this.findExperiment(name);
      if (meanwhile === undefined) throw error;
      return meanwhile.id;
    }
  }

  /** Creates a run; its id. */
  async createRun(
    experimentId: string,
    name: string,
    startTime: number,
    tags: readonly KeyValue[],
  ): Promise<string> {
    const { run } = await this.#send("POST", "runs/create", {
      experiment_id: experimentId,
      run_name: name,
      start_time: startTime,
      tags,
    });
    return textIn(objectIn(objectIn(run)["info"])["run_id"]);
  }

  /** A run; `undefined`: there is none of this id. */
  async findRun(runId: string): Promise<RunState | undefined> {
    try {
      const { run } = await this.#send("GET", `runs/get?${new URLSearchParams({ run_id: runId })}`);
      const { info, data = {} } = objectIn(run);
      const { metrics = [] } = objectIn(data);
      const lastSteps = (metrics as JsonObject[]).map(({ key, step = 0 }) =>
        [String(key), Number(step)] as const
      );
      const active = objectIn(info)["lifecycle_stage"] !== "deleted";
      return { active, lastSteps: new Map(lastSteps) };
    } catch (error) {
      if (error instanceof MlflowFailure && error.code === "RESOURCE_DOES_NOT_EXIST") {
        return undefined;
      }
      throw error;
    }
  }

  /** Sets the status of a run, and when it ended. */
  async updateRun(runId: string, status: RunStatus, endTime?: number): Promise<void> {
    const end = endTime === undefined ? {} : { end_time: endTime };
    await this.#send("POST", "runs/update", { run_id: runId, status, ...end });
  }

  /** Adds metrics or parameters to a run, as many as one request may have. */
  async logBatch(
    runId: string,
    { metrics = [], params = [] }: {
      readonly metrics?: readonly Metric[];
      readonly params?: readonly KeyValue[];
    },
    signal?: AbortSignal,
  ): Promise<void> {
    // JSON has no word for infinity; protocol buffers write it as a text.
    const written = metrics.map((metric) => ({
      ...metric,
      value: Number.isFinite(metric.value) ? metric.value : String(metric.value),
    }));
    await this.#send("POST", "runs/log-batch", { run_id: runId, metrics: written, params }, signal);
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<JsonObject> {
    const { uri, authorization } = this.server;
    const clock = AbortSignal.timeout(this.#timeoutSeconds * 1000);
    try {
      const response = await fetch(`${uri}/api/2.0/mlflow/${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? clock : AbortSignal.any([clock, signal]),
      });
      const text = await response.text();
      const answer = objectOrNothing(text);
      if (!response.ok) throw refusal(response.status, answer, text);
      if (answer !== undefined) return answer;
      throw new MlflowFailure("the answer is none of an MLflow server", response.status);
    } catch (error) {
      if (clock.aborted) {
        throw new MlflowFailure(`there was no answer for ${this.#timeoutSeconds} seconds`);
      }
      // Deno throws TypeErrors for the network; a missing permission is another kind, and passes.
      if (!(error instanceof TypeError)) throw error;
      throw new MlflowFailure(`the connection failed (${causeOf(error)})`);
    }
  }
}

/** What a server said when it refused. */
function refusal(status: number, answer: JsonObject | undefined, text: string): MlflowFailure {
  const { error_code: code, message } = answer ?? {};
  const said = (typeof message === "string" ? message : text.replaceAll(/<[^>]*>/g, " "))
    .replaceAll(/\s+/g, " ").trim();
  const short = said.length > 200 ? `${said.slice(0, 200)}…` : said;
  return new MlflowFailure(
    short === "" ? `it answered ${status}` : `it answered ${status}: ${short}`,
    status,
    typeof code === "string" ? code : undefined,
  );
}

/** What went wrong, without the address and the names of Deno's layers. */
function causeOf(error: TypeError): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message
    .replace(/^error sending request for url \(.*?\): /, "")
    .replace(/^client error \(\w+\): /, "")
    .replaceAll(/\s+/g, " ");
}

function objectOrNothing(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function objectIn(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new MlflowFailure("the answer is none of an MLflow server");
}

function textIn(value: unknown): string {
  if (typeof value === "string") return value;
  throw new MlflowFailure("the answer is none of an MLflow server");
}
