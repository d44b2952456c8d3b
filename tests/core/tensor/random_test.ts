/** Random numbers: the published bits, addressed in any order, and what is built of them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { hashName, philox, RandomStream } from "../../../core/tensor/mod.ts";

const PINNED = { seed: 20_250, numRuns: 100 };

function block(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
): string[] {
  const out = new Uint32Array(4);
  philox(key, counter, out);
  return Array.from(out, (word) => word.toString(16).padStart(8, "0"));
}

Deno.test("philox() gives the known answers of Random123 (kat_vectors, philox4x32-10)", () => {
  assert.deepEqual(
    block([0, 0], [0, 0, 0, 0]),
    ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"],
  );
  const ones = 0xffffffff;
  assert.deepEqual(
    block([ones, ones], [ones, ones, ones, ones]),
    ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"],
  );
  // The digits of pi.
  assert.deepEqual(
    block([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]),
    ["d16cfe09", "94fdcceb", "5001e420", "24126ea1"],
  );
});

Deno.test("philox() writes where it is told to and nowhere else", () => {
  const out = new Uint32Array(6);
  philox([0, 0], [0, 0, 0, 0], out, 1);
  assert.deepEqual([...out], [0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0]);
});

Deno.test("hashName() gives the published FNV-1a hashes", () => {
  assert.equal(hashName(""), 0x811c9dc5);
  assert.equal(hashName("a"), 0xe40c292c);
  assert.equal(hashName("foobar"), 0xbf9cf968);
});

Deno.test("streams do not depend on the order in which they are drawn from", () => {
  const words = (stream: RandomStream) => Array.from({ length: 9 }, () => stream.uint32());
  const steps = [0, 1, 2, 3];
  const forwards = steps.map((step) => words(new RandomStream(7, "gumbel", step)));
  const backwards = steps.toReversed().map((step) => words(new RandomStream(7, "gumbel", step)));
  assert.deepEqual(backwards.toReversed(), forwards);

  const one = new RandomStream(7, "gumbel", 0);
  const two = new RandomStream(7, "gumbel", 1);
  const inTurn = Array.from({ length: 9 }, () => [one.uint32(), two.uint32()]);
  assert.deepEqual(inTurn.map(([word]) => word), forwards[0]);
  assert.deepEqual(inTurn.map(([, word]) => word), forwards[1]);
});

Deno.test("streams of another seed, name or index are other streams", () => {
  const addresses: [seed: number, name: string, index: number][] = [
    [1, "a", 0],
    [2, "a", 0],
    [1 + 2 ** 32, "a", 0],
    [1, "b", 0],
    [1, "a", 1],
    [1, "a", 2 ** 32],
  ];
  const firsts = addresses.map((address) => new RandomStream(...address).uint32());
  assert.equal(new Set(firsts).size, addresses.length);
});

/** A stream whose words are given instead of drawn. */
class Scripted extends RandomStream {
  readonly #words: number[];
  constructor(...words: number[]) {
    super(0, "scripted");
    this.#words = words;
  }
  override uint32(): number {
    return this.#words.shift()!;
  }
}

Deno.test("uniform() is never 0 or 1, not even rounded to float32", () => {
  for (const word of [0, 1, 511, 512, 2 ** 31, 0xffffffff]) {
    const u = new Scripted(word).uniform();
    assert.equal(Math.fround(u), u);
    assert.ok(u > 0 && u < 1, `${u}`);
    // Both logarithms of a Gumbel draw are finite in float32.
    const gumbel = -Math.log(-Math.log(u));
    assert.ok(Number.isFinite(Math.fround(gumbel)), `${u}: ${gumbel}`);
  }
});

Deno.test("uniform() has the mean and variance of a uniform number", () => {
  const stream = new RandomStream(3, "moments");
  const count = 20_000;
  const draws = Array.from({ length: count }, () => stream.uniform());
  const mean = draws.reduce((sum, u) => sum + u, 0) / count;
  const variance = draws.reduce((sum, u) => sum + (u - mean) ** 2, 0) / count;
  // Four standard errors.
  assert.ok(Math.abs(mean - 1 / 2) < 4 * Math.sqrt(1 / 12 / count), `${mean}`);
  assert.ok(Math.abs(variance - 1 / 12) < 4 * Math.sqrt(1 / 180 / count), `${variance}`);
});

Deno.test("normal() has mean 0, variance 1 and the right share beyond 2", () => {
  const stream = new RandomStream(4, "moments");
  const count = 20_000;
  const draws = Array.from({ length: count }, () => stream.normal());
  const mean = draws.reduce((sum, z) => sum + z, 0) / count;
  const variance = draws.reduce((sum, z) => sum + (z - mean) ** 2, 0) / count;
  const beyond = draws.filter((z) => Math.abs(z) > 2).length / count;
  assert.ok(Math.abs(mean) < 4 / Math.sqrt(count), `${mean}`);
  assert.ok(Math.abs(variance - 1) < 4 * Math.sqrt(2 / count), `${variance}`);
  assert.ok(Math.abs(beyond - 0.0455) < 4 * Math.sqrt(0.0455 / count), `${beyond}`);
});

Deno.test("below() stays below its bound and reaches every number under it", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
      const stream = new RandomStream(seed, "below");
      for (let i = 0; i < 8; i++) {
        const n = stream.below(bound);
        if (!Number.isInteger(n) || n < 0 || n >= bound) return false;
      }
      return true;
    }),
    PINNED,
  );
  const stream = new RandomStream(5, "below");
  const seen = new Set(Array.from({ length: 200 }, () => stream.below(7)));
  assert.deepEqual([...seen].toSorted(), [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("below() draws again where the words left over would favour small numbers", () => {
  // 2^32 = 3 * 1431655765 + 1: the last word would give 0 once too often.
  assert.equal(new Scripted(0xffffffff, 5).below(3), 2);
  assert.equal(new Scripted(0xfffffffe).below(3), 0xfffffffe % 3);
});

Deno.test("shuffle() permutes in place, and repeats itself for the same stream", () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.integer(), { maxLength: 40 }), (seed, items) => {
      const shuffled = new RandomStream(seed, "shuffle").shuffle([...items]);
      assert.deepEqual(shuffled.toSorted(), items.toSorted());
      assert.deepEqual(new RandomStream(seed, "shuffle").shuffle([...items]), shuffled);
    }),
    PINNED,
  );
  const array = Int32Array.of(1, 2, 3, 4, 5);
  assert.equal(new RandomStream(1, "shuffle").shuffle(array), array);
});

Deno.test("shuffle() gives every order of three about as often", () => {
  const counts = new Map<string, number>();
  const stream = new RandomStream(6, "shuffle");
  for (let i = 0; i < 6000; i++) {
    const order = stream.shuffle([..."abc"]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 120, `${order} ${count}`);
});

Deno.test("pick() takes one of the choices and refuses an empty list", () => {
  const stream = new RandomStream(8, "pick");
  const picks = new Set(Array.from({ length: 50 }, () => stream.pick(["x", "y", "z"])));
  assert.deepEqual([...picks].toSorted(), ["x", "y", "z"]);
  assert.throws(() => stream.pick([]), { name: "RangeError", message: /empty list/ });
});
