/** Guards of tasks: rows, requests and scores that are what the task says they are. */

import assert from "node:assert/strict";
import {
  type Task,
  type TaskDataset,
  type TaskRequest,
  type TaskRow,
} from "../../../../../core/contracts/mod.ts";
import { userError } from "../../../io/support.ts";
import { guarded } from "./support.ts";

const RIGHT: Task<TaskRow> = {
  name: "quiz",
  description: "a quiz",
  version: 1,
  outputType: "multiple_choice",
  dataset: { folder: "quiz" },
  split: "test",
  metrics: [{ name: "acc", aggregation: "mean", higherIsBetter: true }],
  document: (row) => row,
  question: () => "Q",
  answer: () => "A",
  requests: () => [{ kind: "loglikelihood", context: "Q", continuation: " A" }],
  target: () => "A",
  score: () => [{ filter: "none", values: { acc: 1 } }],
};

/** The quiz with some members replaced, guarded. */
function task(wrong: Partial<Record<keyof Task, unknown>>): Task {
  return guarded({ tasks: [{ ...RIGHT, ...wrong } as Task] }).tasks![0]!;
}

/** The guarded data set of a quiz. */
function dataset(wrong: Partial<Record<keyof TaskDataset, unknown>>): TaskDataset {
  return task({ dataset: { ...RIGHT.dataset, ...wrong } }).dataset;
}

Deno.test("a guarded task has every member of the task, and so has its data set", () => {
  const all: Required<Task<TaskRow>> = {
    ...RIGHT,
    alias: "Quiz",
    preamble: "Answer.",
    shots: { split: "train", count: 2, draw: "random-other" },
    dataset: {
      folder: "quiz",
      hub: "someone/quiz",
      config: "main",
      columns: ["q"],
      fromCells: (row) => ({ q: row["cells"] }),
      rows: (split) => [{ q: split }],
    } satisfies Required<TaskDataset>,
  };
  const safe = task(all as Required<Task>);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(all).toSorted());
  assert.deepEqual([safe.alias, safe.preamble, safe.shots], [all.alias, all.preamble, all.shots]);
  assert.deepEqual(Object.keys(safe.dataset).toSorted(), Object.keys(all.dataset).toSorted());
  assert.deepEqual([...safe.dataset.rows!("dev")], [{ q: "dev" }]);
  assert.deepEqual(safe.dataset.fromCells!({ cells: 3 }), { q: 3 });
  assert.deepEqual(safe.score({}, []), [{ filter: "none", values: { acc: 1 } }]);
  assert.deepEqual(safe.requests({}, ""), RIGHT.requests({}, ""));
});

Deno.test("rows that are made are rows, or named with their place", async () => {
  const rows = (made: unknown) => [...dataset({ rows: () => made }).rows!("test")];
  const broken = function* () {
    yield { q: 1 };
    throw new Error("rows boom");
  };
  const cases: readonly [made: unknown, says: RegExp][] = [
    [broken(), /task "quiz": dataset\.rows\("test"\) threw Error: rows boom, at .*task_test\.ts/],
    [null, /dataset\.rows\("test"\) returned null; it should be a list or a generator/],
    ["text", /returned "text"; it should be a list or a generator/],
    [async function* () {}(), /returned an asynchronous generator; it should be a list/],
    [Promise.resolve([]), /returned a promise/],
    [[{ q: 1 }, null], /yielded null at 1; it should be a row, { column: value }/],
  ];
  for (const [made, says] of cases) await userError(() => rows(made), says);
  await userError(
    () => dataset({ fromCells: () => [3] }).fromCells!({}),
    /dataset\.fromCells returned \[ 3 \]; it should be a row/,
  );
});

Deno.test("what a task says of its examples and its texts is checked when it is loaded", async () => {
  const shots = { split: "train", count: 2, draw: "first" };
  const cases: readonly [wrong: Parameters<typeof task>[0], says: RegExp][] = [
    [{ shots: { ...shots, count: -3 } }, /shots\.count is -3; give how many examples, 0 or more/],
    [{ shots: { ...shots, draw: "whatever" } }, /shots\.draw is "whatever"; give first, random, /],
    [{ shots: { ...shots, split: undefined } }, /shots\.split is undefined/],
    [{ shots: 5 }, /shots is 5; give { split, count, draw }/],
    [{ preamble: 3 }, /task "quiz": preamble is 3; give a text/],
    [{ alias: "" }, /alias is ""; give a text/],
  ];
  for (const [wrong, says] of cases) await userError(() => task(wrong), says);
});

Deno.test("requests are of the task's kind, with all that belongs to one", async () => {
  const ask = (outputType: Task["outputType"], requests: unknown) =>
    task({ outputType, requests: () => requests }).requests({}, "");
  const generate = { kind: "generate", context: "Q", until: ["\n"], maxTokens: 3 };
  const right: readonly [Task["outputType"], unknown][] = [
    ["generate_until", [generate]],
    ["loglikelihood_rolling", [{ kind: "rolling", text: "x" } satisfies TaskRequest]],
  ];
  for (const [outputType, requests] of right) assert.equal(ask(outputType, requests), requests);
  const wrong: readonly [Task["outputType"], requests: unknown, says: RegExp][] = [
    ["multiple_choice", [], /requests returned \[\]; it should be a list of requests/],
    ["multiple_choice", null, /requests returned null; it should be a list of requests/],
    ["multiple_choice", [{ kind: "rolling", text: "x" }], /returned { kind: "rolling".* at 0; it/],
    [
      "multiple_choice",
      [{ kind: "loglikelihood" }],
      /{ kind: "loglikelihood", context, continuation }, as the task is of the type multiple_choice$/,
    ],
    ["loglikelihood_rolling", [{ kind: "rolling" }], /should be .*{ kind: "rolling", text }/],
    ["generate_until", [generate, { ...generate, until: "x" }], /returned { kind: .* at 1; it/],
    ["generate_until", [{ ...generate, maxTokens: 0 }], /context, until, maxTokens }/],
    ["multiple_choice", Promise.reject(new Error("late")), /requests returned a promise/],
  ];
  for (const [outputType, requests, says] of wrong) {
    await userError(() => ask(outputType, requests), says);
  }
  await userError(
    () => task({ question: () => 3 }).question({}),
    /task "quiz"\.question returned 3; it should be a text/,
  );
});

Deno.test("scores have a number for each metric that the task names", async () => {
  const score = (scored: unknown) => task({ score: () => scored }).score({}, []);
  const cases: readonly [scored: unknown, says: RegExp][] = [
    [[], /score returned no list of values/],
    [
      [{ filter: "none", values: {} }],
      /score returned nothing for the metric "acc" under the filter "none"; it should be a number/,
    ],
    [[{ filter: "none", values: { acc: NaN } }], /score returned NaN for the metric "acc"/],
    [[{ filter: undefined, values: { acc: 1 } }], /it should be { filter, filtered\?, values }/],
    [[{ filter: "none", filtered: [1], values: { acc: 1 } }], /it should be { filter, filtered/],
    [[null], /score returned null; it should be { filter, filtered\?, values }/],
  ];
  for (const [scored, says] of cases) await userError(() => score(scored), says);
  const perplexity = [{ name: "ppl", aggregation: "weighted_perplexity", higherIsBetter: false }];
  const values = { filter: "none", values: { ppl: 1 } };
  await userError(
    () => task({ metrics: perplexity, score: () => [values] }).score({}, []),
    /returned 1 for the metric "ppl" .*; it should be \[log-likelihood, weight\]/,
  );
});
