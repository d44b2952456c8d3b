/** The figures of a routing analysis. */

import assert from "node:assert/strict";
import type { TopLevelSpec } from "vega-lite";
import {
  depthByKindFigure,
  depthByPositionFigure,
  layersByKindFigure,
} from "../../../core/report/analysis_figures.ts";
import { renderSvg } from "../../../core/report/figures.ts";

const KINDS = [
  { kind: "subword", tokens: 50, value: 7.5, low: 7, high: 8 },
  { kind: "numeric", tokens: 9, value: 9, low: 8.5, high: 9.5 },
  { kind: "special", tokens: 1, value: 6 },
];

const PANELS = [
  { title: "hard and rare", kinds: [{ kind: "rare", tokens: 3, value: 8, low: 7.9, high: 8.1 }] },
  { title: "nothing here", kinds: [] },
  { title: "by text", kinds: KINDS },
];

/** A figure as SVG; whatever Vega complains about fails the test. */
function drawn(spec: TopLevelSpec): Promise<string> {
  return renderSvg(spec, (message) => assert.fail(`Vega warns: ${message}`));
}

const marks = (svg: string, role: string) =>
  svg.match(new RegExp(`aria-roledescription="${role}"`, "g"))?.length ?? 0;

function assertShows(svg: string, ...texts: readonly string[]): void {
  for (const text of texts) assert.ok(svg.includes(`>${text}</text>`), `no "${text}"`);
}

/** Where texts stand from top to bottom. */
function heights(svg: string, ...texts: readonly string[]): number[] {
  return texts.map((text) =>
    Number(new RegExp(`translate\\([^,]+,([\\d.]+)\\)"[^>]*>${text}</text>`).exec(svg)?.[1])
  );
}

Deno.test("depth by kind has a dot and an interval for each kind, the deepest on top", async () => {
  const svg = await drawn(depthByKindFigure(PANELS, 7.8, "exp10"));
  assert.equal(marks(svg, "point"), 4);
  // Four intervals, one of no width, and the mean of all in each of two panels.
  assert.equal(marks(svg, "rule mark"), 6);
  assertShows(svg, "exp10", "rare", "subword", "numeric", "special", "hard and rare", "by text");
  assert.ok(!svg.includes("nothing here"));
  const [numeric, subword, special] = heights(svg, "numeric", "subword", "special");
  assert.ok(numeric! < subword! && subword! < special!, `${numeric} ${subword} ${special}`);
});

Deno.test("depth by kind can be drawn where all kinds are alike", async () => {
  const kinds = ["one", "two"].map((kind) => ({ kind, tokens: 5, value: 12, low: 12, high: 12 }));
  const svg = await drawn(depthByKindFigure([{ title: "by text", kinds }], 12, "exp1"));
  assert.equal(marks(svg, "point"), 2);
  assert.doesNotMatch(svg, /NaN/);
});

Deno.test("depth by position is a line with a band, also without intervals", async () => {
  const points = [0, 8, 16, 24].map((position) => ({
    position,
    value: 9 - position / 100,
    low: 8.5,
    high: 9.5,
  }));
  const svg = await drawn(depthByPositionFigure(points, 8.9, "exp10"));
  assert.equal(marks(svg, "area mark"), 1);
  assert.equal(marks(svg, "point"), 4);
  assertShows(svg, "exp10", "position in the sequence (dashed: all tokens)");
  const plain = points.map(({ position, value }) => ({ position, value }));
  assert.equal(marks(await drawn(depthByPositionFigure(plain, 8.9, "exp10")), "point"), 4);
  const one = await drawn(depthByPositionFigure(plain.slice(0, 1), 9, "exp10"));
  assert.doesNotMatch(one, /NaN/);
});

Deno.test("the map has a cell for each kind and layer, with numbers where they fit", async () => {
  const panel = (layers: number) => [{
    title: "by text",
    kinds: ["numeric", "word"].map((kind, k) => ({
      kind,
      tokens: 5,
      activity: Array.from({ length: layers }, (_, layer) => (layer + k) / (layers + 1)),
    })),
  }];
  const svg = await drawn(layersByKindFigure(panel(4), 2, "exp10"));
  assert.equal(marks(svg, "rect mark"), 8);
  assertShows(svg, "20%", "80%", "2", "5", "numeric", "word", "layer");
  const wide = await drawn(layersByKindFigure(panel(28), 4, "exp10"));
  assert.equal(marks(wide, "rect mark"), 56);
  assert.doesNotMatch(wide, />3%</);
  assertShows(wide, "31");
});

Deno.test("nothing cannot be drawn", () => {
  assert.throws(() => depthByKindFigure([], 1, ""), RangeError);
  assert.throws(() => depthByKindFigure([{ title: "a", kinds: [] }], 1, ""), RangeError);
  assert.throws(() => depthByPositionFigure([], 1, ""), RangeError);
  assert.throws(() => layersByKindFigure([], 1, ""), RangeError);
});
