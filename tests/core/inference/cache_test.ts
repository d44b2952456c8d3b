/** What is kept of texts that grow: nothing is lost or mixed up, whatever their lengths. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import { KeyValueCache, memoryNames, type PassOutputs } from "../../../core/inference/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { MODEL } from "../../support/tiny_student.ts";

/** Two heads, so that they can be mixed up. */
const DIMS = { ...MODEL.dims, numLayers: 2, numKeyValueHeads: 2, headDim: 3, maxPositions: 150 };
const NAMES = Array.from({ length: DIMS.numLayers }, (_, layer) => memoryNames(layer))
  .flatMap(({ keys, values }) => [keys, values]);

/** What is kept of a token, by its number, the tensor and the head; exact in float32. */
const valueOf = (token: number, name: string, head: number, place: number) =>
  token * 100 + NAMES.indexOf(name) * 10 + head * DIMS.headDim + place;

/** What a pass makes of tokens of these numbers, padding as token -1. */
function outputsOf(texts: readonly (readonly number[])[], names = NAMES): PassOutputs {
  const { numKeyValueHeads: heads, headDim: width } = DIMS;
  const made = Math.max(1, ...texts.map((tokens) => tokens.length));
  return Object.fromEntries(names.map((name) => {
    const tensor = floats([texts.length, heads, made, width]);
    tensor.data.forEach((_, i) => {
      const token = Math.floor(i / width) % made;
      const head = Math.floor(i / width / made) % heads;
      const text = Math.floor(i / width / made / heads);
      tensor.data[i] = valueOf(texts[text]![token] ?? -1, name, head, i % width);
    });
    return [name, tensor];
  }));
}

/** Asserts that the cache holds these tokens of each text, in every tensor. */
function assertHolds(cache: KeyValueCache, texts: readonly (readonly number[])[], names = NAMES) {
  assert.deepEqual(cache.lengths, texts.map((tokens) => tokens.length));
  for (const name of names) {
    const { shape, data } = cache.memory[name]!;
    const [batch, heads, capacity, width] = shape as [number, number, number, number];
    assert.deepEqual([batch, heads, width], [texts.length, DIMS.numKeyValueHeads, DIMS.headDim]);
    assert.equal(data.length, batch * heads * capacity * width);
    texts.forEach((tokens, text) => {
      for (let head = 0; head < heads; head++) {
        const start = (text * heads + head) * capacity * width;
        const expected = tokens.flatMap((token) =>
          Array.from({ length: width }, (_, place) => valueOf(token, name, head, place))
        );
        const held = [...data.subarray(start, start + tokens.length * width)];
        assert.deepEqual(held, expected, `${name} of text ${text}, head ${head}`);
      }
    });
  }
}

const count = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);

Deno.test("each text grows by its own count, and padding is not kept", () => {
  const cache = new KeyValueCache(3, DIMS);
  assertHolds(cache, [[], [], []]);
  cache.append(outputsOf([[1, 2, 3], [11], [21, 22]]), [3, 1, 2]);
  cache.append(outputsOf([[4], [], [23, 24]]), [1, 0, 2]);
  assertHolds(cache, [[1, 2, 3, 4], [11], [21, 22, 23, 24]]);
});

Deno.test("of what a pass has made only the counted tokens are kept", () => {
  const cache = new KeyValueCache(2, DIMS);
  cache.append(outputsOf([[1, 2, 3], [11, 12, 13]]), [1, 2]);
  cache.append(outputsOf([[4, 5], [14, 15]]), [2, 1]);
  assertHolds(cache, [[1, 4, 5], [11, 12, 14]]);
});

Deno.test("growing past what there was room for keeps every token, by ones and by many", () => {
  for (const step of [1, 7, 64, 65, 150]) {
    const cache = new KeyValueCache(2, DIMS);
    const texts: number[][] = [[], []];
    while (texts[0]!.length < DIMS.maxPositions) {
      const more = Math.min(step, DIMS.maxPositions - texts[0]!.length);
      const next = [count(texts[0]!.length, more), count(200 + texts[1]!.length, more >> 1)];
      cache.append(outputsOf(next), next.map((tokens) => tokens.length));
      next.forEach((tokens, text) => texts[text]!.push(...tokens));
    }
    assertHolds(cache, texts);
  }
});

