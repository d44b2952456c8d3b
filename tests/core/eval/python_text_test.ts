/** What Python does with text. */

import assert from "node:assert/strict";
import {
  capitalize,
  codePoints,
  piecesBetweenSpace,
  pythonText,
  rstrip,
  strip,
} from "../../../core/eval/python_text.ts";

Deno.test("white space is Python's: not the byte-order mark, but the separators", () => {
  assert.equal(strip("\u0085\u001c \ufeffx\u3000 "), "\ufeffx");
  assert.equal(rstrip(" x \n"), " x");
});

Deno.test("lengths are in code points, words are pieces between white space", () => {
  assert.equal(codePoints("a😀é"), 3);
  assert.equal(piecesBetweenSpace("one  two\nthree"), 3);
  assert.equal(piecesBetweenSpace(" one "), 3);
  assert.equal(piecesBetweenSpace(""), 1);
});

Deno.test("capitalize lowers all but the first", () => {
  assert.equal(capitalize("he STARTS Pulling"), "He starts pulling");
  assert.equal(capitalize(""), "");
});

Deno.test("numbers and truths are written as Python writes them", () => {
  const cases: (readonly [number | boolean, string])[] = [
    [-87.96868133544922, "-87.96868133544922"],
    [1, "1.0"],
    [-5, "-5.0"],
    [-0, "-0.0"],
    [0.0001, "0.0001"],
    [0.00012345, "0.00012345"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [1e16, "1e+16"],
    [123456789012345.6, "123456789012345.6"],
    [1e15, "1000000000000000.0"],
    [Infinity, "inf"],
    [NaN, "nan"],
    [true, "True"],
    [false, "False"],
  ];
  for (const [value, text] of cases) assert.equal(pythonText(value), text);
});
