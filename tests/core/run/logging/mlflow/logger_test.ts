/** Runs in MLflow: begun, continued, ended, and what happens when the server fails. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { LoggedRun, MetricLogger } from "../../../../../core/run/logging/mod.ts";
import { MLFLOW_TIMING, mlflowWith } from "../../../../../core/run/logging/mlflow/logger.ts";
import { pauseFor } from "../../../../../core/run/logging/mlflow/outbox.ts";
import { MlflowServer } from "../../../../support/mlflow_server.ts";
import { inFolder, userError } from "../../../io/support.ts";
import { runIn, stepOf, steps } from "../support.ts";

/** A logger that gathers nothing and waits for nobody. */
const QUICK = mlflowWith({
  ...MLFLOW_TIMING,
  pause: (_, signal) => pauseFor(0.001, signal),
  timeout: 0.2,
  ending: 1,
});

interface Place {
  readonly server: MlflowServer;
  readonly folder: string;
  /** Begins or continues a run. */
  open(run?: LoggedRun, environment?: Record<string, string>): Promise<MetricLogger>;
}

function withServer(body: (place: Place) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await using server = MlflowServer.start();
    const open: Place["open"] = async (run = runIn(folder), environment = {}) => {
      const choice = { loggers: ["mlflow"], trackingUri: server.uri } as const;
      return await (await QUICK.prepare(choice, "exp10", environment)).open(run);
    };
    await body({ server, folder, open });
  });
}

/** Waits until the server has a metric of this step. */
async function arrived({ server }: Place, step: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!server.run.metrics.some((metric) => metric.step === step)) {
    assert.ok(performance.now() < deadline, `step ${step} never arrived`);
    await pauseFor(0.002, new AbortController().signal);
  }
}

const losses = (first: number, last: number) =>
  steps(first, last).map(({ step, scalars }) => [step, scalars["loss/train"]]);

Deno.test("a run gets its experiment, tags, parameters, metrics, final numbers and its end", () =>
  withServer(async ({ server, folder, open }) => {
    const config = { steps: 3, lora: { rank: 4 }, long: "x".repeat(600) };
    const logger = await open(runIn(folder, 0, config), { USER: "ada" });
    const { run } = server;
    assert.deepEqual([...server.experiments.keys()], ["exp10"]);
    assert.equal(run.status, "RUNNING");
    assert.equal(run.tags.get("mlflow.user"), "ada");
    assert.deepEqual(Object.fromEntries(run.params), {
      steps: "3",
      "lora.rank": "4",
      "long.1": "x".repeat(500),
      "long.2": "x".repeat(100),
    });
    for (const step of steps(1, 3)) logger.log(step);
    logger.log(stepOf(4, { "loss/validation": Infinity, "routing/skip_ratio": 0 }));
    assert.deepEqual(await logger.end("finished", { loss: 2.5, rows: { base: { loss: 3 } } }), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 4));
    assert.deepEqual(server.history("loss/validation"), [[4, "Infinity"]]);
    assert.deepEqual(server.history("routing/skip_ratio"), [[4, 0]]);
    assert.deepEqual(server.history("final/rows/base/loss"), [[4, 3]]);
    assert.equal(run.metrics[0]!.timestamp, 1_764_000_000_001);
    assert.equal(run.status, "FINISHED");
    assert.ok(run.endTime! > 1.7e12);
  }));

Deno.test("metrics go in batches that the server takes", () =>
  withServer(async ({ server, open }) => {
    const logger = await open();
    for (const step of steps(1, 2500)) logger.log(step);
    assert.deepEqual(await logger.end("finished", {}), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 2500));
    const sizes = server.requests.filter(({ body }) => body.metrics?.length > 0)
      .map(({ body }) => body.metrics.length);
    assert.equal(Math.max(...sizes), 1000);
  }));

Deno.test("many parameters go in several requests", () =>
  withServer(async ({ server, folder, open }) => {
    const config = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`key${i}`, i]));
    await (await open(runIn(folder, 0, config))).end("failed", {});
    assert.equal(server.run.params.size, 250);
    assert.equal(server.run.status, "FAILED");
  }));

Deno.test("the experiment is that of the environment, and is made once", () =>
  withServer(async ({ server, folder, open }) => {
    const environment = { MLFLOW_EXPERIMENT_NAME: "skipping layers" };
    await (await open(runIn(folder), environment)).end("interrupted", {});
    await inFolder(async (other) => {
      await (await open(runIn(other), environment)).end("interrupted", {});
    });
    assert.deepEqual([...server.experiments.keys()], ["skipping layers"]);
    assert.deepEqual(server.runs.map(({ status }) => status), ["KILLED", "KILLED"]);
  }));

