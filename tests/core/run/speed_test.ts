/** What is said of a run's speed. */

import assert from "node:assert/strict";
import { type ExperimentConfig } from "../../../core/run/config_schema.ts";
import { median, speedLines } from "../../../core/run/speed.ts";

const CONFIG = { steps: 3, batchSize: 1, sequenceLength: 512, accumulation: 5 } as ExperimentConfig;
const row = (tokens: number, gflops: number, memory: number) => ({
  "tokens_per_second": tokens,
  "gflops_per_second": gflops,
  "peak_memory_mb": memory,
});
const ROWS = [row(10, 100, 9000), row(25.6, 170, 9216), row(26, 171, 9216)];

Deno.test("the speed is that of the step in the middle, the memory that of the largest", () => {
  assert.deepEqual(speedLines(ROWS as never, CONFIG, 3), [
    "speed       26 tokens/s, 170 GFLOP/s (medians); 9.0 GiB of memory at most",
  ]);
});

Deno.test("a run that was cut short says how long the whole experiment would take", () => {
  // 1,860 steps of 2,560 tokens at 25.6 a second.
  assert.equal(
    speedLines(ROWS as never, CONFIG, 1860)[1],
    "estimate    51h 40m for the 1860 steps of the whole experiment",
  );
});

Deno.test("the median of an even number of values lies between the two in the middle", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 100]), 3);
  assert.throws(() => median([]), RangeError);
});
