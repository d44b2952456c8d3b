/** The figure of points by two quantities. */

import assert from "node:assert/strict";
import { scatterFigure } from "../../../core/report/scatter_figure.ts";
import { assertSays, dataOf, drawnInColumn, markCount } from "./support.ts";

const OPTIONS = { title: "Cost", x: { title: "skip ratio", format: ".0%" }, y: { title: "loss" } };

const POINTS = [
  { series: "base", x: 0, y: 0.5 },
  {
    series: "exp10",
    x: 0.25,
    y: 0.75,
    low: 0.625,
    high: 0.875,
    samples: [{ x: 0.25, y: 0.7 }, { x: 0.25, y: 0.8 }],
  },
  { series: "exp10", x: 0.5, y: 1 },
];

Deno.test("points, intervals and samples are shown, and joined where that is wanted", async () => {
  const spec = scatterFigure(POINTS, { ...OPTIONS, joined: true, neutral: "base" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "Cost", "skip ratio", "loss", "base", "exp10");
  assert.equal(markCount(svg, "point"), POINTS.length + 2);
  assert.equal(markCount(svg, "rule mark"), 1);
  assert.equal(markCount(svg, "line mark"), 2);
  const own = dataOf(spec).filter(({ series, x }) => series === "exp10" && x === 0.5);
  assert.deepEqual(own.map(({ y }) => y), [1]);
});

Deno.test("panels are two in a row, and named above or by an axis", async () => {
  const points = ["facts", "reason", "math"].flatMap((panel) =>
    POINTS.map((point) => ({ ...point, panel }))
  );
  const svg = await drawnInColumn(scatterFigure(points, OPTIONS));
  assertSays(svg, "facts", "reason", "math");
  assert.equal(svg.match(/>skip ratio</g)!.length, 2);
  const two = points.slice(0, 6);
  for (const panelNames of ["x", "y"] as const) {
    assertSays(
      await drawnInColumn(scatterFigure(two, { ...OPTIONS, panelNames })),
      "facts",
      "reason",
    );
  }
});

Deno.test("a single panel keeps its name, and the figure its title", async () => {
  const points = POINTS.map((point) => ({ ...point, panel: "facts" }));
  for (const panelNames of ["above", "x", "y"] as const) {
    assertSays(
      await drawnInColumn(scatterFigure(points, { ...OPTIONS, panelNames })),
      "facts",
      "Cost",
    );
  }
});

Deno.test("a logarithmic axis is marked at what was tried; the diagonal can be shown", async () => {
  const tried = [0.005, 0.05, 0.5].map((x, i) => ({ series: "exp8", x, y: i }));
  const svg = await drawnInColumn(
    scatterFigure(tried, { ...OPTIONS, x: { title: "price", format: "~g" }, logX: true }),
  );
  assertSays(svg, "0.005", "0.05", "0.5");
  const equal = await drawnInColumn(scatterFigure(POINTS, { ...OPTIONS, equal: true }));
  assert.equal(markCount(equal, "line mark"), 1);
});

Deno.test("values that are all one have an axis around them, not of one number", async () => {
  const same = [0.25, 0.5].map((x) => ({ series: "exp10", x, y: 1 }));
  assertSays(
    await drawnInColumn(scatterFigure(same, { ...OPTIONS, x: { title: "x" } })),
    "0.96",
    "1.00",
  );
});

Deno.test("one point can be drawn, none cannot", async () => {
  assert.equal(
    markCount(await drawnInColumn(scatterFigure(POINTS.slice(0, 1), OPTIONS)), "point"),
    1,
  );
  assert.throws(() => scatterFigure([], OPTIONS), RangeError);
});
