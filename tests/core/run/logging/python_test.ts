/**
 * What is logged, as those read it for whom it is meant: TensorBoard's own reader, and a real MLflow
 * server. Both are those of the `python3` on the path:
 *
 *   python3 -m venv /tmp/loggers && /tmp/loggers/bin/pip install tensorboard mlflow
 *   PATH=/tmp/loggers/bin:$PATH deno test -P=test tests/core/run/logging/python_test.ts
 */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { MLFLOW } from "../../../../core/run/logging/mlflow/logger.ts";
import { pauseFor } from "../../../../core/run/logging/mlflow/outbox.ts";
import { openEventFile } from "../../../../core/run/logging/tensorboard/logger.ts";
import { childrenOf, testWithProcesses, works } from "../../../end_to_end/command.ts";
import { inFolder, userError } from "../../io/support.ts";
import { runIn, stepOf, steps } from "./support.ts";

function testWithPython(module: string, name: string, body: () => Promise<void>): void {
  const look =
    `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  testWithProcesses(
    name,
    body,
    () => works("python3", "-c", look) ? undefined : `python3 with ${module}`,
  );
}

/** What TensorBoard's readers make of a folder: the plain one, and the one of its web server. */
const READ_EVENTS = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as Web
from tensorboard.util import tensor_util
everything = {"scalars": 0, "tensors": 0}
plain = EventAccumulator(sys.argv[1], size_guidance=everything)
plain.Reload()
web = Web(sys.argv[1], size_guidance=everything)
web.Reload()
def number(event):
  return tensor_util.make_ndarray(event.tensor_proto).item()
scalars = {tag: [[e.step, e.value, e.wall_time] for e in plain.Scalars(tag)]
  for tag in plain.Tags()["scalars"]}
print(json.dumps({
  "scalars": scalars,
  "web": {tag: [[e.step, number(e), e.wall_time] for e in web.Tensors(tag)] for tag in scalars},
  "texts": {tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in plain.Tensors(tag)]
    for tag in plain.Tags()["tensors"]},
  "plugins": {tag: web.SummaryMetadata(tag).plugin_data.plugin_name
    for tag in web.Tags()["tensors"]},
}))`;

interface ReadEvents {
  readonly scalars: Record<string, [step: number, value: number, wallTime: number][]>;
  readonly web: Record<string, [step: number, value: number, wallTime: number][]>;
  readonly texts: Record<string, [step: number, text: string][]>;
  readonly plugins: Record<string, string>;
}

function readEvents(folder: string): ReadEvents {
  const { success, stdout, stderr } = new Deno.Command("python3", {
    args: ["-c", READ_EVENTS, folder],
  }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

testWithPython(
  "tensorboard",
  "TensorBoard shows every step of a killed run once, and its texts",
  () =>
    inFolder(async (folder) => {
      const killed = openEventFile(runIn(folder, 0, { data: "a|b.txt" }));
      for (const step of steps(1, 7)) killed.log(step);
      killed.log(stepOf(8, { "loss/validation": 99 }));
      await killed.end("failed", {});
      // As a kill in the middle of a write leaves it.
      const [file] = fs.readdirSync(folder);
      fs.truncateSync(join(folder, file!), fs.statSync(join(folder, file!)).size - 5);

      const later = (step: number) => {
        const { time, scalars } = stepOf(step, step === 8 ? { "loss/validation": 0 } : {});
        return { step, time: time + 50, scalars };
      };
      const continued = openEventFile(runIn(folder, 4));
      for (const step of [5, 6, 7, 8, 9]) continued.log(later(step));
      await continued.end("finished", { loss: 2.5 });

      const expected = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((step) => {
        const { time, scalars } = step <= 4 ? stepOf(step) : later(step);
        return [step, Math.fround(scalars["loss/train"]!), time / 1000];
      });
      const { scalars, web, texts, plugins } = readEvents(folder);
      assert.deepEqual(scalars["loss/train"], expected);
      assert.deepEqual(scalars["loss/validation"], [[8, 0, later(8).time / 1000]]);
      assert.deepEqual(web, scalars);
      assert.deepEqual(texts, {
        configuration: [[0, "| setting | value |\n| --- | --- |\n| data | a\\|b.txt |"]],
        final: [[9, "| number | value |\n| --- | --- |\n| final/loss | 2.5 |"]],
      });
      assert.deepEqual(plugins, {
        "loss/train": "scalars",
        "loss/validation": "scalars",
        configuration: "text",
        final: "text",
      });
    }),
);

/** A real MLflow server, until it is disposed of. */
class RealServer implements AsyncDisposable {
  readonly uri: string;
  readonly #process: Deno.ChildProcess;

  private constructor(uri: string, process: Deno.ChildProcess) {
    this.uri = uri;
    this.#process = process;
  }

  /** Starts a server whose database is in a folder. */
  static async start(folder: string): Promise<RealServer> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const process = new Deno.Command("python3", {
      args: [
        ...["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", `${port}`],
        ...["--workers", "1", "--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`],
      ],
      cwd: folder,
      env: { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false", MLFLOW_DISABLE_TELEMETRY: "true" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new RealServer(`http://127.0.0.1:${port}`, process);
    await server.#answers();
    return server;
  }

  /** An answer of the REST API. */
  // deno-lint-ignore no-explicit-any
  async get(path: string, query: Record<string, string>): Promise<any> {
    const response = await fetch(
      `${this.uri}/api/2.0/mlflow/${path}?${new URLSearchParams(query)}`,
    );
    return await response.json();
  }

  async post(path: string, body: object): Promise<void> {
    const response = await fetch(`${this.uri}/api/2.0/mlflow/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, await response.text());
  }

  /** Steps and values of a metric. */
  async history(runId: string, key: string): Promise<[step: number, value: number][]> {
    const query = { "run_id": runId, "metric_key": key };
    const { metrics = [] } = await this.get("metrics/get-history", query);
    return metrics.map((each: { step: number; value: number }) => [each.step, each.value]);
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + 240_000;
    for (;;) {
      try {
        const response = await fetch(`${this.uri}/health`);
        await response.body?.cancel();
        if (response.ok) return;
      } catch {
        // Not yet.
      }
      assert.ok(performance.now() < deadline, "the server does not start");
      await pauseFor(0.2, new AbortController().signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of [...childrenOf(this.#process.pid), this.#process.pid]) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await this.#process.status;
  }
}

testWithPython(
  "mlflow",
  "a real MLflow server takes a run, its continuation and its end",
  () =>
    inFolder(async (folder) => {
      await using server = await RealServer.start(folder);
      const choice = { loggers: ["mlflow"], trackingUri: server.uri } as const;
      const open = async (after: number) =>
        await (await MLFLOW.prepare(choice, "exp10", { USER: "ada" })).open(
          runIn(folder, after, CONFIG),
        );
      const idOf = () => JSON.parse(fs.readFileSync(join(folder, "mlflow.json"), "utf8")).runId;

      const stopped = await open(0);
      const id = idOf();
      for (const step of steps(1, 2500)) stopped.log(step);
      stopped.log(stepOf(2501, { "loss/validation": Infinity, "routing/skip_ratio": 0 }));
      assert.deepEqual(await stopped.end("interrupted", {}), []);
      const { run } = await server.get("runs/get", { run_id: id });
      assert.equal(run.info.status, "KILLED");
      assert.equal(run.info.run_name, folder.split("/").at(-1));
      const { experiment } = await server.get("experiments/get", {
        experiment_id: run.info.experiment_id,
      });
      assert.equal(experiment.name, "exp10");
      type Pair = { key: string; value: string };
      const pairs = (list: Pair[]) =>
        Object.fromEntries(list.map(({ key, value }) => [key, value]));
      assert.equal(pairs(run.data.tags)["mlflow.user"], "ada");
      assert.equal(pairs(run.data.params)["lora.rank"], "4");
      assert.equal(pairs(run.data.params)["many.key149"], "149");
      assert.equal(pairs(run.data.params)["long.1"]!.length, 500);
      assert.equal(pairs(run.data.params)["long.2"]!.length, 200);

      // Back to step 2490: what is there already is not sent again, what is missing is.
      const continued = await open(2490);
      assert.equal(idOf(), id);
      for (const { step, time, scalars } of steps(2491, 2510)) {
        continued.log({ step, time: time + 5, scalars });
      }
      assert.deepEqual(await continued.end("finished", { loss: 0.5, perplexity: NaN }), []);
      const losses = steps(1, 2510).map(({ step, scalars }) => [step, scalars["loss/train"]]);
      assert.deepEqual(await server.history(id, "loss/train"), losses);
      assert.deepEqual(await server.history(id, "routing/skip_ratio"), [[2501, 0]]);
      assert.deepEqual(await server.history(id, "loss/validation"), [[2501, Number.MAX_VALUE]]);
      assert.deepEqual(await server.history(id, "final/loss"), [[2510, 0.5]]);
      assert.equal((await server.get("runs/get", { run_id: id })).run.info.status, "FINISHED");

      await server.post("runs/delete", { run_id: id });
      await (await open(3)).end("failed", {});
      assert.notEqual(idOf(), id);
      assert.equal((await server.history(idOf(), "loss/train")).length, 3);
      await server.post("experiments/delete", { experiment_id: run.info.experiment_id });
      await userError(() => open(3), '"exp10": it is deleted');
    }),
);

/** More settings than one request may have, and one that is too long for one parameter. */
const CONFIG = {
  lora: { rank: 4 },
  long: "x".repeat(700),
  many: Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`key${i}`, i])),
};
