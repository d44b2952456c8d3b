/** The pool of buffers, without a device. */

import assert from "node:assert/strict";
import { BufferPool } from "../../../../plugins/backends/webgpu/runtime/pool.ts";

/** A pool, and how many bytes and buffers there are of it. */
function poolOfNothing() {
  const held = { bytes: 0, made: 0 };
  const device = {
    limits: { maxBufferSize: 2 ** 31 },
    createBuffer({ size }: GPUBufferDescriptor) {
      held.bytes += size;
      held.made++;
      return { size, destroy: () => held.bytes -= size };
    },
  };
  return { pool: new BufferPool(device as unknown as GPUDevice), held };
}

/** A run that has buffers of these sizes at once. */
function run(pool: BufferPool, ...sizes: number[]): void {
  const buffers = sizes.map((size) => pool.take(size));
  buffers.forEach((buffer) => pool.give(buffer));
  pool.endRun();
}

Deno.test("a pool keeps no more than two runs like the last ones take, as they grow or shrink", () => {
  const sizes = Array.from({ length: 32 }, (_, i) => 4096 * (i + 1));
  for (const order of [sizes, sizes.toReversed()]) {
    const { pool, held } = poolOfNothing();
    for (const size of order) run(pool, size, size, size);
    // What serves a size is up to twice as large.
    const largest = 2 * 3 * Math.max(...order.slice(-8));
    assert.ok(held.bytes <= 2 * largest, `${held.bytes} bytes`);
  }
});

Deno.test("a pool makes nothing anew for programs that run in turn", () => {
  const { pool, held } = poolOfNothing();
  for (let turn = 0; turn < 20; turn++) {
    run(pool, 1024, 5000, 70_000);
    run(pool, 300_000, 300, 2048);
  }
  assert.equal(held.made, 6);
  pool.close();
  assert.equal(held.bytes, 0);
});
