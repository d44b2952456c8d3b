/**
 * Times the scoring of a task's requests, from strings to numbers, with common beginnings computed
 * once and without; and, if wanted, lm-evaluation-harness's own backend on the same requests.
 *
 *   deno task bench:eval                        nano, microworld questions after 5 examples: a table
 *   deno task bench:eval --json --vs-lm-eval    a JSON line for each, the harness's included
 *
 * All are timed in turn, round by round; every round of ours begins without compiled programs.
 */

import "../../core/run/permissions.ts";
import { join } from "node:path";
import { type TaskRequest, UserError } from "../../core/contracts/mod.ts";
import { askRequests, Encoder, prepareTask, type TaskChoices } from "../../core/eval/mod.ts";
import { Passes } from "../../core/inference/mod.ts";
import { taskRows } from "../../core/io/mod.ts";
import { countFrom, newCommand, readOptions } from "../../core/run/command.ts";
import { openModel, type Subject } from "../../core/run/evaluation/subject.ts";
import { pluginOption, withPlugins } from "../../core/run/plugins/options.ts";
import { RunRepositories } from "../../core/run/repositories.ts";
import { runScript } from "../../core/run/script.ts";
import { median } from "../../core/run/speed.ts";
import { formatTable } from "../../core/run/table.ts";
import { builtinPlugins } from "../../plugins/mod.ts";

const RIVAL = join(import.meta.dirname!, "time_lm_eval.py");
const NANO = join(import.meta.dirname!, "../../plugins/models/nano");

const command = newCommand(
  "deno task bench:eval",
  "Times the scoring of a task's requests, beside lm-evaluation-harness if wanted.",
)
  .option("--model <name|DIR>", "a model; with --vs-lm-eval a folder in Hugging Face format", NANO)
  .option("--task <name>", "whose requests; one that is no matter of writing", "micro_reason")
  .addOption(pluginOption())
  .option("--num-fewshot <n>", "examples in front of each question", countFrom(0), 5)
  .option("--limit <n>", "documents", countFrom(1), 50)
  .option("--data-dir <DIR>", "folder of data sets")
  .option("--rounds <n>", "timed rounds", countFrom(1), 3)
  .option("--threads <n>", "threads of both, 0 for every core", countFrom(0), 0)
  .option("--batch-size <n>", "sequences that the harness computes together", countFrom(1), 1)
  .option("--json", "a JSON line for each measurement")
  .option("--vs-lm-eval", "lm-evaluation-harness in turn with ours")
  .option("--python <path>", "a Python that has lm-eval, torch and transformers", "python3");

/** What one way of scoring took. */
interface Timing {
  readonly name: string;
  readonly seconds: number[];
  tokens: number;
  sum: number;
}

await runScript(async () => {
  const options = readOptions(command);
  const { model, dataDir, rounds, threads, vsLmEval = false, json = false } = options;
  const plugins = await withPlugins(builtinPlugins());
  const repositories = new RunRepositories();
  const choices: TaskChoices = { seed: 1234, shots: options.numFewshot, limit: options.limit };
  const prepared = await prepareTask(
    plugins.tasks.get(options.task),
    (dataset, split) => taskRows(dataset, split, { dataDir, repositories }),
    choices,
  );
  const requests = prepared.documents.flatMap((document) => document.requests);
  if (requests.some(({ kind }) => kind !== "loglikelihood")) {
    throw new UserError(`${options.task} is not about likelihoods: choose a task with choices`);
  }
  const backend = { name: "onnx", threads, executionProvider: "cpu", sessionOptions: {} };
  await using subject = await openModel(model, plugins, repositories, backend);
  const start = (name: string): Timing => ({ name, seconds: [], tokens: 0, sum: 0 });
  const [shared, plain, rival] = [
    start("dlr"),
    start("dlr, nothing shared"),
    start("lm-evaluation-harness"),
  ];
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(requests));
    for (let round = 0; round < rounds; round++) {
      await timeOurs(subject, requests, true, shared);
      await timeOurs(subject, requests, false, plain);
      if (vsLmEval) await timeRival(options, file, rival);
    }
  } finally {
    await Deno.remove(file);
  }
  const timings = [shared, plain, ...(vsLmEval ? [rival] : [])];
  show(timings, requests.length, json);
});

async function timeOurs(
  subject: Subject,
  requests: readonly TaskRequest[],
  sharesPrefixes: boolean,
  timing: Timing,
): Promise<void> {
  await using passes = new Passes(subject.model);
  const started = performance.now();
  const { answers } = await askRequests(passes, new Encoder(subject.encoding), requests, {
    sharesPrefixes,
    whereIs: (place) => `request ${place}`,
  });
  timing.seconds.push((performance.now() - started) / 1000);
  timing.tokens = passes.tokens;
  timing.sum = answers.reduce(
    (sum, answer) => sum + (answer.kind === "generate" ? 0 : answer.logLikelihood),
    0,
  );
}

async function timeRival(
  { python, model, threads, batchSize }: {
    readonly python: string;
    readonly model: string;
    readonly threads: number;
    readonly batchSize: number;
  },
  requests: string,
  timing: Timing,
): Promise<void> {
  const args = [RIVAL, "--model", model, "--requests", requests, "--batch-size", String(batchSize)];
  const env = { OMP_NUM_THREADS: String(threads || navigator.hardwareConcurrency) };
  const { code, stdout, stderr } = await new Deno.Command(python, { args, env }).output();
  const said = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim().split("\n").at(-1)!;
  if (code !== 0) throw new UserError(`${python} cannot time lm-eval: ${said(stderr)}`);
  const answer = JSON.parse(said(stdout)) as Record<string, number>;
  timing.seconds.push(answer["seconds"]!);
  timing.tokens = answer["forward_tokens"]!;
  timing.sum = answer["loglikelihood_sum"]!;
}

function show(timings: readonly Timing[], requests: number, json: boolean): void {
  const slowest = median(timings.at(-1)!.seconds);
  const rows = timings.map(({ name, seconds, tokens, sum }) => {
    const taken = median(seconds);
    return { name, seconds: taken, requests, tokens, sum, times: slowest / taken };
  });
  if (json) {
    for (const { times, sum, ...row } of rows) {
      console.log(JSON.stringify({ ...row, "loglikelihood_sum": sum, "times_as_fast": times }));
    }
    return;
  }
  console.log(formatTable(
    [
      { title: "scored by" },
      { title: "seconds", digits: 2 },
      { title: "requests/s", digits: 1 },
      { title: "tokens computed" },
      { title: "× the last", digits: 2 },
      { title: "sum of log-likelihoods", digits: 2 },
    ],
    rows.map((row) => [
      row.name,
      row.seconds,
      requests / row.seconds,
      row.tokens,
      row.times,
      row.sum,
    ]),
  ));
}
