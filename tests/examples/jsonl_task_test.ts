/** The JSON lines example: its scores against a count by hand, and what is said of wrong lines. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type Task, UserError } from "../../core/contracts/mod.ts";
import { aggregate, Encoder, prepareTask, runTask } from "../../core/eval/mod.ts";
import { Passes } from "../../core/inference/mod.ts";
import { taskRows } from "../../core/io/mod.ts";
import { openModel } from "../../core/run/evaluation/subject.ts";
import { RunRepositories } from "../../core/run/repositories.ts";
import plugin, { puzzles } from "../../examples/jsonl_task/puzzles.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { inFolder, userError } from "../core/io/support.ts";

const DATA = join(import.meta.dirname!, "../../examples/jsonl_task/data");

/** The task with the rows of a folder of data. */
function prepared(dataDir: string, shots = 0) {
  const repositories = {
    fetch: () => Promise.reject(new UserError("nothing is to be fetched")),
  };
  return prepareTask(
    puzzles as Task,
    (dataset, split) => taskRows(dataset, split, { dataDir, repositories }),
    { shots, seed: 1 },
  );
}

/** The lines of a file of questions. */
function linesOf(split: string): { question: string; choices: string[]; answer: number }[] {
  const text = fs.readFileSync(join(DATA, "puzzles", `${split}.jsonl`), "utf8");
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("the puzzles plugin brings its task", () => {
  assert.deepEqual(plugin.tasks, [puzzles]);
});

Deno.test("puzzles: every choice follows the question, after examples where some are wanted", async () => {
  const { documents } = await prepared(DATA, 1);
  const [{ requests }] = documents as [typeof documents[0]];
  const context =
    "Question: The numbers are 52, 17, 36. Which order is from small to large?\nAnswer: 17, 36, 52.\n\n" +
    "Question: The numbers are 62, 15, 40. Which order is from small to large?\nAnswer:";
  assert.deepEqual(
    requests,
    [" 62, 40, 15.", " 15, 40, 62.", " 40, 15, 62.", " 15, 62, 40."].map((continuation) => ({
      kind: "loglikelihood",
      context,
      continuation,
    })),
  );
});

Deno.test("puzzles: scores are those of a count by hand", async () => {
  const { documents } = await prepared(DATA);
  // The first choice of the first document is likeliest, the second of the second, and so on in turn:
  // right for those of "19, 92, 38, 75, 60" and of Rose's books.
  const values = documents.map(({ doc, requests }, place) => {
    const answers = requests.map((_, choice) => ({
      kind: "loglikelihood" as const,
      logLikelihood: choice === place % 4 ? -1 : -10,
      isGreedy: false,
    }));
    return puzzles.score(doc as never, answers)[0]!.values["acc"]!;
  });
  assert.equal(aggregate("mean", values).value, 2 / 12);
  assert.deepEqual([values[4], values[8]], [1, 1]);

  // Of choices as likely per character the shortest has the highest likelihood, and is not preferred.
  const [{ doc }] = documents.slice(9) as [typeof documents[0]];
  const four = [-2, -3, -4, -2.5].map((logLikelihood) => ({
    kind: "loglikelihood" as const,
    logLikelihood,
    isGreedy: false,
  }));
  assert.deepEqual(puzzles.score(doc as never, four)[0]!.values, { acc: 0, "acc_norm": 0 });
});

Deno.test("puzzles: nano's answers are counted as its likelihoods say", async () => {
  await using subject = await openModel("nano", builtinPlugins(), new RunRepositories());
  await using passes = new Passes(subject.model);
  const task = await prepared(DATA);
  const { outcome, samples } = await runTask(passes, new Encoder(subject.encoding), task);
  const lines = linesOf("test");
  assert.equal(outcome.documents, lines.length);
  let right = 0;
  let rightByLength = 0;
  samples.forEach(({ answers }, place) => {
    const { choices, answer } = lines[place]!;
    const likelihoods = answers.map((one) =>
      one.kind === "loglikelihood" ? one.logLikelihood : NaN
    );
    const perLetter = likelihoods.map((one, i) => one / (choices[i]!.length + ".".length));
    if (likelihoods.indexOf(Math.max(...likelihoods)) === answer) right++;
    if (perLetter.indexOf(Math.max(...perLetter)) === answer) rightByLength++;
  });
  const found = Object.fromEntries(outcome.metrics.map(({ metric, value }) => [metric, value]));
  assert.deepEqual(found, { acc: right / 12, "acc_norm": rightByLength / 12 });
  // It sorts and adds; with a fourth of the answers by chance, half of them are not.
  assert.ok(right >= 6, `${right} of 12 right`);
});

const WRONG = [
  ['{"question": "Which?", "choices": ["a", "b"], "answer": 2}', /"answer": 2 is no index of 2/],
  ['{"question": "Which?", "choices": ["a", "b"], "answer": "b"}', /column "answer": /],
  ['{"question": "Which?", "choices": ["a"], "answer": 0}', /column "choices": /],
  ['{"question": "Which?", "answer": 0}', /column "choices" is missing; there are "question", "an/],
  ['{"question": "Which?", "choices": ["a", "b"], "answer": 0', /it is not valid JSON/],
] as const;

for (const [line, says] of WRONG) {
  Deno.test(`puzzles: ${says.source} is said of a wrong line, with its place`, async () => {
    await inFolder(async (folder) => {
      fs.mkdirSync(join(folder, "puzzles"));
      const right = JSON.stringify(linesOf("test")[0]);
      fs.writeFileSync(join(folder, "puzzles", "test.jsonl"), `${right}\n\n${line}\n${right}\n`);
      await userError(() => prepared(folder), says, "test.jsonl, line 3: ");
    });
  });
}
