/** Correlation of depth and loss against SciPy, and against routers whose answer is known. */

import assert from "node:assert/strict";
import {
  type DepthLossCorrelation,
  depthLossCorrelations,
  type RoutingObservations,
} from "../../../../core/eval/mod.ts";
import { ANCHOR, assertHolds, assertNear, observed } from "./support.ts";

/** Twelve tokens of three labels, with ties in both: blocks run of three, and losses. */
const DEPTHS = [0, 1, 2, 3, 1, 2, 0, 3, 3, 1, 2, 0];
const LOSSES = [0.5, 1.25, 0.75, 2.5, 1.25, 3, 0.25, 1.75, 4, 0.75, 2.25, 1.5];
const LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];

/** Layers 0 and 1 run from depth 1 and 3 on, layer 2 from depth 2 on. */
const TWELVE = observed({
  sequences: 4,
  length: 3,
  layers: 3,
  words: 2,
  id: () => 0,
  gate: ({ sequence, position }, layer) => DEPTHS[3 * sequence + position]! >= [1, 3, 2][layer]!,
  loss: ({ sequence, position }) => LOSSES[3 * sequence + position]!,
  label: ({ sequence, position }) => LABELS[3 * sequence + position]!,
});

function find(
  rows: readonly DepthLossCorrelation[],
  given: string,
  layer?: number,
  loss = "routed",
): DepthLossCorrelation {
  const row = rows.find((one) => one.given === given && one.layer === layer && one.loss === loss);
  assert.ok(row, `no row for ${given}, layer ${layer}, ${loss}`);
  return row;
}

const correlationsOf = (observations: RoutingObservations) => {
  const { text, label } = observations;
  return depthLossCorrelations(observations, label ? [text, label] : [text], 0);
};

// SciPy 1.17.1: stats.pearsonr, stats.spearmanr; at equal label stats.pearsonr of the residuals of a
// regression (numpy.linalg.lstsq) on indicators of the labels, of values and of stats.rankdata.
Deno.test("coefficients of depth are SciPy's, over all tokens and at equal label", () => {
  const rows = correlationsOf(TWELVE);
  assertNear(find(rows, "nothing").pearson?.value, 0.7242075595195907);
  assertNear(find(rows, "nothing").spearman?.value, 0.7475311477800831);
  for (const given of ["label", "text and label"]) {
    assertNear(find(rows, given).pearson?.value, 0.7698065669618794);
    assertNear(find(rows, given).spearman?.value, 0.7869670089468371);
  }
  // All tokens have one text and one id.
  for (const given of ["text", "token"]) {
    assertNear(find(rows, given).pearson?.value, 0.7242075595195907);
    assertNear(find(rows, given).spearman?.value, 0.7475311477800831);
  }
});

// SciPy 1.17.1: stats.pointbiserialr and stats.spearmanr of depth >= 2; partial ones as above.
Deno.test("coefficients of a layer's gate are SciPy's", () => {
  const rows = correlationsOf(TWELVE);
  const layer = ANCHOR + 2;
  assertNear(find(rows, "nothing", layer).pearson?.value, 0.6828699596587476);
  assertNear(find(rows, "nothing", layer).spearman?.value, 0.7025272955116882);
  assertNear(find(rows, "text and label", layer).pearson?.value, 0.7258661863112978);
  assertNear(find(rows, "text and label", layer).spearman?.value, 0.7395889871534722);
});

Deno.test("adding to the losses, or doubling them, changes nothing", () => {
  const many = observed({
    sequences: 12,
    length: 4,
    layers: 3,
    gate: ({ random }) => random.below(2),
  });
  const scaled = { ...many, losses: many.losses.map((loss) => 1000 + 2 * loss) };
  const [one, other] = [
    find(correlationsOf(many), "nothing"),
    find(correlationsOf(scaled), "nothing"),
  ];
  for (const coefficient of ["pearson", "spearman"] as const) {
    for (const part of ["value", "low", "high"] as const) {
      assertNear(other[coefficient]?.[part], one[coefficient]![part]!, 1e-9);
    }
  }
});

