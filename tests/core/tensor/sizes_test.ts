import assert from "node:assert/strict";
import {
  bindShape,
  isRuntimeSize,
  resolveSize,
  runtimeSize,
  sameCount,
  showSize,
  showType,
  sumOfSizes,
} from "../../../core/tensor/mod.ts";

const batch = runtimeSize("batch");
const length = runtimeSize("length");
const past = runtimeSize("past");
const total = sumOfSizes([past, length]);

Deno.test("a named size is one number, and is told from real ones", () => {
  assert.equal(runtimeSize("batch"), batch);
  assert.notEqual(batch, length);
  assert.ok([batch, 4 * batch, batch * length, total, 3 * total].every(isRuntimeSize));
  const real = [0, 1, 2048, 151_936, 2 ** 20, 2048 * 5632 / 2, 131_072 * 64];
  assert.ok(!real.some(isRuntimeSize));
});

Deno.test("sizes are shown by name", () => {
  assert.equal(showSize(8 * batch * length), "8·batch·length");
  assert.equal(showSize(total), "(past+length)");
  assert.equal(showType({ dtype: "float32", shape: [batch, 16] }), "float32[batch, 16]");
});

Deno.test("sizes are what a run makes them", () => {
  const sizes = new Map([["batch", 3], ["length", 5], ["past", 7]]);
  assert.equal(resolveSize(2 * batch * length, sizes), 30);
  assert.equal(resolveSize(4 * total, sizes), 48);
  assert.equal(resolveSize(96, sizes), 96);
  assert.throws(() => resolveSize(runtimeSize("elsewhere"), sizes), /"elsewhere" is not known/);
});

Deno.test("a sum with nothing is no sum, and one of real sizes is a number", () => {
  assert.equal(sumOfSizes([0, batch]), batch);
  assert.equal(sumOfSizes([3, 4]), 7);
});

Deno.test("tensors have equally many elements however they are arranged", () => {
  assert.ok(sameCount([batch, length, 8], [batch * length, 2, 4]));
  assert.ok(sameCount([batch * 8, total], [batch, 8, total]));
  assert.ok(!sameCount([batch, length], [batch, past]));
  assert.ok(!sameCount([batch, 2], [batch]));
  assert.ok(sameCount([0, batch], [length, 0, 3]));
});

Deno.test("shapes of a run bind names once and have to agree afterwards", () => {
  const sizes = new Map<string, number>();
  assert.ok(bindShape([batch, 8, length], [3, 8, 5], sizes));
  assert.ok(bindShape([batch * length], [15], sizes));
  assert.ok(!bindShape([batch], [4], sizes));
  assert.ok(!bindShape([batch, 1], [3], sizes));
  assert.ok(!bindShape([8], [7], sizes));
});

Deno.test("more than two unknown sizes in one are refused", () => {
  assert.throws(() => showSize(batch * length * past), /more than two sizes/);
});
