/** The numbers behind the report's frontier, and how its table sorts. */

import assert from "node:assert/strict";
// @ts-types="./page_scripts.d.ts"
import { bestWithin, frontierOf, pointsOf } from "../../../core/report/page/frontier_points.js";
// @ts-types="./page_scripts.d.ts"
import { compare } from "../../../core/report/page/runs_table.js";
// @ts-types="./page_scripts.d.ts"
import { extent, nearest, smooth, ticks } from "../../../core/report/page/scales.js";

const point = (skipRatio: number, loss: number, flopsShare: number | null = 1 - skipRatio / 2) => ({
  skipRatio,
  loss,
  flopsShare,
});

Deno.test("points are finished runs, their budgets and rows of tables, where they have both numbers", () => {
  const run = { status: "finished", group: "g", ...point(0.3, 1), budgets: [point(0.5, 1.2)] };
  const points = pointsOf({
    runs: [run, { ...run, status: "running" }, { ...run, loss: null, budgets: [] }],
    rest: { points: [{ group: "h", label: "x", source: "t.csv", ...point(0.1, 0.9) }] },
  });
  assert.deepEqual(points.map(({ kind, group, loss }) => [kind, group, loss]), [
    ["run", "g", 1],
    ["budget", "g", 1.2],
    ["trial", "h", 0.9],
  ]);
});

Deno.test("the frontier is what no other beats in both, on either axis", () => {
  const points = [point(0.1, 1), point(0.3, 1.1), point(0.2, 1.2), point(0.5, 1.05), point(0.5, 2)];
  const skips = (axis: string) =>
    frontierOf(points, axis).map(({ skipRatio, loss }) => [skipRatio, loss]);
  assert.deepEqual(skips("skipRatio"), [[0.1, 1], [0.5, 1.05]]);
  assert.deepEqual(skips("flopsShare"), [[0.1, 1], [0.5, 1.05]]);
  assert.deepEqual(frontierOf([point(0.1, 1, null)], "flopsShare"), []);
});

Deno.test("the best within a budget costs no more than it, give or take half a percent", () => {
  const points = [point(0, 1), point(0.297, 1.1), point(0.6, 1.3)];
  const best = (axis: string, budget: number) => bestWithin(points, axis, budget)?.loss;
  assert.equal(best("skipRatio", 0), 1);
  assert.equal(best("skipRatio", 0.3), 1.1);
  assert.equal(best("skipRatio", 0.31), 1.3);
  assert.equal(best("skipRatio", 0.7), undefined);
  assert.equal(best("flopsShare", 0.86), 1.1);
  assert.equal(best("flopsShare", 0.1), undefined);
});

Deno.test("the table sorts numbers by size, names by their numbers, and what is missing last", () => {
  const sorted = (values: unknown[], descending: boolean) =>
    values.toSorted((a, b) => compare(a, b, descending));
  assert.deepEqual(sorted([3, null, 20, -1], false), [-1, 3, 20, null]);
  assert.deepEqual(sorted([3, null, 20, -1], true), [20, 3, -1, null]);
  assert.deepEqual(sorted(["exp10", "exp2", ""], false), ["exp2", "exp10", ""]);
});

Deno.test("axes have round numbers within their ends", () => {
  assert.deepEqual(ticks(0, 1, 4), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(ticks(0.69, 0.74, 3), [0.7, 0.72, 0.74]);
  assert.deepEqual(extent([1, 3, NaN], 0), [1, 3]);
  assert.deepEqual(extent([], 0), [0, 1]);
  assert.deepEqual(smooth([0, 3, 0, 3], 1), [0, 1, 2, 3]);
  assert.equal(nearest([1, 10, 20], 14), 1);
});
