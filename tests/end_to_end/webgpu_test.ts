/** Runs on a graphics adapter, if only in software, beside the same runs on the processor. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type MetricRow, readMetrics } from "../../core/run/metrics_csv.ts";
import { hasAdapter } from "../plugins/backends/webgpu/support.ts";
import {
  assertFinished,
  assertRefused,
  complaints,
  testWithProcesses,
  Workplace,
} from "./command.ts";

const lacksAdapter = () => hasAdapter ? undefined : "a graphics adapter";

/** Columns that say how fast it was. */
const SPEED = ["tokens_per_second", "gflops_per_second", "peak_memory_mb"];

function assertSameNumbers(
  actual: readonly MetricRow<string>[],
  expected: readonly MetricRow<string>[],
): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((row, i) => {
    for (const [column, value] of Object.entries(row)) {
      if (SPEED.includes(column)) continue;
      const own = actual[i]![column];
      const isSame = typeof value === "number" && typeof own === "number"
        ? Math.abs(own - value) < 1e-3
        : own === value;
      assert.ok(isSame, `row ${i}, ${column}: ${own} instead of ${value}`);
    }
  });
}

testWithProcesses(
  "a run on webgpu has the numbers of one on onnx, and writes its texts",
  async () => {
    using place = new Workplace();
    const options = [...place.tiny(), "--set", "accumulation=2", "--set", "evaluation.budgets=0.5"];
    const run = (backend: string, ...more: string[]) =>
      place.run("--fresh", ...options, "--backend", backend, "--out", place.path(backend), ...more);
    assertFinished(await run("onnx"));
    const outcome = await run("webgpu");
    assertFinished(outcome);
    // Nothing about desktops that are not there.
    assert.ok(
      complaints(outcome).every((line) => !line.includes("XDG_RUNTIME_DIR")),
      outcome.stderr,
    );
    const metrics = (backend: string) => readMetrics(join(place.path(backend), "metrics.csv"));
    assertSameNumbers(metrics("webgpu"), metrics("onnx"));

    const prompt = ["--prompt", "the cat", "--max-tokens", "5"];
    const write = async (backend: string) => {
      const written = await place.runScript(
        "generate",
        ...["--checkpoint", place.path("webgpu"), "--backend", backend, ...prompt],
      );
      assertFinished(written);
      return written.stdout;
    };
    assert.equal(await write("webgpu"), await write("onnx"));
  },
  lacksAdapter,
);

testWithProcesses("webgpu refuses what it cannot do in one line", async () => {
  using place = new Workplace();
  const tiny = ["--fresh", ...place.tiny(), "--backend", "webgpu"];
  assertRefused(
    await place.run(...tiny, "--set", "backend.executionProvider=abacus"),
    /"abacus" is none of WebGPU's adapters; there is .*fallback/,
  );
  const exported = ["--model", "model", "--backend", "webgpu", "--out", place.path("model.onnx")];
  assertRefused(await place.runScript("export", ...exported), /no file format .* --backend onnx/);
}, lacksAdapter);

testWithProcesses("what is no adapter is told by what to install", async () => {
  // What only another system has.
  const elsewhere = Deno.build.os === "windows" ? "metal" : "dx12";
  using place = new Workplace({ DENO_WEBGPU_BACKEND: elsewhere });
  const outcome = await place.run("--fresh", ...place.tiny(), "--backend", "webgpu");
  assertRefused(outcome, /no graphics adapter .* install .*mesa-vulkan-drivers/);
});
