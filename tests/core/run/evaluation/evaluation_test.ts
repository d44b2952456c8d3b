/** Evaluations: what they leave behind, that they go on where they were, and what is refused. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type Task, UserError } from "../../../../core/contracts/mod.ts";
import { choiceTask, Encoder, encodingOf, pythonText, sha256 } from "../../../../core/eval/mod.ts";
import { type Tokenizer } from "../../../../core/io/mod.ts";
import { evaluateTasks, type EvaluationPlan } from "../../../../core/run/evaluation/evaluation.ts";
import { type Subject } from "../../../../core/run/evaluation/subject.ts";
import {
  comparisonOfModels,
  differencesToFirst,
  resultsTable,
} from "../../../../core/run/evaluation/tables.ts";
import { inFolder, userError } from "../../io/support.ts";
import { tinyModel } from "../../eval/scoring/support.ts";

/** A token a letter. */
const tokenizer: Tokenizer = {
  vocabSize: 32,
  bosId: 0,
  eosId: 31,
  padId: undefined,
  encode: (text) => Int32Array.from(text, (letter) => letter.codePointAt(0)! % 32),
  decode: (ids) => String.fromCodePoint(...Array.from(ids, (id) => 96 + id)),
  offsets: () => assert.fail("nobody asks for offsets"),
};

function subject(depth: "fullDepth" | "routed" = "routed"): Subject {
  return {
    label: depth,
    model: tinyModel(depth),
    encoding: encodingOf(tokenizer, 32),
    source: { depth },
  };
}

interface Row {
  readonly ask: string;
  readonly right: number;
}

function task(name: string): Task {
  return choiceTask<Row>({
    name,
    description: "which letter comes next",
    version: 1,
    dataset: { folder: name },
    split: "test",
    shots: { split: "train", count: 1, draw: "random" },
    document(row) {
      if (typeof row["ask"] === "string") return row as unknown as Row;
      throw new UserError('column "ask" is missing');
    },
    question: ({ ask }) => ask,
    choices: () => ["a", "b", "cd"],
    gold: ({ right }) => right,
    normalized: true,
  }) as Task;
}

const ROWS = ["x", "yz", "long questions lose their beginning", "w"]
  .map((ask, i) => ({ ask, right: i % 3 }));

/** A plan over two tasks, and the splits that were read for it. */
function plan(out: string, more: Partial<EvaluationPlan> = {}) {
  const read: string[] = [];
  const own: EvaluationPlan = {
    tasks: [task("one"), task("two")],
    groups: [
      { name: "both", description: "", version: "3", members: ["one", "two"], metrics: ["acc"] },
    ],
    source: ({ folder }, split) => {
      read.push(`${folder} ${split}`);
      return Promise.resolve({ rows: ROWS, whereIs: (place) => `${folder}, row ${place + 1}` });
    },
    seed: 1234,
    out,
    quiet: true,
    ...more,
  };
  return { own, read };
}

const linesOf = (path: string) =>
  fs.readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("an evaluation leaves results and samples in the harness's shape", () =>
  inFolder(async (out) => {
    const { own } = plan(out);
    const { tasks, groups } = await evaluateTasks(subject(), own);
    const results = JSON.parse(fs.readFileSync(join(out, "results.json"), "utf8"));
    const [one] = tasks;
    assert.equal(results.results.one["acc,none"], one!.metrics[0]!.value);
    assert.equal(results.results.one["acc_stderr,none"], one!.metrics[0]!.stderr);
    assert.equal(results.results.both["acc,none"], groups[0]!.metrics[0]!.value);
    assert.deepEqual(results["group_subtasks"], { both: ["one", "two"] });
    assert.deepEqual(results["n-samples"], {
      one: { original: 4, effective: 4 },
      two: { original: 4, effective: 4 },
    });
    assert.deepEqual(results["n-shot"], { one: 1, two: 1, both: 1 });
    assert.ok(results.routing.one["skip_ratio"] > 0 && results.routing.one["skip_ratio"] < 1);
    const lines = linesOf(join(out, "samples_one.jsonl"));
    assert.deepEqual(lines.map((line) => line["doc_id"]), [0, 1, 2, 3]);
    assert.deepEqual(Object.keys(lines[0]), [
      "doc_id",
      "doc",
      "target",
      "arguments",
      "resps",
      "filtered_resps",
      "filter",
      "metrics",
      "doc_hash",
      "prompt_hash",
      "target_hash",
      "acc",
      "acc_norm",
    ]);
    const [first] = lines;
    assert.equal(first["doc_hash"], sha256(JSON.stringify(ROWS[0], null, 2)));
    assert.equal(first["prompt_hash"], sha256(first.arguments["gen_args_0"]["arg_0"]));
    assert.equal(first.arguments["gen_args_2"]["arg_1"], " cd");
    assert.equal(first.resps.length, 3);
    assert.deepEqual(first["filtered_resps"], first.resps.map(([answer]: unknown[]) => answer));
    assert.match(first.resps[0][0][1], /^(True|False)$/);
    assert.equal(pythonText(Number(first.resps[0][0][0])), first.resps[0][0][0]);
    assert.ok(one!.cut > 0 && /^one, row \d$/.test(one!.firstCut!));
  }));

