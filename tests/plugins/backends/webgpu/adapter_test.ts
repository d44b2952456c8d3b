/** What is asked of an adapter. */

import assert from "node:assert/strict";
import { limitsOf } from "../../../../plugins/backends/webgpu/runtime/adapter.ts";

/** An adapter as WebGPU promises at least. */
const LEAST = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

Deno.test("an adapter is asked for all that it has, as far as one can ask", () => {
  assert.deepEqual(limitsOf(LEAST), LEAST);
  const most = limitsOf({ ...LEAST, maxBufferSize: 2 ** 64, maxStorageBuffersPerShaderStage: 500 });
  assert.equal(most.maxBufferSize, Number.MAX_SAFE_INTEGER);
  assert.equal(most.maxStorageBuffersPerShaderStage, 16);
});

Deno.test("an adapter that has less than WebGPU promises is refused by what it lacks", () => {
  for (const [name, promised] of Object.entries(LEAST)) {
    assert.throws(() => limitsOf({ ...LEAST, [name]: promised - 1 }), {
      name: "UserError",
      message: new RegExp(`${name} is ${promised - 1}, .* promises ${promised}: install .*Vulkan`),
    });
  }
});
