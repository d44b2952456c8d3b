/** A table in a router's place: means by key. */

import assert from "node:assert/strict";
import { LogitTable } from "../../../core/routing/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";

const everyToken = () => true;

/** Means of two layers for the keys 7 and 9, from two batches. */
function table(): LogitTable {
  const known = new LogitTable(2);
  known.add([7, 9], [1, -1, 4, 0], everyToken);
  known.add([7, 7], [2, -2, 6, 0], everyToken);
  return known;
}

Deno.test("a table answers with the mean log-odds of all tokens of the same key", () => {
  assert.deepEqual([...table().logits([9, 7])], [4, 0, 3, -1]);
});

Deno.test("a key that was never seen gets the mean of all tokens", () => {
  // Of four tokens, not of two keys.
  assert.deepEqual([...table().logits([5])], [13 / 4, -3 / 4]);
});

Deno.test("padding does not count", () => {
  const known = table();
  known.add([7, 8], [1000, 1000, 1000, 1000], () => false);
  assert.deepEqual(known.logits([7, 9, 8]), table().logits([7, 9, 8]));
});

Deno.test("gates are 1 where the log-odds are above the threshold", () => {
  const gates = table().gates([9, 7, 7, 5], [2, 2, 2], 3);
  assert.deepEqual(gates, floats([2, 2, 2], [1, 0, 0, 0, 0, 0, 1, 0]));
});

Deno.test("an empty table answers 0", () => {
  assert.deepEqual([...new LogitTable(2).logits([1])], [0, 0]);
});
