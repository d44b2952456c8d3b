/** Tasks against the worked examples of lm-evaluation-harness: prompts, scores, text, wrong rows. */

import assert from "node:assert/strict";
import {
  type Task,
  type TaskAnswer,
  type TaskRow,
  UserError,
} from "../../../core/contracts/mod.ts";
import { FewShots } from "../../../core/eval/harness/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { cleaned } from "../../../plugins/tasks/hellaswag.ts";
import { detokenized } from "../../../plugins/tasks/wikitext.ts";

const { tasks, taskGroups } = builtinPlugins();
const named = (name: string): Task => tasks.get(name);

/** Contexts and continuations of a row after these examples. */
function asked(task: Task, row: TaskRow, examples: readonly TaskRow[] = []) {
  const pool = examples.map((example) => task.document(example));
  const shots = new FewShots(
    { ...task, shots: { split: "train", count: 0, draw: "first" } },
    pool,
    pool.length,
    0,
  );
  const doc = task.document(row);
  return task.requests(doc, shots.prefix(doc));
}

function likelihoods(...values: number[]): TaskAnswer[] {
  return values.map((logLikelihood) => ({ kind: "loglikelihood", logLikelihood, isGreedy: false }));
}

Deno.test("mmlu: the prompt of the harness, with letters for answers", () => {
  const task = named("mmlu_college_physics");
  const dev = [
    { question: " Unit of force?", choices: ["joule", "newton", "watt", "volt"], answer: 1 },
    { question: "2+2?", choices: ["1", "2", "3", "4"], answer: 3 },
  ];
  const row = {
    question: "Speed of light is about?\n",
    choices: ["3e8 m/s", "3e6 m/s", "3e5 m/s", "30 m/s"],
    answer: 0,
  };
  const context = "The following are multiple choice questions (with answers) about college " +
    "physics.\n\nUnit of force?\nA. joule\nB. newton\nC. watt\nD. volt\nAnswer: B\n\n2+2?\nA. 1\n" +
    "B. 2\nC. 3\nD. 4\nAnswer: D\n\nSpeed of light is about?\nA. 3e8 m/s\nB. 3e6 m/s\n" +
    "C. 3e5 m/s\nD. 30 m/s\nAnswer:";
  assert.deepEqual(
    asked(task, row, dev),
    [" A", " B", " C", " D"].map((continuation) => ({
      kind: "loglikelihood",
      context,
      continuation,
    })),
  );
  assert.equal(task.target(task.document(row)), "0");
});

Deno.test("mmlu: all 57 subjects are in one of four categories of one group", () => {
  const categories = taskGroups.get("mmlu").members.map((name) => taskGroups.get(name).members);
  assert.deepEqual(categories.map(({ length }) => length), [19, 13, 12, 13]);
  for (const name of categories.flat()) {
    assert.ok(tasks.has(name));
    assert.match(named(name).preamble!, /about [a-z ]+\.\n\n$/);
  }
});

Deno.test("arc: the text of each choice is scored, and its length in characters", () => {
  const task = named("arc_challenge");
  const shot = {
    question: "Which is a gas?",
    choices: { text: ["ice", "steam"], label: ["A", "B"] },
    answerKey: "B",
  };
  const row = {
    question: "What do bees make?",
    choices: { text: ["honey", "silk", "wax paper"], label: ["1", "2", "3"] },
    answerKey: "1",
  };
  const requests = asked(task, row, [shot]);
  assert.deepEqual(
    requests.map((request) => request.kind === "loglikelihood" && request.continuation),
    [" honey", " silk", " wax paper"],
  );
  assert.deepEqual(
    requests.map((request) => request.kind === "loglikelihood" && request.context)[0],
    "Question: Which is a gas?\nAnswer: steam\n\nQuestion: What do bees make?\nAnswer:",
  );
  const doc = task.document(row);
  assert.deepEqual(task.score(doc, likelihoods(-5, -6, -8)), [
    { filter: "none", values: { acc: 1, "acc_norm": 0 } },
  ]);
  assert.deepEqual(task.score(doc, likelihoods(-5, -5, -50))[0]!.values["acc"], 1);
});

