/** Figures of which layers run. */

import assert from "node:assert/strict";
import { layerHeatmap, layerProfiles } from "../../../core/report/layers_figure.ts";
import { assertSays, dataOf, drawnInColumn, markCount } from "./support.ts";

Deno.test("a heatmap has a field for each layer and step, with the deepest layer on top", async () => {
  const shares = [50, 100].flatMap((step) =>
    [4, 5, 11].map((layer) => ({ step, layer, share: layer === 4 ? 1 : 0.25 }))
  );
  const spec = layerHeatmap(shares, { title: "Layers" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "50", "100", "4", "11", "layer", "tokens that run the layer", "100%");
  assert.equal(markCount(svg, "rect mark"), 6);
  assert.ok(svg.indexOf(">11<") < svg.indexOf(">4<"));
  assert.deepEqual(dataOf(spec), shares);
  assert.throws(() => layerHeatmap([], { title: "none" }), RangeError);
});

Deno.test("a heatmap of many steps and layers stays readable", async () => {
  const shares = Array.from({ length: 60 * 36 }, (_, i) => ({
    step: 250 * Math.floor(i / 36),
    layer: i % 36,
    share: i / 2160,
  }));
  const svg = await drawnInColumn(layerHeatmap(shares, { title: "Layers" }));
  assert.equal(markCount(svg, "rect mark"), 2160);
});

Deno.test("a profile has a bar for each layer, those that always run are apart", async () => {
  const profiles = [
    { name: "exp6", anchorLayers: 2, shares: [0.5, 0.25] },
    { name: "exp10", anchorLayers: 0, shares: [1, 0.75, 0.5] },
  ];
  const spec = layerProfiles(profiles, { title: "Profiles" });
  const svg = await drawnInColumn(spec);
  assertSays(svg, "exp6", "exp10", "layer", "3");
  assert.equal(markCount(svg, "bar"), 7);
  assert.deepEqual(
    dataOf(spec).filter(({ always }) => !always).map(({ layer, share }) => [layer, share]),
    [[2, 0.5], [3, 0.25], [0, 1], [1, 0.75], [2, 0.5]],
  );
  assert.throws(() => layerProfiles([], { title: "none" }), RangeError);
  const none = [{ name: "x", anchorLayers: 4, shares: [] }];
  assert.throws(() => layerProfiles(none, { title: "none" }), RangeError);
});