Deno.test("trials that begin at once share the experiment that one of them makes", () =>
  withServer(async ({ server, open }) => {
    server.fault = ({ path, body }) => {
      if (path !== "experiments/create") return undefined;
      server.experiments.set(body.name, { id: "77", stage: "active" });
      server.fault = () => undefined;
      return undefined;
    };
    await (await open()).end("failed", {});
    assert.equal(server.run.experiment, "77");
  }));

Deno.test("a killed run goes on in the same MLflow run, and no step is there twice", () =>
  withServer(async (place) => {
    const { server, folder, open } = place;
    const killed = await open();
    for (const step of steps(1, 7)) killed.log(step);
    await arrived(place, 7);
    // Back to the checkpoint of step 4; other times than in the first try.
    const late = (first: number, last: number) =>
      steps(first, last).map((step) => ({ ...step, time: step.time + 99 }));
    const continued = await open({ ...runIn(folder, 4), history: () => late(1, 4) });
    for (const step of late(5, 9)) continued.log(step);
    assert.deepEqual(await continued.end("finished", {}), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 9));
    assert.equal(server.run.status, "FINISHED");
    await killed.end("failed", {});
  }));

Deno.test("what had not been sent when it was killed is taken from the CSV", () =>
  withServer(async (place) => {
    const { server, folder, open } = place;
    const killed = await open();
    killed.log(stepOf(1));
    killed.log(stepOf(2, { "loss/validation": 4 }));
    await arrived(place, 2);
    const history = () => [...steps(1, 3), stepOf(4, { "loss/validation": 3 })];
    const continued = await open({ ...runIn(folder, 4), history });
    continued.log(stepOf(5));
    assert.deepEqual(await continued.end("finished", {}), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 5));
    assert.deepEqual(server.history("loss/validation"), [[2, 4], [4, 3]]);
    await killed.end("failed", {});
  }));

Deno.test("a run that was deleted, or is of another server, is logged anew and in whole", () =>
  withServer(async ({ server, folder, open }) => {
    const first = await open();
    for (const step of steps(1, 3)) first.log(step);
    await first.end("interrupted", {});
    server.runs[0]!.stage = "deleted";
    await (await open(runIn(folder, 3))).end("interrupted", {});
    const [deleted, anew] = server.runs;
    assert.equal(deleted!.status, "KILLED");
    assert.deepEqual(server.history("loss/train", anew), losses(1, 3));

    await using other = MlflowServer.start();
    const choice = { loggers: ["mlflow"], trackingUri: other.uri } as const;
    const elsewhere = await (await QUICK.prepare(choice, "exp10", {})).open(runIn(folder, 3));
    await elsewhere.end("interrupted", {});
    assert.deepEqual(other.history("loss/train"), losses(1, 3));
    const kept = JSON.parse(Deno.readTextFileSync(join(folder, "mlflow.json")));
    assert.deepEqual(kept, { trackingUri: other.uri, runId: other.run.id });
  }));

Deno.test("credentials go with every request", () =>
  withServer(async ({ server, folder, open }) => {
    const logger = await open(runIn(folder), { MLFLOW_TRACKING_TOKEN: "abc" });
    logger.log(stepOf(1));
    await logger.end("finished", {});
    const shown = new Set(server.requests.map(({ authorization }) => authorization));
    assert.deepEqual([...shown], ["Bearer abc"]);
  }));

/** Faults in the middle of a run: what the server does to metrics for a while. */
const PASSING: Readonly<Record<string, (closing: AbortSignal) => Response | Promise<Response>>> = {
  "answers 500": () => new Response("oops", { status: 500 }),
  "answers 429": () => new Response(null, { status: 429 }),
  "answers 401": () => new Response(null, { status: 401 }),
  "answers with a page for people": () => new Response("<!doctype html><p>Log in.</p>"),
  "does not answer": (closing) =>
    new Promise((done) => closing.addEventListener("abort", () => done(new Response()))),
};

for (const [name, answer] of Object.entries(PASSING)) {
  Deno.test(`a server that ${name} for a while gets everything later, once`, () =>
    withServer(async (place) => {
      const { server, open } = place;
      const logger = await open();
      let failures = 2;
      server.fault = ({ path }, closing) =>
        path === "runs/log-batch" && failures-- > 0 ? answer(closing) : undefined;
      for (const step of steps(1, 4)) logger.log(step);
      await arrived(place, 4);
      assert.deepEqual(await logger.end("finished", {}), []);
      assert.deepEqual(server.history("loss/train"), losses(1, 4));
    }));
}