Deno.test("where hard kinds are deep, but no harder token of a kind is, the kind is all there is", () => {
  // Kinds 0 to 5 get 0 to 5 layers and losses around their number.
  const rows = correlationsOf(observed({
    sequences: 60,
    length: 40,
    layers: 10,
    gate: ({ id }, layer) => layer < id,
    loss: ({ id, random }) => id + random.normal(),
  }));
  assert.ok(find(rows, "nothing").spearman!.low! > 0.7);
  // Depth never differs within a kind.
  assert.deepEqual(find(rows, "text"), { loss: "routed", given: "text" });

  const noisy = correlationsOf(observed({
    sequences: 60,
    length: 40,
    layers: 10,
    gate: ({ id, random }, layer) => layer < id + random.below(4),
    loss: ({ id, random }) => id + random.normal(),
  }));
  assert.ok(find(noisy, "nothing").spearman!.low! > 0.5);
  for (const given of ["text", "token"]) {
    assertHolds(find(noisy, given).pearson, 0);
    assertHolds(find(noisy, given).spearman, 0);
  }
});

Deno.test("where each kind is the harder the less it gets, that is found under the opposite", () => {
  // Simpson's paradox: over all tokens harder ones get more, within each kind fewer.
  const rows = correlationsOf(observed({
    sequences: 60,
    length: 40,
    layers: 10,
    gate: ({ id, position }, layer) => layer < id + (position % 3),
    loss: ({ id, position, random }) => 3 * id - (position % 3) + 0.1 * random.normal(),
  }));
  assert.ok(find(rows, "nothing").pearson!.low! > 0.3);
  assert.ok(find(rows, "text").pearson!.high! < -0.9);
  assert.ok(find(rows, "text").spearman!.high! < -0.5);
});

Deno.test("losses at full depth are set against depth beside those of the routed model", () => {
  const rows = correlationsOf(observed({
    seed: 1,
    sequences: 60,
    length: 20,
    layers: 4,
    gate: ({ position }, layer) => layer < position % 5,
    loss: ({ position, random }) => -(position % 5) + 0.1 * random.normal(),
    fullDepthLoss: ({ random }) => random.normal(),
  }));
  assert.ok(find(rows, "nothing").spearman!.high! < -0.9);
  assertHolds(find(rows, "nothing", undefined, "full depth").spearman, 0);
});

Deno.test("layers beyond the eighth are counted as themselves", () => {
  // Only layer 9 of 11 runs for what is hard.
  const rows = correlationsOf(observed({
    sequences: 40,
    length: 20,
    layers: 11,
    gate: ({ position, random }, layer) => layer === 9 ? position % 2 : random.below(2),
    loss: ({ position, random }) => position % 2 + 0.1 * random.normal(),
  }));
  for (let layer = 0; layer < 11; layer++) {
    const { pearson } = find(rows, "nothing", ANCHOR + layer);
    if (layer === 9) assert.ok(pearson!.low! > 0.95);
    else assert.ok(Math.abs(pearson!.value) < 0.15, `layer ${layer}: ${pearson!.value}`);
  }
});

Deno.test("tokens of one sequence count as one piece of evidence", () => {
  // All tokens of a sequence share depth and loss: twenty pairs, however long the sequences.
  const width = (length: number) => {
    const rows = correlationsOf(observed({
      sequences: 20,
      length,
      layers: 4,
      gate: ({ sequence }, layer) => layer < (7 * sequence) % 5,
      loss: ({ sequence }) => (11 * sequence) % 17,
    }));
    const { low, high } = find(rows, "nothing").pearson!;
    return high! - low!;
  };
  assertNear(width(50), width(1), 1e-9);
});

Deno.test("gates that never differ have no correlation, nor have losses that do not", () => {
  const still = correlationsOf(observed({ sequences: 5, length: 4, layers: 2, gate: () => 1 }));
  assert.ok(
    still.every(({ pearson, spearman }) => pearson === undefined && spearman === undefined),
  );
  const equal = correlationsOf(observed({
    sequences: 5,
    length: 4,
    layers: 2,
    gate: ({ random }) => random.below(2),
    loss: () => 0.1,
  }));
  assert.ok(
    equal.every(({ pearson, spearman }) => pearson === undefined && spearman === undefined),
  );
});
