/** Reading a router's behaviour: activity, entropy, kinds and collapse. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { bernoulliEntropy, binaryEntropy, RoutingStatistics } from "../../../core/routing/mod.ts";

const everyToken = () => true;

function assertNear(actual: number, expected: number, allowed = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= allowed, `${actual} instead of ${expected}`);
}

Deno.test("the entropy of a decision has its closed form", () => {
  assertNear(bernoulliEntropy(0), Math.LN2);
  for (const p of [0.01, 0.2, 0.5, 0.75, 0.999]) {
    const expected = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    assertNear(bernoulliEntropy(Math.log(p / (1 - p))), expected);
  }
});

Deno.test("entropy is even, falls away from 0 and vanishes without overflow", () => {
  const logit = fc.double({ min: 0, max: 30, noNaN: true });
  fc.assert(
    fc.property(logit, logit, (one, other) => {
      assert.equal(bernoulliEntropy(one), bernoulliEntropy(-one));
      const [near, far] = [Math.min(one, other), Math.max(one, other)];
      assert.ok(bernoulliEntropy(far) <= bernoulliEntropy(near) + 1e-15);
    }),
    { seed: 5, numRuns: 200 },
  );
  assert.equal(bernoulliEntropy(1000), 0);
  assert.equal(bernoulliEntropy(-1000), 0);
});

Deno.test("statistics count real tokens only, over any number of batches", () => {
  const statistics = new RoutingStatistics(2, 4);
  statistics.add([1, 0, 1, 1], [0, 0, 0, 0], everyToken);
  statistics.add([0, 0, 1, 1, 0, 0], new Array(6).fill(1000), (token) => token < 2);
  assert.equal(statistics.tokens, 4);
  assert.deepEqual(statistics.layerActivity, [0.75, 0.5]);
  assert.equal(statistics.activeLayers, 5.25);
  assert.equal(statistics.skipRatio, 0.375);
  // Half of the decisions are coin tosses, the others certain.
  assertNear(statistics.entropy, 0.5);
  assert.equal(statistics.collapse, "none");
});

Deno.test("gates without a router have no entropy", () => {
  const statistics = new RoutingStatistics(2, 0);
  statistics.add([1, 0], [], everyToken);
  assert.equal(statistics.entropy, 0);
});

Deno.test("active layers by kind add up to those of all labelled tokens", () => {
  const kinds = ["word", "digit", "never"];
  const token = fc.record({ kind: fc.constantFrom(0, 1), bits: fc.integer({ min: 0, max: 7 }) });
  fc.assert(
    fc.property(fc.array(token, { minLength: 1, maxLength: 20 }), (tokens) => {
      const statistics = new RoutingStatistics(3, 4, kinds);
      const gates = tokens.flatMap(({ bits }) => [bits & 1, (bits >> 1) & 1, (bits >> 2) & 1]);
      statistics.add(gates, [], everyToken, tokens.map(({ kind }) => kind));
      const sum = statistics.byKind.reduce((all, each) => all + each.tokens * each.activeLayers, 0);
      assertNear(sum, statistics.activeLayers * tokens.length, 1e-9);
      assert.deepEqual(
        statistics.byKind.map(({ kind }) => kind),
        [0, 1].filter((k) => tokens.some(({ kind }) => kind === k)).map((k) => kinds[k]),
      );
    }),
    { seed: 6, numRuns: 100 },
  );
});

Deno.test("padding has no kind, and a kind without a name is left out", () => {
  const statistics = new RoutingStatistics(1, 2, ["word"]);
  statistics.add([1, 0, 1], [], (token) => token !== 2, [0, 9, 0]);
  assert.deepEqual(statistics.byKind, [{ kind: "word", tokens: 1, activeLayers: 3 }]);
});

Deno.test("collapse is told apart: all skipped, all run, one pattern for all, or none", () => {
  /** What is said of a hundred tokens whose layers are open this often. */
  const flagOf = (...open: number[]) => {
    const statistics = new RoutingStatistics(open.length, 1);
    for (let token = 0; token < 100; token++) {
      statistics.add(open.map((count) => token < count ? 1 : 0), [], everyToken);
    }
    return statistics.collapse;
  };
  assert.equal(flagOf(0, 0), "all-skip");
  assert.equal(flagOf(1, 1), "all-skip");
  assert.equal(flagOf(100, 100), "all-run");
  assert.equal(flagOf(99, 100), "all-run");
  assert.equal(flagOf(100, 0), "fixed-pattern");
  assert.equal(flagOf(100, 1, 0), "fixed-pattern");
  assert.equal(flagOf(100, 50, 0), "none");
  assert.equal(flagOf(60, 60), "none");
});

Deno.test("the entropy of a share has its closed form, and is 0 at both ends", () => {
  assert.deepEqual([0, 1, 0.5].map(binaryEntropy), [0, 0, 1]);
  for (const p of [0.01, 0.2, 0.75]) {
    assertNear(binaryEntropy(p) * Math.LN2, bernoulliEntropy(Math.log(p / (1 - p))));
  }
});

Deno.test("layers are told apart: dead, always on, or neither", () => {
  const statistics = new RoutingStatistics(4, 0);
  for (let token = 0; token < 100; token++) {
    statistics.add([0, 1, token % 2, token < 97 ? 1 : 0], [], everyToken);
  }
  assert.deepEqual(statistics.layerFlags, ["dead", "always-on", "none", "none"]);
});

Deno.test("each layer has the entropy of its own decisions, which is theirs on average", () => {
  const statistics = new RoutingStatistics(3, 0);
  statistics.add([1, 0, 1, 1, 0, 1], [0, 1000, Math.log(3), 0, -1000, -Math.log(3)], everyToken);
  statistics.add([1, 0, 1], [1000, 1000, 1000], () => false);
  const [toss, certain, quarter] = statistics.layerEntropy!;
  assertNear(toss!, 1);
  assertNear(certain!, 0);
  assertNear(quarter!, binaryEntropy(0.25));
  assertNear(statistics.entropy, (toss! + certain! + quarter!) / 3);
  assert.equal(new RoutingStatistics(3, 0).layerEntropy, undefined);
});
