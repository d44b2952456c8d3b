/** The parts that the benchmarks measure with. */

import assert from "node:assert/strict";
import { type Backend, type CompileOptions } from "../../core/contracts/mod.ts";
import { peakRssMb, timed } from "../../scripts/bench/measure.ts";
import { mainProducts, RawProduct } from "../../scripts/bench/raw_products.ts";
import { MODEL_CONFIGS, modelOf, withLayers } from "../../scripts/bench/models.ts";
import { repeatedNormals, StepWorkload } from "../../scripts/bench/step_workload.ts";
import { gemmRate } from "../../scripts/bench/gemm_rate.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";

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
  const model = modelOf(withLayers(MODEL_CONFIGS["tinyllama"]!, 4), "tinyllama");
  const flops = mainProducts(model, 512).reduce(
    (sum, { rows, inner, columns, count }) => sum + 2 * rows * inner * columns * count,
    0,
  );
  const matrices = 4 * (2 * 2048 * 2048 + 2 * 256 * 2048 + 3 * 2048 * 5632) + 32000 * 2048;
  const share = flops / (2 * 512 * matrices);
  assert.ok(share > 0.98 && share < 1, `${share}`);
});

Deno.test("a bare product counts its own operations and takes time", async () => {
  await using backend = onnxBackend({ threads: 1 });
  const [shape] = mainProducts(modelOf(MODEL_CONFIGS["nano"]!, "nano"), 8);
  await using product = await RawProduct.compile(backend, { ...shape!, rows: 2048 });
  assert.equal(product.flops, 2 * 2048 * shape!.inner * shape!.columns);
  assert.ok(await product.round() > 0);
});

Deno.test("the rate of products is found at the smallest size that takes long enough", async () => {
  await using backend = referenceBackend();
  const quick = await gemmRate(backend, { smallest: 8, largest: 32, enough: 0 });
  assert.equal(quick.size, 8);
  assert.ok(quick.gflops > 0);
  const most = await gemmRate(backend, { smallest: 8, largest: 32, enough: Infinity });
  assert.equal(most.size, 32);
});

Deno.test("the rate with weights in another form is that of a program they are part of", async () => {
  await using backend = referenceBackend();
  const asked: CompileOptions[] = [];
  const watched: Backend = {
    ...backend,
    compile: (outputs, options = {}) => {
      asked.push(options);
      return backend.compile(outputs, options);
    },
  };
  const options = { smallest: 8, largest: 8, weightFormat: "float16" } as const;
  assert.ok((await gemmRate(watched, options)).gflops > 0);
  assert.deepEqual(asked.map(({ weightFormat }) => weightFormat), ["float16"]);
  assert.deepEqual(asked.map(({ constants }) => Object.keys(constants!)), [["weight"]]);
});

Deno.test("every published shape is that of a model with as many parameters as its name says", () => {
  const billions: Record<string, number> = {
    "tinyllama": 1.1,
    "qwen0.5b": 0.49,
    "qwen1.5b": 1.54,
    "qwen3b": 3.09,
    "qwen7b": 7.62,
    "openllama3b": 3.43,
    "llama8b": 8.03,
    "nano": 0.00132,
  };
  assert.deepEqual(Object.keys(MODEL_CONFIGS), Object.keys(billions));
  for (const [name, config] of Object.entries(MODEL_CONFIGS)) {
    const specs = Object.values(modelOf(config, name).params());
    const count = specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const expected = billions[name]! * 1e9;
    assert.ok(Math.abs(count - expected) < 0.01 * expected, `${name}: ${count}`);
  }
});

Deno.test("a workload takes steps of the same loss in any precision, nearly", async () => {
  await using backend = onnxBackend({ threads: 1 });
  const model = modelOf(MODEL_CONFIGS["nano"]!, "nano");
  const lossOf = async (basePrecision: "float32" | "int4" | "nf4", checkpointing: boolean) => {
    await using step = await StepWorkload.compile(backend, {
      model,
      anchorLayers: 4,
      batchSize: 2,
      sequenceLength: 16,
      basePrecision,
      checkpointing,
    });
    return (await step.take()).loss;
  };
  const loss = await lossOf("float32", false);
  assert.ok(Math.abs(await lossOf("float32", true) - loss) < 1e-5);
  for (const precision of ["int4", "nf4"] as const) {
    const other = await lossOf(precision, true);
    assert.ok(Math.abs(other - loss) < 0.02 * loss && other !== loss, `${precision}: ${other}`);
  }
});