Deno.test("room is made for the longest text, in steps, and for no more than the model reads", () => {
  const cache = new KeyValueCache(2, DIMS);
  const room = () => cache.memory[NAMES[0]!]!.shape[2];
  const capacities = [1, 63, 1, 63, 1, 21].map((more) => {
    cache.append(outputsOf([[], count(0, more)]), [0, more]);
    return room();
  });
  assert.deepEqual(capacities, [64, 64, 128, 128, 150, 150]);
});

Deno.test("selected texts stay as they were, in the order asked for, and go on", () => {
  const cache = new KeyValueCache(4, DIMS);
  cache.append(outputsOf([[1], [11, 12], [21, 22, 23], []]), [1, 2, 3, 0]);
  cache.select([2, 0, 3]);
  assertHolds(cache, [[21, 22, 23], [1], []]);
  cache.append(outputsOf([[24], [2], [31]]), [1, 1, 1]);
  assertHolds(cache, [[21, 22, 23, 24], [1, 2], [31]]);
});

Deno.test("tokens beyond a length that was lowered are written over", () => {
  const cache = new KeyValueCache(2, DIMS);
  cache.append(outputsOf([count(0, 5), count(10, 5)]), [5, 5]);
  cache.lengths[0] = 2;
  cache.lengths[1] = 4;
  assertHolds(cache, [[0, 1], [10, 11, 12, 13]]);
  cache.append(outputsOf([[50, 51], [60, 61]]), [2, 1]);
  assertHolds(cache, [[0, 1, 50, 51], [10, 11, 12, 13, 60]]);
});

Deno.test("a layer that a pass leaves out keeps what it had, and room for what it missed", () => {
  const cache = new KeyValueCache(1, DIMS);
  const first = Object.values(memoryNames(0));
  const second = Object.values(memoryNames(1));
  cache.append(outputsOf([count(0, 60)]), [60]);
  cache.append(outputsOf([count(60, 10)], first), [10]);
  assertHolds(cache, [count(0, 70)], first);
  cache.lengths[0] = 60;
  assertHolds(cache, [count(0, 60)], second);
  cache.append(outputsOf([count(90, 10)]), [10]);
  assertHolds(cache, [[...count(0, 60), ...count(90, 10)]]);
});

/** A step: append these counts, forget some last tokens, or select. */
const anyStep = fc.oneof(
  fc.record({ append: fc.array(fc.nat({ max: 40 }), { minLength: 4, maxLength: 4 }) }),
  fc.record({ forget: fc.array(fc.nat({ max: 9 }), { minLength: 4, maxLength: 4 }) }),
  fc.record({ select: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }) }),
);

Deno.test("after any steps the cache holds what lists of tokens would", () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
    const cache = new KeyValueCache(4, DIMS);
    let texts: number[][] = [[], [], [], []];
    let token = 0;
    for (const step of steps) {
      if ("append" in step) {
        const more = texts.map((tokens, i) => {
          const room = Math.min(step.append[i]!, DIMS.maxPositions - tokens.length);
          return count(token += 40, room);
        });
        // Every text gets tokens; those beyond its count are not its own.
        const longest = Math.max(...more.map((tokens) => tokens.length));
        const made = more.map((tokens) => [...tokens, ...count(9000, longest - tokens.length)]);
        cache.append(outputsOf(made), more.map((tokens) => tokens.length));
        texts = texts.map((tokens, i) => [...tokens, ...more[i]!]);
      } else if ("forget" in step) {
        texts = texts.map((tokens, i) =>
          tokens.slice(0, Math.max(0, tokens.length - step.forget[i]!))
        );
        texts.forEach(({ length }, i) => cache.lengths[i] = length);
      } else {
        const kept = step.select.filter((text) => text < texts.length);
        if (kept.length === 0) continue;
        cache.select(kept);
        texts = kept.map((text) => texts[text]!);
      }
    }
    assertHolds(cache, texts);
  }));
});

Deno.test("a text longer than the model reads is refused, and nothing is written", () => {
  const cache = new KeyValueCache(1, { ...MODEL.dims, maxPositions: 4 });
  const { numLayers, numKeyValueHeads, headDim } = MODEL.dims;
  const own = floats([1, numKeyValueHeads, 3, headDim]);
  const outputs = Object.fromEntries(
    Array.from({ length: numLayers }, (_, layer) => Object.values(memoryNames(layer))).flat()
      .map((name) => [name, own]),
  );
  cache.append(outputs, [3]);
  assert.throws(() => cache.append(outputs, [2]), /5 tokens.*4 positions/);
  assert.deepEqual(cache.lengths, [3]);
});
