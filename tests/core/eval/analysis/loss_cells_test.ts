/** Sums for a resample against the same tokens written out, each as often as its sequence was drawn. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { cellTable, LossPasses, numbered } from "../../../../core/eval/analysis/loss_cells.ts";
import {
  indicatorMoments,
  midranks,
  momentsOf,
  stratumSums,
  withinCorrelation,
} from "../../../../core/eval/analysis/within_correlation.ts";
import { assertNear } from "./support.ts";

const token = fc.record({
  sequence: fc.integer({ min: 0, max: 3 }),
  depth: fc.integer({ min: 0, max: 3 }),
  loss: fc.integer({ min: 0, max: 5 }),
  kind: fc.integer({ min: 0, max: 2 }),
});

const text = fc.array(token, { minLength: 1, maxLength: 25 });
const draws = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 });

/** Mean ranks of values, from 1. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((own) => {
    const below = values.filter((value) => value < own).length;
    return below + (values.filter((value) => value === own).length + 1) / 2;
  });
}

/** Pearson's correlation of what is left of two variables after their means by kind. */
function partial(x: readonly number[], y: readonly number[], kinds: readonly number[]): number {
  const residuals = (values: readonly number[]) =>
    values.map((value, i) => {
      const own = values.filter((_, j) => kinds[j] === kinds[i]);
      return value - own.reduce((sum, one) => sum + one, 0) / own.length;
    });
  const [a, b] = [residuals(x), residuals(y)];
  const product = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, i) => sum + value * q[i]!, 0);
  const [aa, bb] = [product(a, a), product(b, b)];
  return aa < 1e-9 || bb < 1e-9 ? NaN : product(a, b) / Math.sqrt(aa * bb);
}

function assertSame(actual: number, expected: number): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(actual), `${actual} instead of nothing`);
  else assertNear(actual, expected, 1e-9);
}

Deno.test("correlations of a resample are those of its tokens, each as often as it was drawn", () => {
  fc.assert(
    fc.property(text, draws, (tokens, weights) => {
      const column = (name: keyof typeof tokens[number]) =>
        Int32Array.from(tokens, (one) => one[name]);
      const strata = { of: column("kind"), groups: 3 };
      const depths = column("depth");
      const table = cellTable(depths, strata);
      const passes = new LossPasses(
        Float64Array.from(column("loss")),
        column("sequence"),
        [table, cellTable(column("kind"), strata)],
      );
      // Twice, as nothing of a resample may be left for the next.
      passes.collect(Float64Array.from([3, 1, 0, 2]));
      const { sums, lossSquares, rankSquares } = passes.collect(Float64Array.from(weights));

      const drawn = tokens.flatMap((one) =>
        Array.from({ length: weights[one.sequence]! }, () => one)
      );
      const losses = drawn.map(({ loss }) => loss);
      const depth = drawn.map((one) => one.depth);
      const gates = drawn.map((one) => one.depth >= 2 ? 1 : 0);
      const all = stratumSums(table, sums[0]!);
      const pearson = momentsOf(all, table, sums[0]!, [0, 1, 2, 3]);
      const spearman = momentsOf(all, table, sums[0]!, midranks(table, sums[0]!, 4));
      const open = Int32Array.from(table.values.keys()).filter((cell) => table.values[cell]! >= 2);
      const gate = indicatorMoments(all, stratumSums(table, sums[0]!, open));
      const levels = [
        { level: { name: "nothing", of: new Int32Array(3), groups: 1 }, kinds: drawn.map(() => 0) },
        {
          level: { name: "kind", of: Int32Array.from([0, 1, 2]), groups: 3 },
          kinds: drawn.map(({ kind }) => kind),
        },
      ];
      for (const { level, kinds } of levels) {
        assertSame(
          withinCorrelation(pearson, "loss", lossSquares, level),
          partial(depth, losses, kinds),
        );
        assertSame(
          withinCorrelation(spearman, "rank", rankSquares, level),
          partial(ranksOf(depth), ranksOf(losses), kinds),
        );
        assertSame(
          withinCorrelation(gate, "rank", rankSquares, level),
          partial(ranksOf(gates), ranksOf(losses), kinds),
        );
      }
    }),
    { seed: 8, numRuns: 300 },
  );
});

Deno.test("cells tell tokens apart by value and by stratum, and by nothing else", () => {
  const values = Int32Array.from([0, 2, 0, 2, 0]);
  const of = Int32Array.from([0, 0, 1, 0, 0]);
  const { cellOf, cells, values: ofCells, strata } = cellTable(values, { of, groups: 2 });
  assert.deepEqual([...cellOf], [0, 1, 2, 1, 0]);
  assert.equal(cells, 3);
  assert.deepEqual([...ofCells], [0, 2, 0]);
  assert.deepEqual([...strata], [0, 0, 1]);
});

Deno.test("keys become numbers in the order of their first use", () => {
  const { of, groups } = numbered(Int32Array.from([70, 3, 70, -1, 3]));
  assert.deepEqual([[...of], groups], [[0, 1, 0, 2, 1], 3]);
});
