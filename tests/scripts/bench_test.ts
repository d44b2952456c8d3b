/** The parts that the benchmarks measure with. */

import assert from "node:assert/strict";
import { median, peakRssMb, timed } from "../../scripts/bench/measure.ts";
import { mainProducts, RawProduct } from "../../scripts/bench/raw_products.ts";
import { nanoShape, repeatedNormals, tinyLlamaShape } from "../../scripts/bench/step_workload.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";

Deno.test("the median of an even number of values lies between the two in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 100]), 3);
  assert.throws(() => median([]), RangeError);
});

Deno.test("peak memory is in MB, and time in milliseconds", async () => {
  assert.ok(peakRssMb() > 20 && peakRssMb() < 20_000, `${peakRssMb()} MB`);
  const ms = await timed(() => new Promise((resolve) => setTimeout(resolve, 30)));
  assert.ok(ms > 25 && ms < 1000, `${ms} ms`);
});

Deno.test("repeated normals fill any length, and repeat only after 2^20", () => {
  const period = 2 ** 20;
  const values = repeatedNormals(period + 3, 0.5);
  assert.deepEqual(values.slice(period), values.slice(0, 3));
  assert.notDeepEqual(values.slice(3, 6), values.slice(0, 3));
  const square = values.reduce((sum, x) => sum + x * x, 0) / values.length;
  assert.ok(Math.abs(square - 0.25) < 0.005, `mean square ${square}`);
});

Deno.test("the main products are nearly all of a forward pass's multiplications by weights", () => {
  const { config } = tinyLlamaShape(4, 1, 512);
  const flops = mainProducts(config, 512).reduce(
    (sum, { rows, inner, columns, count }) => sum + 2 * rows * inner * columns * count,
    0,
  );
  const matrices = 4 * (2 * 2048 * 2048 + 2 * 256 * 2048 + 3 * 2048 * 5632) + 32000 * 2048;
  const share = flops / (2 * 512 * matrices);
  assert.ok(share > 0.98 && share < 1, `${share}`);
});

Deno.test("a bare product counts its own operations and takes time", async () => {
  await using backend = onnxBackend({ threads: 1 });
  const { config } = nanoShape(1, 8);
  const [shape] = mainProducts(config, 8);
  const weights = repeatedNormals(shape!.inner * shape!.columns, 1);
  await using product = await RawProduct.compile(backend, { ...shape!, rows: 2048 }, weights);
  assert.equal(product.flops, 2 * 2048 * shape!.inner * shape!.columns);
  assert.ok(await product.round() > 0);
});
