/**
 * An MLflow tracking server in this process, on 127.0.0.1, for tests: the part of the REST API that
 * is used here, with the refusals of the real one, a log of all requests, and faults on demand.
 *
 * ```ts
 * await using server = MlflowServer.start();
 * server.fault = ({ path }) => path === "runs/log-batch" ? new Response(null, { status: 500 }) : undefined;
 * // MLFLOW_TRACKING_URI=server.uri
 * ```
 */

import assert from "node:assert/strict";

/** A metric as it was logged. */
export interface ServedMetric {
  readonly key: string;
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
}

/** A run as the server has it. */
export interface ServedRun {
  readonly id: string;
  readonly experiment: string;
  readonly name: string;
  status: string;
  endTime: number | undefined;
  stage: "active" | "deleted";
  readonly tags: Map<string, string>;
  readonly params: Map<string, string>;
  readonly metrics: ServedMetric[];
}

/** A request as the log has it. */
export interface MlflowRequest {
  readonly path: string;
  readonly authorization: string | null;
  readonly body: Body;
}

/** What a request says; its fields are checked where they are used. */
// deno-lint-ignore no-explicit-any
type Body = any;

/** An experiment as the server has it. */
interface ServedExperiment {
  readonly id: string;
  stage: "active" | "deleted";
}

/** A refusal. */
class Refused extends Error {
  readonly code: string;
  readonly status: number;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const invalid = (message: string) => new Refused(400, "INVALID_PARAMETER_VALUE", message);
const absent = (message: string) => new Refused(404, "RESOURCE_DOES_NOT_EXIST", message);

/** A server that runs until it is disposed of. */
export class MlflowServer implements AsyncDisposable {
  readonly requests: MlflowRequest[] = [];
  readonly experiments = new Map<string, ServedExperiment>();
  readonly runs: ServedRun[] = [];
  /** Answers in place of the server, where it gives an answer. */
  fault: (
    request: MlflowRequest,
    closing: AbortSignal,
  ) => Response | Promise<Response> | undefined = () => undefined;
  #closing = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #port: number;

  private constructor() {
    this.#server = this.#serve(0);
    this.#port = this.#server.addr.port;
  }

  /** Starts a server with nothing on it. */
  static start(): MlflowServer {
    return new MlflowServer();
  }

  /** Its address, for `--tracking-uri`. */
  get uri(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The only run. */
  get run(): ServedRun {
    assert.equal(this.runs.length, 1, "there should be one run");
    return this.runs[0]!;
  }

  /** Values of a metric by step, in the order in which they came. */
  history(key: string, run = this.run): [step: number, value: number | string][] {
    return run.metrics.filter((metric) => metric.key === key)
      .map(({ step, value }) => [step, value]);
  }

  /** Stops answering: connections are refused. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#server.shutdown();
  }

  /** Answers again, at the same address. */
  restart(): void {
    this.#closing = new AbortController();
    this.#server = this.#serve(this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace("/api/2.0/mlflow/", "");
    const text = await request.text();
    const body = text === "" ? Object.fromEntries(url.searchParams) : JSON.parse(text);
    const entry = { path, authorization: request.headers.get("authorization"), body };
    this.requests.push(entry);
    const spoiled = await this.fault(entry, this.#closing.signal);
    if (spoiled !== undefined) return spoiled;
    try {
      return Response.json(this.#handle(`${request.method} ${path}`, body));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { status, code, message } = error;
      return Response.json({ error_code: code, message }, { status });
    }
  }

  #handle(what: string, body: Body): object {
    switch (what) {
      case "GET experiments/get-by-name": {
        const experiment = this.experiments.get(body.experiment_name);
        if (!experiment) throw absent(`Could not find experiment "${body.experiment_name}"`);
        const { id, stage } = experiment;
        return { experiment: { experiment_id: id, lifecycle_stage: stage } };
      }
      case "POST experiments/create": {
        if (this.experiments.has(body.name)) {
          throw new Refused(400, "RESOURCE_ALREADY_EXISTS", "Experiment exists");
        }
        const id = String(this.experiments.size + 1);
        this.experiments.set(body.name, { id, stage: "active" });
        return { experiment_id: id };
      }
      case "POST runs/create":
        return { run: { info: { run_id: this.#create(body).id } } };
      case "GET runs/get":
        return { run: described(this.#find(body.run_id)) };
      case "POST runs/update": {
        const run = this.#active(body.run_id);
        run.status = body.status;
        run.endTime = body.end_time;
        return { run_info: {} };
      }
      case "POST runs/log-batch":
        logBatch(this.#active(body.run_id), body);
        return {};
      default:
        throw new Refused(404, "ENDPOINT_NOT_FOUND", what);
    }
  }

  #create(body: Body): ServedRun {
    const tags = new Map<string, string>();
    for (const { key, value } of body.tags) {
      if (key.length > 250 || value.length > 5000) throw invalid(`tag ${key} is too long`);
      tags.set(key, value);
    }
    const known = [...this.experiments.values()].some(({ id }) => id === body.experiment_id);
    if (!known) throw absent(`No experiment ${body.experiment_id}`);
    const run: ServedRun = {
      id: `run${this.runs.length + 1}`,
      experiment: body.experiment_id,
      name: body.run_name,
      status: "RUNNING",
      endTime: undefined,
      stage: "active",
      tags,
      params: new Map(),
      metrics: [],
    };
    this.runs.push(run);
    return run;
  }

  #find(id: string): ServedRun {
    const run = this.runs.find((each) => each.id === id);
    if (run === undefined) throw absent(`Run with id=${id} not found`);
    return run;
  }

  #active(id: string): ServedRun {
    const run = this.#find(id);
    if (run.stage !== "active") throw invalid(`The run ${id} must be in the 'active' state`);
    return run;
  }
}

function described({ id, stage, metrics }: ServedRun): object {
  const last = new Map<string, ServedMetric>();
  for (const metric of metrics) {
    if ((last.get(metric.key)?.step ?? -Infinity) <= metric.step) last.set(metric.key, metric);
  }
  return {
    info: { run_id: id, lifecycle_stage: stage },
    data: { metrics: [...last.values()] },
  };
}

function logBatch(run: ServedRun, { metrics = [], params = [] }: Body): void {
  if (metrics.length > 1000) throw invalid(`${metrics.length} metrics in one request`);
  if (params.length > 100) throw invalid(`${params.length} params in one request`);
  for (const { key, value } of params) {
    if (key.length > 250 || value.length > 500) throw invalid(`param ${key} is too long`);
    if ((run.params.get(key) ?? value) !== value) throw invalid(`param ${key} is there already`);
    run.params.set(key, value);
  }
  for (const { key, value, timestamp, step } of metrics) {
    const isValue = typeof value === "number" || /^(NaN|-?Infinity)$/.test(value);
    if (!/^[\w./ -]{1,250}$/.test(key) || !isValue || !Number.isInteger(timestamp)) {
      throw invalid(`metric ${key} is none`);
    }
    const same = (each: ServedMetric) =>
      each.key === key && each.step === step && each.timestamp === timestamp &&
      each.value === value;
    if (!run.metrics.some(same)) run.metrics.push({ key, value, timestamp, step });
  }
}
