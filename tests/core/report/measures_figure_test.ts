/** The figure of a table. */

import assert from "node:assert/strict";
import { measuresFigure } from "../../../core/report/measures_figure.ts";
import { COLOURS } from "../../../core/report/theme.ts";
import { assertSays, dataOf, drawnInColumn, markCount, texts } from "./support.ts";

const ROWS = [
  { name: "base model", marked: true, values: [{ value: 0.5 }, { value: 12 }] },
  {
    name: "exp10",
    values: [{ value: 0.625, low: 0.5, high: 0.75, samples: [0.5, 0.625, 0.75] }, { value: 9.5 }],
  },
  { name: "exp6", values: [{ value: 0.75 }, undefined] },
];

const MEASURES = [
  { title: "loss (nats)", as: "dots", digits: 3 },
  { title: "active layers", as: "bars", digits: 1 },
] as const;

Deno.test("rows and measures are shown in their order, with numbers, intervals and samples", async () => {
  const spec = measuresFigure([{ rows: ROWS }], MEASURES, { title: "Variants" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "Variants", "loss (nats)", "active layers", "0.625", "12.0", "9.5");
  const names = texts(svg).filter((text) => ROWS.some(({ name }) => name === text));
  assert.deepEqual(names, ["base model", "exp10", "exp6"]);
  assert.equal(markCount(svg, "bar"), 2);
  assert.equal(markCount(svg, "point"), 3 + 3);
  assert.equal(markCount(svg, "rule mark"), 1);
  const values = dataOf(spec).flatMap(({ value }) => value === undefined ? [] : [value]);
  assert.deepEqual(values, [0.5, 0.625, 0.75, 12, 9.5]);
});

Deno.test("a number stands behind all that is drawn of its row", () => {
  const values = [{ value: 2, samples: [1, 3] }];
  const spec = measuresFigure([{ rows: [{ name: "a", values }] }], [MEASURES[0]], { title: "x" });
  assert.equal(dataOf(spec)[0]!["end"], 3);
});

Deno.test("bars begin at zero and are as long as their values; the marked one stands out", async () => {
  const rows = [{ name: "a", marked: true, values: [{ value: 1 }] }, {
    name: "b",
    values: [{ value: 3 }],
  }];
  const svg = await drawnInColumn(
    measuresFigure([{ rows }], [{ title: "x", as: "bars" }], { title: "Bars" }),
  );
  const bars = Array.from(
    svg.matchAll(
      /aria-roledescription="bar"[^>]* d="M([\d.]+),[\d.]+h([\d.]+)v[^"]*"[^>]* fill="([^"]+)"/g,
    ),
    ([, x, width, fill]) => ({ x: Number(x), width: Number(width), fill }),
  );
  assert.equal(bars.length, 2, svg);
  assert.deepEqual(bars.map(({ x }) => x), [0, 0]);
  assert.ok(Math.abs(bars[1]!.width / bars[0]!.width - 3) < 0.01);
  assert.deepEqual(bars.map(({ fill }) => fill), [COLOURS.vermilion, COLOURS.blue]);
});

Deno.test("groups have titles of their own and one axis", async () => {
  const groups = [{ title: "prefill", rows: ROWS.slice(0, 1) }, {
    title: "decode",
    rows: ROWS.slice(1),
  }];
  const svg = await drawnInColumn(measuresFigure(groups, MEASURES, { title: "Groups" }));
  assertSays(svg, "prefill", "decode");
  assert.equal(texts(svg).filter((text) => text === "loss (nats)").length, 1);
});

Deno.test("names of any length fit, equal values can be drawn, no values cannot", async () => {
  const name = "a way of running the model whose name has no end";
  await drawnInColumn(
    measuresFigure([{ rows: [{ name, values: [{ value: 0 }] }] }], [MEASURES[0]], { title: "x" }),
  );
  assert.throws(() => measuresFigure([], MEASURES, { title: "x" }), RangeError);
  const empty = [{ rows: [{ name: "a", values: [undefined, undefined] }] }];
  assert.throws(() => measuresFigure(empty, MEASURES, { title: "x" }), RangeError);
});
