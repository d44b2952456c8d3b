/** What explains gates: routers whose answer is known, and the analysis of variance. */

import assert from "node:assert/strict";
import {
  type ExplainedVariance,
  gateVariance,
  type RoutingObservations,
} from "../../../../core/eval/mod.ts";
import { assertHolds, assertNear, type MadeText, observed } from "./support.ts";

const SIZE = { sequences: 100, length: 32, layers: 6 } as const;

const explainedBy = (made: Omit<MadeText, keyof typeof SIZE> & Partial<MadeText>) =>
  varianceOf(observed({ ...SIZE, ...made }));

function varianceOf(observations: RoutingObservations) {
  const { text, label } = observations;
  const rows = gateVariance(observations, label ? [text, label] : [text]);
  return (factor: string): ExplainedVariance => {
    const row = rows.find((one) => one.factor === factor);
    assert.ok(row, `no row for ${factor}`);
    return row;
  };
}

const OTHERS = ["position", "token", "text", "sequence"];

Deno.test("of a static router the layer explains everything, and nothing is left", () => {
  const of = explainedBy({ gate: (_, layer) => layer % 3 > 0 });
  assertNear(of("layer").share.value, 1);
  for (const factor of OTHERS) {
    assertNear(of(factor).share.value, 1);
    assertNear(of(factor).beyondLayer?.value, 0);
  }
});

Deno.test("of a random router the layer explains what its rates do, and nothing explains more", () => {
  const rate = (layer: number) => [0.1, 0.3, 0.5, 0.6, 0.8, 0.9][layer]!;
  // Mean 32/60; the variance of the rates over that of all gates.
  const mean = 3.2 / 6;
  const spread = [0, 1, 2, 3, 4, 5].reduce((sum, l) => sum + (rate(l) - mean) ** 2, 0) / 6;
  const expected = spread / (mean * (1 - mean));
  // 5000 words: most occur once or twice, and plain sums of squares would say that they explain all.
  for (const words of [6, 5000]) {
    const of = explainedBy({ words, gate: ({ random }, layer) => random.uniform() < rate(layer) });
    assertNear(of("layer").share.value, expected, 0.02);
    assertHolds(of("layer").share, expected);
    for (const factor of OTHERS) {
      assertNear(of(factor).beyondLayer?.value, 0, 0.01);
      assertHolds(of(factor).beyondLayer, 0);
    }
  }
});

Deno.test("gates at one rate are explained by nothing at all", () => {
  const of = explainedBy({ gate: ({ random }) => random.uniform() < 0.7 });
  for (const factor of ["layer", ...OTHERS]) assertNear(of(factor).share.value, 0, 0.005);
});

Deno.test("over many random routers what noise explains is nothing on average", () => {
  const values = Array.from({ length: 40 }, (_, seed) =>
    OTHERS.map((factor) =>
      explainedBy({
        sequences: 25,
        length: 8,
        words: 60,
        seed,
        gate: ({ random }) => random.uniform() < 0.5,
      })(factor).beyondLayer!.value
    ));
  OTHERS.forEach((factor, i) => {
    const own = values.map((all) => all[i]!);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const error = Math.sqrt(own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / own.length ** 2);
    assert.ok(Math.abs(mean) < 4 * error + 1e-4, `${factor}: ${mean} with an error of ${error}`);
    assert.ok(own.some((value) => value < 0) && own.some((value) => value > 0), factor);
  });
});

Deno.test("a router that looks at the token alone is explained by it", () => {
  const of = explainedBy({ words: 12, gate: ({ id }, layer) => (id * 7 + layer * 5) % 12 < 6 });
  assertNear(of("token").share.value, 1, 1e-3);
  assertHolds(of("position").beyondLayer, 0);
  // Of twelve ids seven categories tell some apart, not all.
  assert.ok(of("text").share.value > 0.1 && of("text").share.value < 0.9);
});

Deno.test("a router that looks at the position alone is explained by it", () => {
  const of = explainedBy({ gate: ({ position }, layer) => (position + layer) % 3 > 0 });
  assertNear(of("position").share.value, 1);
  assertNear(of("token").beyondLayer?.value, 0, 0.01);
});

Deno.test("a router that looks at the label alone is explained by it", () => {
  const of = explainedBy({
    label: ({ position }) => position % 3,
    gate: ({ position }, layer) => (position % 3 + layer) % 3 > 0,
  });
  assertNear(of("label").share.value, 1);
});