Deno.test("gsm8k: prompt, limits, and both ways of finding the answer", () => {
  const task = named("gsm8k");
  const shot = {
    question: "Ann has 2 apples and gets 3. Total?",
    answer: "2 + 3 = <<2+3=5>>5 apples.\n#### 5",
  };
  const row = { question: "Tom has 3 pens?", answer: "She has 9 eggs.\n#### 1,018" };
  assert.deepEqual(asked(task, row, [shot]), [{
    kind: "generate",
    context:
      `Question: ${shot.question}\nAnswer: ${shot.answer}\n\nQuestion: Tom has 3 pens?\nAnswer:`,
    until: ["Question:", "</s>", "<|im_end|>"],
    maxTokens: 256,
  }]);
  const cases: (readonly [string, string, number, string, number])[] = [
    [" So 1000+18 = 1018.\n#### 1018\n\n", "1018", 1, "1018", 1],
    [" The total is $1,018.", "[invalid]", 0, "$1,018.", 1],
    [" #### -5 then #### 1,018.", "-5", 0, "1,018.", 1],
    [" It is 7... so 1018...", "[invalid]", 0, "1018...", 0],
    [" no digits here.", "[invalid]", 0, "[invalid]", 0],
    [" ####1018", "[invalid]", 0, "1018", 1],
    [" #### $1018", "[invalid]", 0, "$1018", 1],
    ["Answer 3.\n#### 1,018.00", "1,018.00", 0, "1,018.00", 0],
    [" 5, 6, 1018,", "[invalid]", 0, "1018,", 1],
  ];
  const doc = task.document(row);
  for (const [text, strict, isStrict, flexible, isFlexible] of cases) {
    assert.deepEqual(task.score(doc, [{ kind: "generate", text }]), [
      { filter: "strict-match", filtered: [strict], values: { "exact_match": isStrict } },
      { filter: "flexible-extract", filtered: [flexible], values: { "exact_match": isFlexible } },
    ], text);
  }
});

Deno.test("wikitext: the text is put together again, words and bytes are of the page", () => {
  const cases: (readonly [string, string])[] = [
    ["the birds ' nests 'were' ' old '", "the birds'nests'were'' old '"],
    ["= = = = X = = = =", "==== X ===="],
    ['say " a " and " b', 'say "a" and " b'],
    ["x /' 5/ y", "x /'[0-9]/ y"],
    ["{ a } ( b ( c ) d )", "{a} (b ( c) d )"],
    ["' s a ' b", "'s a' b"],
    [" N N  N ", " 1 N  1 "],
    ["cost $& and $1 , yes", "cost $& and $1, yes"],
  ];
  for (const [page, text] of cases) assert.equal(detokenized(page), text);
  const task = named("wikitext");
  const page =
    " \n = Green Heron = \n \n The heron 's range ( south @-@ west ) is 1 @,@ 200 km at " +
    '2 @.@ 5 m ; it said " go on " at 20 ° C . It rose N of Paris : [ a ] \n = = Diet = = \n Fish ' +
    ", frogs ! \n = = = Young = = = \n";
  const text =
    "\n= Green Heron =\n\nThe heron's range (south-west) is 1,200 km at 2.5 m; it said " +
    '"go on" at 20°C. It rose 1 of Paris: [a]\n== Diet ==\nFish, frogs!\n=== Young ===\n';
  const doc = task.document({ page });
  assert.deepEqual(task.requests(doc, ""), [{ kind: "rolling", text }]);
  const [scored] = task.score(doc, [{ kind: "rolling", logLikelihood: -7 }]);
  assert.deepEqual(scored!.values, {
    "word_perplexity": [-7, 62],
    "byte_perplexity": [-7, 203],
    "bits_per_byte": [-7, 203],
  });
});

