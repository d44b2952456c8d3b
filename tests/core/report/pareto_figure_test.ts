/** The figure of a sweep. */

import assert from "node:assert/strict";
import { renderSvg } from "../../../core/report/figures.ts";
import { paretoFigure, type ParetoPoint } from "../../../core/report/pareto_figure.ts";
import { COLOURS } from "../../../core/report/theme.ts";

const POINTS: readonly ParetoPoint[] = [
  { skipRatio: 0.1, loss: 2.5, frontier: true },
  { skipRatio: 0.2, loss: 2.875, frontier: false },
  { skipRatio: 0.35, loss: 2.75, frontier: true },
  { skipRatio: 0.5, loss: 3.25, frontier: true },
];

/** The figure as SVG; whatever Vega complains about fails the test. */
function drawn(points: readonly ParetoPoint[]): Promise<string> {
  return renderSvg(
    paretoFigure(points, "pareto: exp10"),
    (message) => assert.fail(`Vega warns: ${message}`),
  );
}

/** Dots of the picture by colour, as pairs of coordinates. */
function dots(svg: string): { colour: string; x: number; y: number }[] {
  return Array.from(
    svg.matchAll(
      /aria-roledescription="point"[^>]* transform="translate\(([^,]+),([^)]+)\)"[^>]* fill="([^"]+)"/g,
    ),
    ([, x, y, colour]) => ({ colour: colour!, x: Number(x), y: Number(y) }),
  );
}

Deno.test("every trial is a dot, further right by its skip and higher by its loss", async () => {
  const svg = await drawn(POINTS);
  const own = dots(svg);
  assert.equal(own.length, POINTS.length, svg);
  for (let i = 1; i < POINTS.length; i++) {
    assert.ok(own[i]!.x > own[i - 1]!.x);
    assert.equal(own[i]!.y < own[i - 1]!.y, POINTS[i]!.loss > POINTS[i - 1]!.loss);
  }
  for (
    const text of ["pareto: exp10: 4 trials", "skip ratio", "validation loss (nats per token)"]
  ) {
    assert.ok(svg.includes(`>${text}</text>`), `no "${text}" in the figure`);
  }
});

Deno.test("the frontier has another colour, and a line through its dots and no others", async () => {
  const svg = await drawn(POINTS);
  const { vermilion, blue } = COLOURS;
  assert.deepEqual(
    dots(svg).map(({ colour }) => colour.toLowerCase()),
    POINTS.map(({ frontier }) => (frontier ? vermilion : blue).toLowerCase()),
  );
  const line = /aria-roledescription="line mark"[^>]* d="([^"]+)"/.exec(svg)![1]!;
  const corners = line.match(/-?[\d.]+,-?[\d.]+/g)!.map((pair) => pair.split(",").map(Number));
  const expected = dots(svg).filter((_, i) => POINTS[i]!.frontier).map(({ x, y }) => [x, y]);
  assert.equal(corners.length, expected.length, line);
  corners.forEach(([x, y], i) => {
    assert.ok(Math.abs(x! - expected[i]![0]!) < 0.01 && Math.abs(y! - expected[i]![1]!) < 0.01);
  });
});

Deno.test("a line follows the skip ratio, in whatever order the trials come", async () => {
  const pathOf = (svg: string) => /aria-roledescription="line mark"[^>]* d="([^"]+)"/.exec(svg)![1];
  assert.equal(pathOf(await drawn(POINTS.toReversed())), pathOf(await drawn(POINTS)));
});

Deno.test("one trial, and trials that are all alike, can be drawn; none cannot", async () => {
  assert.equal(dots(await drawn(POINTS.slice(0, 1))).length, 1);
  const twin = POINTS[0]!;
  assert.equal(dots(await drawn([twin, { ...twin }])).length, 2);
  assert.throws(() => paretoFigure([], "none"), RangeError);
});
