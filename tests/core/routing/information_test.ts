/** What gates tell about tokens: nothing where they are tossed, all where they follow from them. */

import assert from "node:assert/strict";
import { GateInformation } from "../../../core/routing/mod.ts";
import { RandomStream } from "../../../core/tensor/mod.ts";

const COUNT = 20_000;
const everyToken = () => true;

/** Tokens drawn with equal chances from so many. */
function drawTokens(words: number): number[] {
  const random = new RandomStream(1, "tokens");
  return Array.from({ length: COUNT }, () => random.below(words));
}

/** The estimate for gates of two layers, given token by token. */
function bitsOf(tokens: readonly number[], gates: (token: number) => [number, number], seed = 0) {
  const information = new GateInformation(2);
  information.add(tokens, tokens.flatMap(gates), everyToken);
  return information.bits(seed);
}

function assertNear(actual: number, expected: number, allowed: number): void {
  assert.ok(Math.abs(actual - expected) <= allowed, `${actual} instead of ${expected}`);
}

Deno.test("gates that are tossed tell nothing, although tokens are rare", () => {
  const random = new RandomStream(2, "gates");
  const toss = (): [number, number] => [random.below(2), random.uniform() < 0.1 ? 1 : 0];
  // Where each of 5000 words is seen four times, a plain estimate would be far above 0.
  assertNear(bitsOf(drawTokens(5000), toss), 0, 0.01);
  assertNear(bitsOf(drawTokens(4), toss), 0, 0.01);
});

Deno.test("gates that follow from the token tell their entropy, as a mean over layers", () => {
  const tokens = drawTokens(8);
  // One layer runs for half of the tokens, the other for one in eight.
  const entropy = (p: number) => -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
  const bits = bitsOf(tokens, (token) => [token % 2, token === 3 ? 1 : 0]);
  assertNear(bits, (entropy(0.5) + entropy(1 / 8)) / 2, 0.01);
});

Deno.test("gates that follow from the token nine times out of ten tell less, as they should", () => {
  const random = new RandomStream(3, "noisy");
  const gate = (token: number) => random.uniform() < 0.9 ? token % 2 : 1 - token % 2;
  const bits = bitsOf(drawTokens(8), (token) => [gate(token), gate(token)]);
  // 1 - H(0.1) bits
  assertNear(bits, 1 + 0.9 * Math.log2(0.9) + 0.1 * Math.log2(0.1), 0.02);
});

Deno.test("layers that always run or never do tell nothing at all", () => {
  assert.equal(bitsOf(drawTokens(8), () => [1, 0]), 0);
});

Deno.test("what is taken off is drawn from the seed", () => {
  const random = new RandomStream(4, "seeded");
  const gates = drawTokens(2).flatMap(() => [random.below(2), random.below(2)]);
  const tokens = drawTokens(500);
  const bits = (seed: number) => {
    const information = new GateInformation(2);
    information.add(tokens, gates, everyToken);
    return information.bits(seed);
  };
  assert.equal(bits(1), bits(1));
  assert.notEqual(bits(1), bits(2));
});

Deno.test("padding does not count, and batches add up", () => {
  const tokens = drawTokens(4);
  const whole = new GateInformation(2);
  whole.add(tokens, tokens.flatMap((token) => [token & 1, token >> 1]), everyToken);
  const parts = new GateInformation(2);
  for (const half of [tokens.slice(0, COUNT / 2), tokens.slice(COUNT / 2)]) {
    // Every other place is padding, whose gates are all open.
    const padded = half.flatMap((token) => [token, 0]);
    const gates = padded.flatMap((token, i) => i % 2 === 0 ? [token & 1, token >> 1] : [1, 1]);
    parts.add(padded, gates, (i) => i % 2 === 0);
  }
  assert.equal(parts.bits(), whole.bits());
  assertNear(whole.bits(), 1, 0.01);
});

Deno.test("no tokens tell nothing", () => {
  assert.equal(new GateInformation(2).bits(), 0);
});