Deno.test("hellaswag: text without marks, choices with their own spaces", () => {
  assert.equal(
    cleaned("[header] How to tie a knot [title] Get rope. [step] Find  a rope [substeps] Buy it."),
    " How to tie a knot. Get rope. Find a rope Buy it.",
  );
  assert.equal(cleaned(" ends with [title]"), "ends with. ");
  assert.equal(cleaned("a    b"), "a  b");
  const task = named("hellaswag");
  const doc = {
    "activity_label": "Roof shingle removal",
    "ctx_a": "A man is sitting on a roof.",
    "ctx_b": "he STARTS Pulling",
    endings: ["up roofing [step] tiles.", "[header] is gone", "a", "b"],
    label: "0",
  };
  const context = "Roof shingle removal: A man is sitting on a roof. He starts pulling";
  assert.deepEqual(
    asked(task, doc),
    [" up roofing tiles.", "  is gone", " a", " b"].map((continuation) => ({
      kind: "loglikelihood",
      context,
      continuation,
    })),
  );
  const scored = task.score(task.document(doc), likelihoods(-17, -7, -1.1, -1.1));
  assert.deepEqual(scored[0]!.values, { acc: 0, "acc_norm": 0 });
});

Deno.test("winogrande: the same continuation after either name", () => {
  const task = named("winogrande");
  const row = {
    sentence: "Ann thanked Eve because _ had helped.",
    option1: "Ann",
    option2: "Eve",
    answer: "2",
  };
  assert.deepEqual(
    asked(task, row),
    ["Ann", "Eve"].map((name) => ({
      kind: "loglikelihood",
      context: `Ann thanked Eve because ${name}`,
      continuation: " had helped.",
    })),
  );
  const doc = task.document(row);
  assert.equal(
    `${task.question(doc)} ${task.answer(doc)}`,
    "Ann thanked Eve because Eve had helped.",
  );
  assert.equal(task.score(doc, likelihoods(-3, -2))[0]!.values["acc"], 1);
});

const wrong: (readonly [task: string, row: TaskRow, says: RegExp])[] = [
  [
    "mmlu_virology",
    { question: "x", answer: 1 },
    /column "choices" is missing; there are "question"/,
  ],
  ["mmlu_virology", { question: "x", choices: ["a"], answer: 1 }, /column "choices"/],
  ["mmlu_virology", { question: "x", choices: ["a", "b", "c", "d"], answer: 4 }, /column "answer"/],
  [
    "arc_easy",
    { question: "x", choices: { text: ["a"], label: ["A"] }, answerKey: "E" },
    /column "answerKey": "E" is none of A/,
  ],
  [
    "arc_easy",
    { question: "x", choices: { text: ["a", "b"], label: ["A"] }, answerKey: "A" },
    /2 texts for 1 labels/,
  ],
  ["gsm8k", { question: "x" }, /column "answer" is missing/],
  ["wikitext", { text: "x" }, /column "page" is missing; there are "text"/],
  ["winogrande", { sentence: "x", option1: "a", option2: "b", answer: "1" }, /no gap/],
];

for (const [name, row, says] of wrong) {
  Deno.test(`${name}: ${says.source} is said of a wrong row`, () => {
    assert.throws(() => named(name).document(row), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, says);
      return true;
    });
  });
}

Deno.test("micro tasks ask what can be answered, each question with its own answer", () => {
  for (const name of ["micro_facts", "micro_reason", "micro_math", "micro_ppl"]) {
    const task = named(name);
    const rows = [...task.dataset.rows!(task.split)].slice(0, 20);
    assert.ok(rows.length === 20);
    for (const row of rows) {
      const doc = task.document(row);
      const requests = task.requests(doc, "");
      assert.ok(requests.length === (task.outputType === "multiple_choice" ? 4 : 1));
      if (task.outputType !== "generate_until") continue;
      const right = task.score(doc, [{ kind: "generate", text: ` ${task.answer(doc)}` }]);
      assert.equal(right[0]!.values["exact_match"], 1);
      const other = task.score(doc, [{ kind: "generate", text: " The answer is nothing." }]);
      assert.equal(other[0]!.values["exact_match"], 0);
    }
  }
});
