/** The gates that a router is compared with. */

import assert from "node:assert/strict";
import { randomGates, rateMatchedGates, shuffledGates } from "../../../core/routing/mod.ts";
import { floats, RandomStream } from "../../../core/tensor/mod.ts";

const SHAPE = [4, 1000, 3];
const TOKENS = 4000;
const stream = (index = 0) => new RandomStream(3, "controls", index);

/** Share of open gates of each layer. */
function rates(gates: { readonly data: Float32Array }, layers: number): number[] {
  return Array.from({ length: layers }, (_, layer) => {
    const own = gates.data.filter((_, i) => i % layers === layer);
    return own.reduce((sum, gate) => sum + gate) / own.length;
  });
}

/** Fails unless a share of `draws` coin tosses is within four standard deviations of `expected`. */
function assertRate(share: number, expected: number, draws: number): void {
  const allowed = 4 * Math.sqrt(expected * (1 - expected) / draws);
  assert.ok(
    Math.abs(share - expected) <= allowed,
    `the share is ${share}, expected ${expected} within ${allowed}`,
  );
}

Deno.test("random gates are 0 or 1, open at one rate in every layer", () => {
  const gates = randomGates(SHAPE, 0.7, stream());
  assert.deepEqual(gates.shape, SHAPE);
  assert.ok(gates.data.every((gate) => gate === 0 || gate === 1));
  for (const rate of rates(gates, 3)) assertRate(rate, 0.7, TOKENS);
  assert.ok(randomGates(SHAPE, 1, stream()).data.every((gate) => gate === 1));
  assert.ok(randomGates(SHAPE, 0, stream()).data.every((gate) => gate === 0));
});

Deno.test("rate-matched gates are open at each layer's own rate", () => {
  const activity = [0.1, 0.5, 0.95];
  const gates = rateMatchedGates(SHAPE, activity, stream());
  rates(gates, 3).forEach((rate, layer) => assertRate(rate, activity[layer]!, TOKENS));
  const extreme = rateMatchedGates(SHAPE, [0, 1, 0], stream());
  assert.deepEqual(rates(extreme, 3), [0, 1, 0]);
});

Deno.test("controls repeat with their stream and differ without", () => {
  const own = randomGates(SHAPE, 0.5, stream(9));
  for (
    const draw of [
      (random: RandomStream) => randomGates(SHAPE, 0.5, random),
      (random: RandomStream) => rateMatchedGates(SHAPE, [0.5, 0.5, 0.5], random),
      (random: RandomStream) => shuffledGates(own, () => true, random),
    ]
  ) {
    assert.deepEqual(draw(stream(1)), draw(stream(1)));
    assert.notDeepEqual(draw(stream(1)).data, draw(stream(2)).data);
  }
});

Deno.test("shuffled gates are the same patterns of layers, given to other real tokens", () => {
  // Each token's pattern is its own number in base 2, so patterns can be told apart.
  const [tokens, layers] = [32, 5];
  const bits = Array.from(
    { length: tokens * layers },
    (_, i) => (Math.floor(i / layers) >> (i % layers)) & 1,
  );
  const gates = floats([2, tokens / 2, layers], bits);
  const before = gates.data.slice();
  const real = (token: number) => token % 4 !== 3;
  const shuffled = shuffledGates(gates, real, stream());
  const number = (data: Float32Array, token: number) =>
    Array.from({ length: layers }, (_, layer) => data[token * layers + layer]! << layer)
      .reduce((sum, bit) => sum + bit);
  const places = Array.from({ length: tokens }, (_, token) => number(shuffled.data, token));
  const wanted = places.map((_, token) => token).filter(real);
  assert.deepEqual(places.filter((_, token) => real(token)).sort((a, b) => a - b), wanted);
  for (let token = 3; token < tokens; token += 4) assert.equal(places[token], token, "padding");
  assert.ok(wanted.filter((token) => places[token] !== token).length > wanted.length / 2);
  assert.deepEqual(gates.data, before, "the router's own gates are left alone");
});
