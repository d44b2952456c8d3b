/** Examples in front of questions: which ones each document gets, and how they are written. */

import assert from "node:assert/strict";
import { type ShotRule, type Task, UserError } from "../../../../core/contracts/mod.ts";
import { choiceTask, FewShots, scoreChoices } from "../../../../core/eval/harness/mod.ts";

interface Doc {
  readonly number: number;
}

function task(draw: ShotRule["draw"], answer?: string): Task {
  const own = choiceTask<Doc>({
    name: "own",
    description: "",
    version: 1,
    dataset: { folder: "own" },
    split: "test",
    shots: { split: "train", count: 0, draw },
    preamble: "Answer.\n\n",
    document: ({ number }) => ({ number: Number(number) }),
    question: ({ number }) => `Q${number}`,
    choices: () => [answer ?? " yes"],
    gold: () => 0,
  });
  return own as Task;
}

const pool = (size: number): Doc[] => Array.from({ length: size }, (_, number) => ({ number }));
const numbers = (docs: readonly unknown[]) => docs.map((doc) => (doc as Doc).number).join(" ");

/** What the document at a place gets, after all before it. */
function drawnFor(place: number, draw: ShotRule["draw"], size: number, count: number): string {
  const shots = new FewShots(task(draw), pool(size), count, 1234);
  let drawn: readonly unknown[] = [];
  for (let i = 0; i <= place; i++) drawn = shots.draw({ number: -1 });
  return numbers(drawn);
}

// What the harness drew, by the number of the document.
const drawn: (readonly [
  name: string,
  draw: ShotRule["draw"],
  size: number,
  count: number,
  documents: Readonly<Record<number, string>>,
])[] = [
  ["arc_challenge", "random", 1119, 25, {
    1171:
      "656 436 1082 803 812 44 1077 951 872 453 223 253 94 879 232 469 459 23 358 611 1107 126 " +
      "650 593 82",
  }],
  ["arc_easy", "random", 2251, 5, { 2375: "1900 1710 1655 2074 777" }],
  ["hellaswag", "random-other", 39905, 10, {
    0: "28883 7657 490 5940 38156 2288 5500 6450 23241 15519",
    1: "2019 1038 22681 31735 30379 9735 5982 11999 7498 958",
    10041: "39331 29090 16001 37167 32983 26425 3725 34508 24230 31062",
  }],
  ["hellaswag with train as its split", "random", 39905, 10, {
    1: "1142 2019 1038 22681 31735 30379 9735 5982 11999 7498",
    10041: "21081 6616 35449 523 9187 31964 16132 36262 39750 11423",
  }],
  ["winogrande", "random-other", 40398, 5, {
    0: "28883 7657 490 5940 38156",
    1: "5500 6450 23241 15519 1142",
    1266: "17562 26886 37963 2484 6488",
  }],
  ["winogrande with train as its split", "random", 40398, 5, {
    1: "2288 5500 6450 23241 15519",
    1266: "33361 40389 39965 18099 3440",
  }],
];

for (const [name, draw, size, count, documents] of drawn) {
  Deno.test(`${name}, ${count} of ${size}: documents get the examples that the harness gives them`, () => {
    for (const [place, expected] of Object.entries(documents)) {
      assert.equal(drawnFor(Number(place), draw, size, count), expected, `document ${place}`);
    }
  });
}

Deno.test("the first examples are the same for all documents", () => {
  const shots = new FewShots(task("first"), pool(5), 3, 1234);
  for (let i = 0; i < 2; i++) assert.equal(numbers(shots.draw({ number: i })), "0 1 2");
});

Deno.test("a document is not among its own examples, nor a copy of it", () => {
  // Five of six are drawn: whatever they are, a copy of the document is among them.
  const shots = new FewShots(task("random-other"), pool(6), 4, 1234);
  const seen = Array.from({ length: 20 }, (_, i) => numbers(shots.draw({ number: i % 6 })));
  seen.forEach((own, i) => {
    assert.equal(own.split(" ").length, 4);
    assert.ok(!own.split(" ").includes(String(i % 6)), `${own} for ${i % 6}`);
  });
  assert.ok(new Set(seen).size > 10);

  const copies = [{ number: 1 }, { number: 1 }, { number: 1 }, { number: 2 }, { number: 3 }];
  const others = new FewShots(task("random-other"), copies, 2, 1234);
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(numbers(others.draw({ number: 1 })).split(" ").sort(), ["2", "3"]);
  }
  const few = new FewShots(task("random-other"), copies, 4, 1234);
  assert.throws(() => few.draw({ number: 1 }), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /4 examples for own.*"train" has 2 documents/);
    return true;
  });
});

Deno.test("more examples than there are documents are refused at once", () => {
  const cases: (readonly [ShotRule["draw"], number, RegExp])[] = [
    ["first", 6, /Cannot draw 6 examples for own: its split "train" has 5 documents and 6/],
    ["random", 6, /has 5 documents and 6 are needed/],
    ["random-other", 5, /has 5 documents and 6 are needed/],
  ];
  for (const [draw, count, says] of cases) {
    assert.throws(() => new FewShots(task(draw), pool(5), count, 1), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, says);
      return true;
    });
  }
  assert.deepEqual(new FewShots(task("random"), [], 0, 1).draw({}), []);
});

Deno.test("examples are written one after the other, a space in an answer besides the one in front", () => {
  const shots = new FewShots(task("first"), pool(5), 2, 1234);
  assert.equal(shots.prefix({ number: 9 }), "Answer.\n\nQ0  yes\n\nQ1  yes\n\n");
  const none = new FewShots(task("first"), pool(5), 0, 1234);
  assert.equal(none.prefix({ number: 9 }), "Answer.\n\n");
});

Deno.test("there is nothing around an empty answer", () => {
  const shots = new FewShots(task("first", ""), pool(5), 2, 1234);
  assert.equal(shots.prefix({ number: 9 }), "Answer.\n\nQ0Q1");
});

Deno.test("the first of equal likelihoods is chosen; what is not a number counts as the largest", () => {
  const acc = (gold: number, ...values: number[]) =>
    scoreChoices(
      values.map((logLikelihood) => ({ kind: "loglikelihood", logLikelihood, isGreedy: false })),
      gold,
    )[0]!.values["acc"];
  assert.equal(acc(0, -1, -1, -2), 1);
  assert.equal(acc(1, -1, -1, -2), 0);
  assert.equal(acc(1, -Infinity, -9), 1);
  assert.equal(acc(1, -1, NaN, NaN), 1);
  assert.equal(acc(0, -1, NaN, NaN), 0);
});
