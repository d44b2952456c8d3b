/** The figure of a training run, down to its pixels. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { renderPng, renderSvg, writeFigure } from "../../../core/report/figures.ts";
import { trainingFigure, type TrainingRow } from "../../../core/report/training_figure.ts";

function rowsOf(steps: number): TrainingRow[] {
  return Array.from({ length: steps }, (_, index) => ({
    step: index + 1,
    train_loss: 3 + 1 / (index + 1),
    ce_loss: 3 + 2 / (index + 1),
    kd_loss: 0.3 / (index + 1),
    gate_loss: 0.02,
    target_loss: 0.01 / (index + 1),
    validation_loss: index % 20 === 19 ? 3.1 : undefined,
    skip_ratio: 0.3 * (index / steps),
    temperature: 1 - index / steps / 2,
  }));
}

/** The figure as SVG; whatever Vega complains about fails the test. */
function drawn(spec: TopLevelSpec): Promise<string> {
  return renderSvg(spec, (message) => assert.fail(`Vega warns: ${message}`));
}

/** Width and height that a PNG declares in its header. */
function sizeOfPng(png: Uint8Array): [number, number] {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

Deno.test("the figure shows all parts, the target and both readings of the skip ratio", async () => {
  const svg = await drawn(
    trainingFigure(rowsOf(120), {
      title: "exp10, seed 0",
      targetSkip: 0.3,
      layers: { total: 12, anchor: 4 },
    }),
  );
  const texts = [
    "exp10, seed 0",
    "loss (nats per token)",
    "cross-entropy",
    "validation",
    "distillation",
    "sparsity",
    "skip target",
    "skip ratio",
    "target 30%",
    "active layers",
    "temperature",
    "optimizer step",
  ];
  for (const text of texts) {
    assert.ok(svg.includes(`>${text}</text>`), `no "${text}" in the figure`);
  }
});

Deno.test("a run of one step, or with few columns, can be drawn", async () => {
  await drawn(trainingFigure(rowsOf(1), { title: "short" }));
  const bare = [{ step: 1, train_loss: 2 }, { step: 2, train_loss: NaN }];
  const svg = await drawn(trainingFigure(bare, { title: "bare" }));
  assert.ok(!svg.includes("NaN") && !svg.includes("skip ratio") && !svg.includes("validation"));
  assert.throws(() => trainingFigure([], { title: "none" }), RangeError);
});

Deno.test("a long run is thinned to what a screen can show", () => {
  const spec = JSON.stringify(trainingFigure(rowsOf(20_000), { title: "long" }));
  assert.ok(spec.length < 800_000, `${spec.length} characters`);
});

Deno.test("a figure is written as specification, SVG and PNG of twice its size", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const spec = trainingFigure(rowsOf(30), { title: "exp10" });
    const files = await writeFigure(join(folder, "figures", "training"), spec);
    const svg = await Deno.readTextFile(files.svg);
    const [, width, height] = svg.match(/<svg[^>]* width="([\d.]+)" height="([\d.]+)"/)!.map(
      Number,
    );
    const [pngWidth, pngHeight] = sizeOfPng(await Deno.readFile(files.png));
    assert.ok(Math.abs(pngWidth - 2 * width!) <= 2 && Math.abs(pngHeight - 2 * height!) <= 2);
    // The specification alone gives the picture again.
    const again = await drawn(JSON.parse(await Deno.readTextFile(files.specification)));
    assert.equal(again, svg);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("text is in the PNG, Greek included", async () => {
  const page = (inside: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20">${inside}</svg>`;
  const text = (letters: string) => page(`<text x="2" y="15" font-size="12">${letters}</text>`);
  const [blank, latin, greek] = await Promise.all(
    [page(""), text("loss"), text("λ τ")].map((svg) => renderPng(svg)),
  );
  assert.notDeepEqual(latin, blank);
  assert.notDeepEqual(greek, blank);
  assert.notDeepEqual(greek, latin);
});
