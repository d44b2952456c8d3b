/** The gates that a router is compared with. */

import assert from "node:assert/strict";
import {
  randomGates,
  rateMatchedGates,
  shuffledGates,
  swappedGates,
} from "../../../core/routing/mod.ts";
import { floats, RandomStream } from "../../../core/tensor/mod.ts";
import { assertShare, columnShares } from "../../conformance/close.ts";

const SHAPE = [4, 1000, 3];
const TOKENS = 4000;
const stream = (index = 0) => new RandomStream(3, "controls", index);

Deno.test("random gates are 0 or 1, open at one rate in every layer", () => {
  const gates = randomGates(SHAPE, 0.7, stream());
  assert.deepEqual(gates.shape, SHAPE);
  assert.ok(gates.data.every((gate) => gate === 0 || gate === 1));
  for (const share of columnShares(gates.data, 3)) assertShare(share, 0.7, TOKENS);
  assert.ok(randomGates(SHAPE, 1, stream()).data.every((gate) => gate === 1));
  assert.ok(randomGates(SHAPE, 0, stream()).data.every((gate) => gate === 0));
});

Deno.test("rate-matched gates are open at each layer's own rate", () => {
  const activity = [0.1, 0.5, 0.95];
  const gates = rateMatchedGates(SHAPE, activity, stream());
  columnShares(gates.data, 3).forEach((share, layer) =>
    assertShare(share, activity[layer]!, TOKENS)
  );
  const extreme = rateMatchedGates(SHAPE, [0, 1, 0], stream());
  assert.deepEqual(columnShares(extreme.data, 3), [0, 1, 0]);
});

Deno.test("controls repeat with their stream and differ without", () => {
  const own = randomGates(SHAPE, 0.5, stream(9));
  for (
    const draw of [
      (random: RandomStream) => randomGates(SHAPE, 0.5, random),
      (random: RandomStream) => rateMatchedGates(SHAPE, [0.5, 0.5, 0.5], random),
      (random: RandomStream) => shuffledGates(own, () => true, random),
      (random: RandomStream) => swappedGates(own, random),
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

Deno.test("swapped gates are the same, each sequence's whole gates given to another sequence", () => {
  const [rows, length, layers] = [16, 3, 2];
  const size = length * layers;
  // Each sequence's gates are its own number in base 2.
  const gates = floats(
    [rows, length, layers],
    Array.from({ length: rows * size }, (_, i) => (Math.floor(i / size) >> (i % size)) & 1),
  );
  const before = gates.data.slice();
  const swapped = swappedGates(gates, stream());
  assert.deepEqual(swapped.shape, gates.shape);
  const owners = Array.from({ length: rows }, (_, row) => {
    const own = swapped.data.slice(row * size, (row + 1) * size);
    return own.reduce((sum, bit, place) => sum + (bit << place), 0);
  });
  const everyone = owners.map((_, row) => row);
  assert.deepEqual(owners.toSorted((a, b) => a - b), everyone);
  assert.ok(everyone.filter((row) => owners[row] !== row).length > rows / 2);
  assert.deepEqual(gates.data, before, "the router's own gates are left alone");
});
