/** CPython's random numbers: its own first outputs, and the examples that the harness draws. */

import assert from "node:assert/strict";
import { PythonRandom } from "../../../../core/eval/harness/mod.ts";

const range = (size: number) => Array.from({ length: size }, (_, i) => i);

Deno.test("the first numbers are those of Python's random", () => {
  const first = new PythonRandom(1234);
  assert.deepEqual(
    Array.from({ length: 5 }, () => first.next()),
    [4150886329, 3342196574, 1892932127, 501869158, 32175636],
  );
  const zero = new PythonRandom(0);
  assert.deepEqual([zero.random(), zero.random()], [0.8444218515250481, 0.7579544029403025]);
  const again = new PythonRandom(-1234);
  assert.deepEqual([again.random(), again.random()], [0.9664535356921388, 0.4407325991753527]);
});

Deno.test("samples of a small pool are Python's", () => {
  const random = new PythonRandom(1234);
  assert.deepEqual(random.sample(range(20), 5), [14, 3, 0, 2, 1]);
  assert.deepEqual(random.sample(range(20), 5), [2, 3, 11, 7, 0]);
  assert.throws(() => random.sample(range(3), 4), RangeError);
});

const draws: (readonly [name: string, size: number, count: number, ...documents: string[]])[] = [
  ["arc_challenge", 1119, 5, "902 239 15 185 71", "171 201 726 484 35"],
  [
    "arc_challenge",
    1119,
    25,
    "902 239 15 185 71 171 201 726 484 35 63 32 708 991 949 304 186 374 234 29 1030 996 511 132 1108",
    "954 140 182 1054 94 552 129 619 985 727 545 510 409 928 1085 39 1040 144 11 683 294 968 772 342 110",
  ],
  ["arc_easy", 2251, 5, "1805 478 30 371 143", "343 403 1452 969 71"],
  ["gsm8k", 7473, 5, "6374 3610 957 61 742", "7462 6610 4769 286 5501"],
  [
    "hellaswag",
    39905,
    11,
    "28883 7657 490 5940 38156 2288 5500 6450 23241 15519 1142",
    "2019 1038 22681 31735 30379 9735 5982 11999 7498 958",
  ],
];

for (const [name, size, count, ...documents] of draws) {
  Deno.test(`${name}, ${count} of ${size}: the examples of the first documents are the harness's`, () => {
    const random = new PythonRandom(1234);
    for (const expected of documents) {
      const drawn = random.sample(range(size), count);
      assert.equal(drawn.slice(0, expected.split(" ").length).join(" "), expected);
    }
  });
}

const lasts:
  (readonly [name: string, size: number, count: number, document: number, drawn: string])[] = [
    ["arc_challenge", 1119, 5, 1171, "579 819 146 694 440"],
    ["gsm8k", 7473, 5, 1318, "220 4179 6064 5599 5541"],
  ];

for (const [name, size, count, document, expected] of lasts) {
  Deno.test(`${name}: so are those of the last document`, () => {
    const random = new PythonRandom(1234);
    let drawn: number[] = [];
    for (let i = 0; i <= document; i++) drawn = random.sample(range(size), count);
    assert.equal(drawn.join(" "), expected);
  });
}