Deno.test("a server that took a batch without saying so does not have it twice", () =>
  withServer(async (place) => {
    const { server, open } = place;
    const logger = await open();
    let lost = true;
    server.fault = ({ path, body }) => {
      if (path !== "runs/log-batch" || !lost) return undefined;
      lost = false;
      server.run.metrics.push(...body.metrics);
      return new Response(null, { status: 502 });
    };
    for (const step of steps(1, 3)) logger.log(step);
    await arrived(place, 3);
    assert.deepEqual(await logger.end("finished", {}), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 3));
  }));

Deno.test("a server that goes away and comes back gets everything", () =>
  withServer(async (place) => {
    const { server, open } = place;
    const logger = await open();
    logger.log(stepOf(1));
    await arrived(place, 1);
    await server.stop();
    for (const step of steps(2, 5)) logger.log(step);
    await pauseFor(0.05, new AbortController().signal);
    server.restart();
    await arrived(place, 5);
    assert.deepEqual(await logger.end("finished", {}), []);
    assert.deepEqual(server.history("loss/train"), losses(1, 5));
    assert.equal(server.run.status, "FINISHED");
  }));

Deno.test("a server that stays away costs nothing but a note of what was not sent", () =>
  withServer(async (place) => {
    const { server, open } = place;
    const logger = await open();
    logger.log(stepOf(1));
    await arrived(place, 1);
    await server.stop();
    for (const step of steps(2, 5)) logger.log(step);
    const notes = await logger.end("finished", { loss: 1 });
    assert.equal(notes.length, 1);
    assert.match(
      notes[0]!,
      /^MLflow at http:.*: 5 numbers and the end of the run were not sent \(the connection failed/,
    );
    assert.equal(server.run.status, "RUNNING");
    server.restart();
  }));

Deno.test("a run that is deleted meanwhile is noted at the end", () =>
  withServer(async ({ server, open }) => {
    const logger = await open();
    server.run.stage = "deleted";
    logger.log(stepOf(1));
    const notes = await logger.end("finished", {});
    assert.match(
      notes.join(),
      /: 1 number and the end of the run were not sent \(it answered 400: The run/,
    );
  }));

Deno.test("an end that is not taken is noted", () =>
  withServer(async ({ server, open }) => {
    const logger = await open();
    server.fault = ({ path }) =>
      path === "runs/update" ? new Response(null, { status: 500 }) : undefined;
    assert.match(
      (await logger.end("finished", {})).join(),
      /^MLflow at http[^ ]*: the end of the run was not sent \(it answered 500\);/,
    );
  }));

/** What the server does at the start, and what the user is told. */
const REFUSED: Readonly<Record<string, [answer: () => Response, says: RegExp]>> = {
  "wants credentials": [() => new Response(null, { status: 401 }), /401.*MLFLOW_TRACKING_TOKEN/],
  "is a website": [() => new Response("<p>Hi</p>"), /none of an MLflow server.*--tracking-uri/],
  "is another server": [
    () => new Response("Not Found", { status: 404 }),
    /404: Not Found.*--log none/,
  ],
  "is broken for long": [() => new Response(null, { status: 503 }), /it answered 503;/],
};

for (const [name, [answer, says]] of Object.entries(REFUSED)) {
  Deno.test(`a server that ${name} is refused before training`, () =>
    withServer(async ({ server, open }) => {
      server.fault = answer;
      await userError(() => open(), server.uri, says);
    }));
}

Deno.test("a server that is busy at the start is asked again", () =>
  withServer(async ({ server, open }) => {
    let failures = 2;
    server.fault = () => failures-- > 0 ? new Response(null, { status: 503 }) : undefined;
    await (await open()).end("failed", {});
    assert.equal(server.run.status, "FAILED");
  }));

Deno.test("an address at which nobody is, is refused before training", () =>
  withServer(async ({ server, open }) => {
    await server.stop();
    await userError(() => open(), server.uri, "the connection failed", "check that it runs");
    server.restart();
  }));

Deno.test("a deleted experiment is refused before training", () =>
  withServer(async ({ server, open }) => {
    server.experiments.set("exp10", { id: "1", stage: "deleted" });
    await userError(() => open(), '"exp10": it is deleted', "MLFLOW_EXPERIMENT_NAME");
  }));

Deno.test("a damaged mlflow.json is refused by name", () =>
  withServer(async ({ folder, open }) => {
    Deno.writeTextFileSync(join(folder, "mlflow.json"), "{}");
    await userError(() => open(), "mlflow.json is damaged", "remove it");
  }));
