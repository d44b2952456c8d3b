/** The figure of speed. */

import assert from "node:assert/strict";
import { speedFigure } from "../../../core/report/speed_figure.ts";
import { assertSays, dataOf, drawnInColumn, markCount } from "./support.ts";

const POINTS = ["prefill, batch 1", "decode, batch 1", "prefill, batch 8", "decode, batch 8"]
  .flatMap(
    (phase, i) => [
      { kind: "layers cut off", phase, ideal: 1.5, speedup: 1.25 + i / 16 },
      { kind: "blended, as in training", phase, ideal: 2, speedup: 0.875 },
    ],
  );

Deno.test("every way is a point beside the line on which nothing is lost", async () => {
  const spec = speedFigure(POINTS, { title: "Speed", subtitle: "nano" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "Speed", "nano", "layers cut off", "blended, as in training", "decode, batch 8");
  assert.equal(markCount(svg, "point"), POINTS.length);
  assert.equal(markCount(svg, "line mark"), 1);
  assert.deepEqual(dataOf(spec).slice(2), POINTS);
});

Deno.test("one way can be drawn, none cannot", async () => {
  await drawnInColumn(speedFigure(POINTS.slice(0, 1), { title: "Speed" }));
  assert.throws(() => speedFigure([], { title: "Speed" }), RangeError);
});