Deno.test("an evaluation that was cut off goes on with the tasks that are left", () =>
  inFolder(async (out) => {
    const first = plan(out, { tasks: [task("one")] });
    const { tasks: [whole] } = await evaluateTasks(subject(), first.own);
    const second = plan(out);
    const { tasks } = await evaluateTasks(subject(), second.own);
    assert.deepEqual(second.read, ["two test", "two train"]);
    assert.deepEqual(tasks[0], JSON.parse(JSON.stringify(whole)));
    const again = plan(out, { fresh: true });
    await evaluateTasks(subject(), again.own);
    assert.equal(again.read.length, 4);
  }));

Deno.test("a folder of another evaluation is refused, and so are wrong rows before any work", () =>
  inFolder(async (out) => {
    await evaluateTasks(subject(), plan(out, { limit: 2 }).own);
    await userError(() => evaluateTasks(subject(), plan(out).own), "limit", "--fresh", "--out");
    const rows = [...ROWS, { ask: 3 }];
    const whereIs = (place: number) => `data.jsonl, line ${place + 1}`;
    const wrong = plan(out, { fresh: true, source: () => Promise.resolve({ rows, whereIs }) });
    await userError(
      () => evaluateTasks(subject(), wrong.own),
      "Cannot ask one: data.jsonl, line 5",
      '"ask" is missing',
    );
    await userError(
      () => evaluateTasks(subject(), plan(out, { fresh: true, shots: 9 }).own),
      "9 examples for one",
      "4 documents",
    );
  }));

Deno.test("a limit asks the first documents, with the examples that they have in the whole", () =>
  inFolder(async (out) => {
    const whole = await evaluateTasks(subject(), plan(join(out, "whole")).own);
    const half = await evaluateTasks(subject(), plan(join(out, "half"), { limit: 0.5 }).own);
    assert.equal(half.tasks[0]!.documents, 2);
    const values = (evaluation: typeof whole) => evaluation.tasks[0]!.metrics[0]!.values;
    assert.deepEqual(values(half), values(whole).slice(0, 2));
  }));

Deno.test("tables show tasks, groups and routing, and whether models differ", () =>
  inFolder(async (out) => {
    const routed = await evaluateTasks(subject(), plan(join(out, "a")).own);
    const full = await evaluateTasks(subject("fullDepth"), plan(join(out, "b")).own);
    assert.match(resultsTable(routed), /skip ratio/);
    assert.doesNotMatch(resultsTable(full), /skip ratio/);
    assert.match(resultsTable(full), /both +8 +none +acc/);
    const table = comparisonOfModels([full, routed]);
    assert.match(table, /^model +both +skip ratio/);
    assert.match(table, /fullDepth +\d\.\d{3} ± \d\.\d{3} +–/);
    assert.match(differencesToFirst([full, routed]), /^one: .*routed.*fullDepth.*acc [+−]/);
  }));

Deno.test("an encoder that is asked for what the model cannot read says so", () => {
  assert.throws(() => new Encoder(encodingOf(tokenizer, 3)).pair("a", "bcdef"), UserError);
});