Deno.test("a router that decides for whole sequences is explained by the sequence, and by no token", () => {
  const of = explainedBy({
    words: 5000,
    gate: ({ sequence }, layer) => (sequence * 13 + layer * 7) % 5 < 3,
  });
  assertNear(of("sequence").share.value, 1);
  // A token of one sequence only would explain its gates, were it not for the others alone to tell.
  for (const factor of ["position", "token", "text"]) {
    assertNear(of(factor).beyondLayer?.value, 0, 0.03);
  }
});

Deno.test("half by token and half by coin is explained by half", () => {
  // P(1 | id) is 3/4 or 1/4: of a variance of 1/4 a quarter, 1/16, is the token's.
  const of = explainedBy({
    sequences: 400,
    gate: ({ id, random }) => random.below(2) === 0 ? id % 2 : random.below(2),
  });
  assertNear(of("token").share.value, 0.25, 0.01);
  assertHolds(of("token").share, 0.25);
});

/**
 * With one token of each group in each sequence, the covariance is what two-way analysis of variance
 * gives: (mean square of groups − mean square of the remainder) per sequence, times (k − 1) / k for
 * k groups (Searle, Casella and McCulloch 1992, chapter 4).
 */
Deno.test("where every group is in every sequence once it is the analysis of variance", () => {
  // Groups are positions; six of them in four sequences.
  const open = [
    [1, 1, 1, 0],
    [0, 0, 1, 0],
    [1, 0, 1, 1],
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [0, 1, 0, 0],
  ];
  const [k, n] = [6, 4];
  const mean = open.flat().reduce((sum, x) => sum + x, 0) / (k * n);
  const rows = open.map((row) => row.reduce((sum, x) => sum + x, 0) / n);
  const columns = [0, 1, 2, 3].map((s) => open.reduce((sum, row) => sum + row[s]!, 0) / k);
  const groups = n * rows.reduce((sum, row) => sum + (row - mean) ** 2, 0) / (k - 1);
  const remainder =
    open.flatMap((row, g) => row.map((x, s) => (x - rows[g]! - columns[s]! + mean) ** 2)).reduce(
      (sum, square) => sum + square,
      0,
    ) / ((k - 1) * (n - 1));
  const component = (groups - remainder) / n * (k - 1) / k;
  const of = varianceOf(observed({
    sequences: n,
    length: k,
    layers: 1,
    gate: ({ sequence, position }) => open[position]![sequence]!,
  }));
  assertNear(of("position").share.value, component / (mean * (1 - mean)));
});

Deno.test("the interval is of the width that repeating the text shows", () => {
  const shares = Array.from({ length: 60 }, (_, seed) =>
    explainedBy({
      seed,
      sequences: 60,
      gate: ({ id, random }) => random.uniform() < (id % 2 === 0 ? 0.8 : 0.4),
    })("token").share);
  const mean = shares.reduce((sum, { value }) => sum + value, 0) / shares.length;
  const deviation = Math.sqrt(
    shares.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (shares.length - 1),
  );
  const reach = shares.reduce((sum, { low, high }) => sum + (high! - low!) / 2, 0) / shares.length;
  // 2.093 standard errors, which are estimated from 60 texts, to a tenth.
  assertNear(reach / (2.093 * deviation), 1, 0.3);
});

Deno.test("few sequences have values without intervals; one, or gates that never differ, have none", () => {
  const few = gateVariance(
    observed({ ...SIZE, sequences: 3, gate: ({ random }) => random.below(2) }),
    [],
  );
  assert.deepEqual(few.map(({ factor }) => factor), ["layer", "position", "token", "sequence"]);
  assert.ok(few.every(({ share }) => Number.isFinite(share.value) && share.low === undefined));
  const one = observed({ ...SIZE, sequences: 1, gate: ({ random }) => random.below(2) });
  assert.deepEqual(gateVariance(one, []), []);
  assert.deepEqual(gateVariance(observed({ ...SIZE, gate: () => 1 }), []), []);
});

Deno.test("what no other sequence has is said, and left to the layer's mean", () => {
  // Every second token is of its sequence alone.
  const of = explainedBy({
    id: (sequence, position) => position % 2 === 0 ? 0 : 1 + sequence,
    gate: ({ id }, layer) => id === 0 ? layer % 2 : 1,
  });
  assertNear(of("token").covered, 0.5);
  assert.equal(of("token").groups, 101);
  assert.ok(of("token").share.value < 1);
});
