/** The figure of one run's quantities. */

import assert from "node:assert/strict";
import { panelsFigure } from "../../../core/report/panels_figure.ts";
import { assertSays, dataOf, drawnInColumn, markCount } from "./support.ts";

const POINTS = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, value: 4 + (i % 2) }));

Deno.test("each quantity has a panel, smooth ones a thin and a thick line", async () => {
  const spec = panelsFigure([
    { title: "cross-entropy", colour: "#0072b2", points: POINTS, smooth: true },
    { title: "temperature", colour: "#0072b2", points: POINTS, zero: true },
  ], { title: "exp10" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "cross-entropy", "temperature", "optimizer step");
  assert.equal(markCount(svg, "line mark"), 3);
  const rows = dataOf(spec);
  assert.deepEqual(rows.slice(0, 40).map(({ value }) => value), POINTS.map(({ value }) => value));
  // The moving average of a saw is nearly flat.
  assert.ok(Math.abs(Number(rows[20]!["mean"]) - 4.5) < 0.2);
  assert.equal(rows[60]!["mean"], rows[60]!["value"]);
});

Deno.test("what is wanted is a dashed line with its name", async () => {
  const wanted = { value: 9.5, name: "target" };
  const svg = await drawnInColumn(
    panelsFigure([{ title: "layers", colour: "#0072b2", points: POINTS, wanted }], {
      title: "exp10",
    }),
  );
  assertSays(svg, "target");
  assert.equal(markCount(svg, "rule mark"), 1);
});

Deno.test("a quantity has the colour that it is given", async () => {
  const svg = await drawnInColumn(
    panelsFigure([{ title: "x", colour: "#123456", points: POINTS }], { title: "exp10" }),
  );
  assert.match(svg, /aria-roledescription="line mark"[^>]* stroke="#123456"/);
});

Deno.test("long runs are thinned; few values have dots; none are refused", async () => {
  const long = Array.from({ length: 20_000 }, (_, step) => ({ step, value: step }));
  assert.ok(
    dataOf(panelsFigure([{ title: "x", colour: "#0072b2", points: long }], { title: "" })).length <=
      250,
  );
  const svg = await drawnInColumn(
    panelsFigure([{ title: "x", colour: "#0072b2", points: POINTS.slice(0, 3) }], { title: "few" }),
  );
  assert.equal(markCount(svg, "point"), 3);
  assert.throws(() => panelsFigure([], { title: "none" }), RangeError);
  assert.throws(
    () => panelsFigure([{ title: "x", colour: "#0072b2", points: [] }], { title: "none" }),
    RangeError,
  );
});
