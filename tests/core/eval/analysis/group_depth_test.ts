/** Depth by group: means, differences, and intervals that know of sequences. */

import assert from "node:assert/strict";
import {
  type GroupDepth,
  groupDepths,
  type Grouping,
  type RoutingObservations,
} from "../../../../core/eval/mod.ts";
import { RandomStream } from "../../../../core/tensor/mod.ts";
import { ANCHOR, assertHolds, assertNear, observed } from "./support.ts";

const depthsOf = (observations: RoutingObservations, groupings: readonly Grouping[] = []) => {
  const rows = groupDepths(observations, [observations.text, ...groupings], 0);
  return (group: string): GroupDepth => {
    const row = rows.find((one) => one.group === group);
    assert.ok(row, `no row for ${group}`);
    return row;
  };
};

/** Twelve tokens in three sequences; token i is of id i modulo 3 and runs i modulo 4 of three layers. */
const TWELVE = observed({
  sequences: 3,
  length: 4,
  layers: 3,
  id: (sequence, position) => (4 * sequence + position) % 3,
  gate: ({ position }, layer) => layer < position,
  loss: ({ sequence, position }) => 4 * sequence + position,
});

Deno.test("every group has its mean, its difference to all others, and its own layers", () => {
  const of = depthsOf(TWELVE);
  const all = of("all");
  assert.equal(all.tokens, 12);
  assertNear(all.activeLayers.value, ANCHOR + 1.5);
  assert.equal(all.difference, undefined);
  assertNear(all.loss, 5.5);
  assertNear(all.highLossShare, 2 / 12);
  assert.deepEqual(all.layerActivity, [0.75, 0.5, 0.25]);
  // Tokens 0, 3, 6 and 9 run 0, 3, 2 and 1 layers; the other eight 12 in all.
  const special = of("special");
  assert.equal(special.tokens, 4);
  assertNear(special.activeLayers.value, ANCHOR + 1.5);
  assertNear(special.difference?.value, 0);
  assertNear(special.loss, 4.5);
  assertNear(special.highLossShare, 0);
  assert.deepEqual(special.layerActivity, [0.75, 0.5, 0.25]);
});

Deno.test("groups without tokens are left out, and so is a difference to nobody", () => {
  const rows = groupDepths(TWELVE, [TWELVE.text], 0);
  assert.deepEqual(rows.map(({ group }) => group), ["all", "special", "whitespace", "punctuation"]);
  const one = observed({ sequences: 3, length: 4, layers: 3, id: () => 0, gate: () => 1 });
  assert.equal(depthsOf(one)("special").difference, undefined);
  assert.deepEqual(
    groupDepths(observed({ sequences: 0, length: 1, layers: 1, gate: () => 1 }), [], 0),
    [],
  );
});

Deno.test("where a sort gets two layers more, the interval of its difference holds two", () => {
  const made = observed({
    sequences: 80,
    length: 30,
    layers: 8,
    gate: ({ id, random }, layer) => layer < (id === 2 ? 4 : 2) + random.below(3),
  });
  const of = depthsOf(made);
  assertHolds(of("punctuation").difference, 2);
  assertHolds(of("punctuation").activeLayers, ANCHOR + 5);
  const { low, high } = of("punctuation").difference!;
  assert.ok(high! - low! < 0.3);
});

Deno.test("what sequences have in common is no evidence, however many tokens share it", () => {
  // Depth is drawn by sequence: the standard error is that of 40 draws, not of 40 × length.
  const width = (length: number) => {
    const drawn = new RandomStream(1, "depths");
    const depths = Array.from({ length: 40 }, () => drawn.below(9));
    const { activeLayers } = depthsOf(observed({
      sequences: 40,
      length,
      layers: 8,
      gate: ({ sequence }, layer) => layer < depths[sequence]!,
    }))("all");
    return activeLayers.high! - activeLayers.low!;
  };
  assertNear(width(64), width(1), 1e-9);
  // A uniform draw of 0 to 8 has a deviation of √(80/12).
  assertNear(width(1) / (2 * 1.96 * Math.sqrt(80 / 12 / 40)), 1, 0.25);
});
