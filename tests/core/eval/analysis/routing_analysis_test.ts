/** The whole analysis of routers whose nature is known. */

import assert from "node:assert/strict";
import { analyzeRouting } from "../../../../core/eval/mod.ts";
import { ANCHOR, assertNear, observed } from "./support.ts";

const SIZE = { sequences: 40, length: 16, layers: 4 } as const;

Deno.test("of a router with a dead layer and one that is always on both are told", () => {
  const { layers, collapse, skipRatio } = analyzeRouting(observed({
    ...SIZE,
    gate: ({ random }, layer) => [0, 1, random.below(2), random.uniform() < 0.9][layer]!,
  }));
  assert.deepEqual(layers.map(({ flag }) => flag), ["dead", "always-on", "none", "none"]);
  assert.deepEqual(layers.map(({ layer }) => layer), [0, 1, 2, 3].map((l) => ANCHOR + l));
  assert.deepEqual(layers.slice(0, 2).map(({ activity }) => activity.value), [0, 1]);
  assert.deepEqual(layers.slice(0, 2).map(({ activityEntropy }) => activityEntropy), [0, 0]);
  assertNear(layers[2]!.activityEntropy, 1, 0.02);
  // −0.9 log₂ 0.9 − 0.1 log₂ 0.1
  assertNear(layers[3]!.activityEntropy, 0.469, 0.06);
  // Made-up routers have no log-odds.
  assert.ok(layers.every(({ decisionEntropy }) => decisionEntropy === undefined));
  assert.equal(collapse, "none");
  assertNear(skipRatio, (1 + 0 + 0.5 + 0.1) / 4, 0.02);
});

Deno.test("a static router is a fixed pattern, one that runs all has nothing to explain", () => {
  const pattern = analyzeRouting(observed({ ...SIZE, gate: (_, layer) => layer % 2 }));
  assert.equal(pattern.collapse, "fixed-pattern");
  assertNear(pattern.gateVariance[0]!.share.value, 1);
  assertNear(pattern.informationBits, 0);
  const all = analyzeRouting(observed({ ...SIZE, gate: () => 1 }));
  assert.equal(all.collapse, "all-run");
  assert.deepEqual(all.gateVariance, []);
  // Nothing is skipped: losses at full depth are the same.
  assert.deepEqual([...new Set(all.depthLoss.map(({ loss }) => loss))], ["routed"]);
});

Deno.test("by position everything is found, and the token tells nothing", () => {
  const { positions, gateVariance, informationBits } = analyzeRouting(observed({
    ...SIZE,
    gate: ({ position }, layer) => layer < position / 4,
  }));
  assert.deepEqual(
    positions.map(({ activeLayers }) => activeLayers.value),
    Array.from({ length: 16 }, (_, position) => ANCHOR + Math.ceil(position / 4)),
  );
  assert.ok(
    positions.every(({ activeLayers: { value, low, high } }) => low === value && value === high),
  );
  const share = (factor: string) => gateVariance.find((row) => row.factor === factor)!.share.value;
  assertNear(share("position"), 1, 1e-9);
  assert.ok(share("token") < 0.6);
  assertNear(informationBits, 0, 0.02);
});

Deno.test("the analysis repeats with its seed", () => {
  const made = {
    ...SIZE,
    gate: ({ random }: { random: { below(n: number): number } }) => random.below(2),
  };
  assert.deepEqual(analyzeRouting(observed(made), 3), analyzeRouting(observed(made), 3));
  const [one, other] = [analyzeRouting(observed(made), 3), analyzeRouting(observed(made), 4)];
  assert.notDeepEqual(one.kinds[0]!.activeLayers, other.kinds[0]!.activeLayers);
});

Deno.test("a single sequence has numbers without intervals", () => {
  const { kinds, layers, gateVariance, depthLoss } = analyzeRouting(observed({
    ...SIZE,
    sequences: 1,
    gate: ({ random }) => random.below(2),
  }));
  assert.ok(kinds.every(({ activeLayers }) => activeLayers.low === undefined));
  assert.ok(layers.every(({ activity }) => activity.high === undefined));
  assert.deepEqual(gateVariance, []);
  assert.ok(depthLoss.every(({ pearson }) => pearson === undefined || pearson.low === undefined));
  assert.doesNotMatch(JSON.stringify({ kinds, layers, depthLoss }), /null/);
});
