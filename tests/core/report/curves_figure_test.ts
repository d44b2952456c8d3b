/** The figure of several runs over their steps. */

import assert from "node:assert/strict";
import { curvesFigure } from "../../../core/report/curves_figure.ts";
import { assertSays, dataOf, drawnInColumn, markCount } from "./support.ts";

const OPTIONS = { title: "Loss", subtitle: "n = 2 seeds", y: { title: "loss (nats)" } };

const CURVES = [
  {
    series: "exp1",
    points: [{ step: 50, value: 2, low: 1.75, high: 2.25 }, {
      step: 100,
      value: 1.5,
      low: 1.25,
      high: 1.75,
    }],
  },
  { series: "exp10", points: [{ step: 50, value: 3 }, { step: 100, value: 2.5 }] },
];

Deno.test("each series is a line with its dots and its name, those with a range have a band", async () => {
  const spec = curvesFigure(CURVES, { ...OPTIONS, dots: true });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "Loss", "n = 2 seeds", "loss (nats)", "optimizer step", "exp1", "exp10");
  assert.equal(markCount(svg, "line mark"), 2);
  assert.equal(markCount(svg, "point"), 4);
  assert.ok(markCount(svg, "area mark") >= 1);
  assert.deepEqual(
    dataOf(spec),
    CURVES.flatMap(({ series, points }) => points.map((point) => ({ series, ...point }))),
  );
});

Deno.test("one series has no legend, one point can be drawn, none cannot", async () => {
  const svg = await drawnInColumn(
    curvesFigure([{ series: "alone", points: [{ step: 1, value: 2 }] }], OPTIONS),
  );
  assert.ok(!svg.includes(">alone<"));
  assert.throws(() => curvesFigure([{ series: "empty", points: [] }], OPTIONS), RangeError);
  assert.throws(() => curvesFigure([], OPTIONS), RangeError);
});

Deno.test("many series with long names fit the column", async () => {
  const many = Array.from({ length: 12 }, (_, i) => ({
    series: `exp9_ablation_no_kd_${i}`,
    points: [{ step: 1, value: i }, { step: 2, value: i + 1 }],
  }));
  const svg = await drawnInColumn(curvesFigure(many, OPTIONS));
  assertSays(svg, ...many.map(({ series }) => series));
});
