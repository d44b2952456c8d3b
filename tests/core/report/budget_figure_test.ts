/** The figure of budgets. */

import assert from "node:assert/strict";
import { budgetFigure, type BudgetFigurePoint } from "../../../core/report/budget_figure.ts";
import { renderSvg } from "../../../core/report/figures.ts";

const WAYS = ["trained for it", "threshold moved", "told its budget"];

/** Two seeds of three ways at three skip ratios. */
const POINTS: readonly BudgetFigurePoint[] = WAYS.flatMap((way, w) =>
  [0, 1].flatMap((seed) =>
    [0.2, 0.4, 0.6].map((skipRatio) => ({
      way,
      seed,
      skipRatio,
      loss: 2 + skipRatio + w / 4 + seed / 16,
    }))
  )
);

/** The figure as SVG; whatever Vega complains about fails the test. */
function drawn(points: readonly BudgetFigurePoint[]): Promise<string> {
  return renderSvg(budgetFigure(points), (message) => assert.fail(`Vega warns: ${message}`));
}

/** Paths of the lines, as lists of corners, with their colours. */
function lines(svg: string): { colour: string; corners: number }[] {
  return Array.from(
    svg.matchAll(/aria-roledescription="line mark"[^>]* d="([^"]+)"[^>]* stroke="([^"]+)"/g),
    ([, path, colour]) => ({ colour: colour!, corners: path!.match(/,/g)!.length }),
  );
}

const dotCount = (svg: string) => svg.match(/aria-roledescription="point"/g)?.length ?? 0;

Deno.test("every way and seed is a line of its own, with a dot for each budget", async () => {
  const svg = await drawn(POINTS);
  const all = lines(svg);
  assert.deepEqual(all.map(({ corners }) => corners), [3, 3, 3, 3, 3, 3], svg);
  assert.equal(dotCount(svg), POINTS.length);
  // Seeds of one way have one colour, ways have different ones.
  const counts = Map.groupBy(all, ({ colour }) => colour);
  assert.deepEqual(Array.from(counts.values(), (own) => own.length), [2, 2, 2]);
});

Deno.test("the figure names its axes and its ways, in their order", async () => {
  const svg = await drawn(POINTS);
  for (const text of [...WAYS, "skip ratio", "validation loss (nats per token)"]) {
    assert.ok(svg.includes(`>${text}</text>`), `no "${text}" in the figure`);
  }
  const places = WAYS.map((way) => svg.indexOf(`>${way}</text>`));
  assert.deepEqual(places, places.toSorted((a, b) => a - b));
});

Deno.test("one point, and ways of different lengths, can be drawn; no points cannot", async () => {
  assert.equal(dotCount(await drawn(POINTS.slice(0, 1))), 1);
  const uneven = await drawn([...POINTS.slice(0, 3), ...POINTS.slice(6, 8)]);
  assert.deepEqual(lines(uneven).map(({ corners }) => corners), [3, 2]);
  assert.throws(() => budgetFigure([]), RangeError);
});
