/** Built-in tasks keep every promise; wrong ones break that which they do not keep. */

import assert from "node:assert/strict";
import { taskPromises, type TaskSubject } from "../../../core/conformance/mod.ts";
import { PluginFault, type Task, type TaskRow, UserError } from "../../../core/contracts/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { assertBroken, assertKept } from "./support.ts";

const { tasks } = builtinPlugins();

/** Rows as the data sets have them. */
const ROWS: Readonly<Record<string, readonly TaskRow[]>> = {
  "mmlu_virology": [
    { question: "Unit of force?", choices: ["joule", "newton", "watt", "volt"], answer: 1 },
    { question: "2+2?", choices: ["1", "2", "3", "4"], answer: 3 },
    { question: "1+1?", choices: ["2", "3", "1", "4"], answer: 0 },
  ],
  "arc_easy": ["A", "B", "A"].map((answerKey, i) => ({
    question: `Question ${i}?`,
    choices: { text: ["ice", "steam"], label: ["A", "B"] },
    answerKey,
  })),
  gsm8k: [5, 17, 1018].map((answer) => ({
    question: `How many, ${answer}?`,
    answer: `As many as ${answer}.\n#### ${answer.toLocaleString("en")}`,
  })),
  wikitext: [{ page: " \n = Heron = \n \n It rose , and fell . \n" }, { page: " = A = \n b \n" }],
  hellaswag: ["0", "3"].map((label) => ({
    "activity_label": "Roofing",
    "ctx_a": "A man is on a roof.",
    "ctx_b": "he starts",
    endings: ["to pull.", "to sing.", "a song.", "nothing."],
    label,
  })),
  winogrande: ["1", "2"].map((answer) => ({
    sentence: "Ann thanked Eve because _ had helped.",
    option1: "Ann",
    option2: "Eve",
    answer,
  })),
};

for (const [name, rows] of Object.entries(ROWS)) {
  Deno.test(`${name} keeps every promise`, async () => {
    const outcomes = await assertKept(taskPromises({ task: tasks.get(name), rows, shots: rows }));
    assert.ok(outcomes.filter(({ state }) => state === "ok").length >= 8);
  });
}

for (const name of ["micro_facts", "micro_reason", "micro_math", "micro_ppl"]) {
  Deno.test(`${name} keeps every promise`, async () => {
    const task = tasks.get(name);
    const made = (split: string) => Iterator.from(task.dataset.rows!(split)).take(40).toArray();
    const shots = task.shots && made(task.shots.split);
    await assertKept(taskPromises({ task, rows: made(task.split), shots }));
  });
}

/** Promises of a task that is right but for some of its functions. */
function promisesOf(name: string, wrong: Partial<Task>, more: Partial<TaskSubject> = {}) {
  const rows = ROWS[name]!;
  return taskPromises({ task: { ...tasks.get(name), ...wrong }, rows, shots: rows, ...more });
}

Deno.test("a task that takes another choice for the right one is told", () => {
  const task = tasks.get("mmlu_virology");
  return assertBroken(
    promisesOf("mmlu_virology", {
      score: (doc, answers) => task.score(doc, [...answers.slice(1), answers[0]!]),
    }),
    { "the right answers score best": /acc under "none".*of right answers.*of wrong ones/ },
  );
});

Deno.test("a task that is wrong about one document is told by its number", () => {
  const task = tasks.get("arc_easy");
  return assertBroken(
    promisesOf("arc_easy", {
      score(doc, answers) {
        const isSecond = task.question(doc).includes("1");
        return task.score(doc, isSecond ? answers.toReversed() : answers);
      },
    }),
    { "the right answers score best": /of document 2 is 0 of right answers and 1 of wrong ones/ },
  );
});

Deno.test("a task whose answer is no answer by its own filter is told", () => {
  const task = tasks.get("gsm8k");
  return assertBroken(
    promisesOf("gsm8k", { answer: (doc) => task.answer(doc).replace("####", "Answer:") }),
    { "the right answers score best": /exact_match under "strict-match" is 0 of right answers/ },
  );
});

Deno.test("a value that is missing, no number or of the wrong form is told", async () => {
  const scored = (values: Record<string, number>) => ({
    score: () => [{ filter: "none", values }],
  });
  await assertBroken(promisesOf("mmlu_virology", scored({ accuracy: 1 })), {
    "every metric has a value": /under "none" there are values of accuracy/,
    "the right answers score best": /./,
  });
  await assertBroken(promisesOf("mmlu_virology", scored({ acc: NaN })), {
    "every metric has a value": /acc is NaN/,
    "the right answers score best": /acc under "none" is NaN/,
  });
  await assertBroken(
    promisesOf("wikitext", scored({ "word_perplexity": 1 }), { shots: undefined }),
    {
      "every metric has a value": /values of word_perplexity/,
      "the right answers score best": /./,
    },
  );
});

Deno.test("requests of another type, and without what stands in front, are told", async () => {
  const task = tasks.get("arc_easy");
  await assertBroken(promisesOf("arc_easy", { outputType: "generate_until" }), {
    "requests are of its output type": /a request of generate_until is loglikelihood: Task\.out/,
  });
  await assertBroken(promisesOf("arc_easy", { requests: (doc) => task.requests(doc, "") }), {
    "what stands in front comes first, then the question": /a context does not begin/,
  });
  await assertBroken(promisesOf("arc_easy", { answer: () => "water" }), {
    "what stands in front comes first, then the question":
      /no request is the question, a space and the answer "water"/,
  });
});

Deno.test("rows that are refused, or taken whatever they hold, are told", async () => {
  await assertBroken(
    promisesOf("gsm8k", {
      document() {
        throw new UserError('column "question": too long');
      },
    }),
    { "rows are documents": /row 1 is refused: column "question": too long/ },
  );
  await assertBroken(promisesOf("gsm8k", { document: (row) => row }), {
    "a row without a column is refused by its name": /a row may lack any of its columns/,
  });
  await assertBroken(
    promisesOf("gsm8k", {
      document(row) {
        if (typeof row["question"] !== "string") throw new TypeError("undefined is odd");
        return row;
      },
    }),
    {
      "a row without a column is refused by its name":
        /is no UserError: TypeError: undefined is odd/,
    },
  );
  // As a guard says what a plugin throws.
  await assertBroken(
    promisesOf("gsm8k", {
      document(row) {
        if (row["question"] === undefined) throw new PluginFault('threw Error: oops "question"');
        return tasks.get("gsm8k").document(row);
      },
    }),
    {
      "a row without a column is refused by its name": /is no UserError: PluginFault: threw Error/,
    },
  );
  await assertBroken(promisesOf("gsm8k", {}, { rows: [] }), {
    "rows are documents": /there are no rows of the split "test"/,
  });
});

Deno.test("a task that remembers what it was asked is told", async () => {
  const task = tasks.get("arc_easy");
  let asked = 0;
  const remembering: Partial<Task> = { target: (doc) => `${task.target(doc)} ${asked++}` };
  await assertBroken(promisesOf("arc_easy", remembering), {
    "the same row gives the same, asked twice": /something is another/,
  });
});

Deno.test("a name that --tasks would split, and no description, are told", async () => {
  await assertBroken(promisesOf("gsm8k", { name: "a,b" }), {
    "it is described": /its name is "a,b"/,
  });
  await assertBroken(promisesOf("gsm8k", { description: "" }), {
    "it is described": /its description is no line/,
  });
});
