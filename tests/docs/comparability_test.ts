/** The formulas of docs/comparability.md are what is counted. */

import assert from "node:assert/strict";
import { flopsAt, tokenFlops } from "../../core/routing/mod.ts";
import { llamaKind } from "../../plugins/models/llama/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";
import { page, tableUnder } from "./pages.ts";

const T = 128;
const ANCHOR = 4;
const RANK = 16;

Deno.test("operations are counted as the page says, and nano's come to what it says", () => {
  const path = new URL("../../plugins/models/nano/config.json", import.meta.url);
  const config = JSON.parse(Deno.readTextFileSync(path));
  const model = llamaKind.fromConfig(config, "nano");
  const { hiddenSize: D, numHeads: h, numKeyValueHeads: k, headDim: d, vocabSize: V } = model.dims;
  const F = config["intermediate_size"];
  const routable = model.dims.numLayers - ANCHOR;
  const parts = [
    4 * D * k * d,
    4 * D * h * d + 4 * T * h * d + 6 * D * F,
    4 * D * RANK,
    2 * (D * D / 2 + D / 2 * D / 4 + D / 4 * routable),
    2 * D * V,
  ] as const;
  const rows = tableUnder(page("docs/comparability.md"), "Operations");
  assert.deepEqual(rows.map((row) => Number(row[2]!.replaceAll(",", ""))), parts);

  const [memory, rest, adapter, router, head] = parts;
  const costs = tokenFlops(
    model,
    ANCHOR,
    T,
    tokenGumbel.create(tokenGumbel.options.parse({})),
    RANK,
  );
  assert.deepEqual(costs, {
    anchor: ANCHOR * (memory + rest),
    keysValues: Array(routable).fill(memory),
    block: Array(routable).fill(rest),
    bypass: adapter,
    router,
    head,
  });
  const activity = Array.from({ length: routable }, (_, layer) => layer / routable);
  const layers = activity.reduce((sum, a) => sum + memory + a * rest + (1 - a) * adapter, 0);
  assert.equal(flopsAt(costs, activity), costs.anchor + layers + router + head);
});
