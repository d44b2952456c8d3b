/** Host tensors and types. */

import assert from "node:assert/strict";
import {
  bytes,
  floats,
  ints,
  sameShape,
  showType,
  sizeOf,
  stridesOf,
} from "../../../core/tensor/mod.ts";

Deno.test("tensors are zeros unless values are given", () => {
  assert.deepEqual(floats([2, 1]).data, Float32Array.of(0, 0));
  assert.deepEqual(ints([2]).data, Int32Array.of(0, 0));
  assert.deepEqual(bytes([]).data, Uint8Array.of(0));
  assert.deepEqual(floats([2], [1, 0.1]).data, Float32Array.of(1, 0.1));
  assert.deepEqual(ints([2], new Set([4, 5])).data, Int32Array.of(4, 5));
});

Deno.test("tensors keep the array they are given when it already fits", () => {
  const data = Float32Array.of(1, 2);
  assert.equal(floats([2], data).data, data);
  const ids = Int32Array.of(1, 2);
  assert.equal(ints([1, 2], ids).data, ids);
  const mask = Uint8Array.of(1);
  assert.equal(bytes([1], mask).data, mask);
});

Deno.test("tensors refuse a number of values that does not fit the shape", () => {
  assert.throws(
    () => floats([2, 3], [1, 2, 3, 4, 5]),
    {
      name: "RangeError",
      message: "Cannot make float32[2, 3]: it takes 6 values, 5 were given",
    },
  );
  assert.throws(() => ints([2], [1, 2, 3]), /int32\[2\]: it takes 2 values, 3 were given/);
  assert.throws(() => bytes([], []), /uint8\[\]: it takes 1 values, 0 were given/);
});

Deno.test("shapes have a size, strides and a way to be written", () => {
  assert.equal(sizeOf([]), 1);
  assert.equal(sizeOf([2, 3, 4]), 24);
  assert.equal(sizeOf([2, 0]), 0);
  assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
  assert.deepEqual(stridesOf([]), []);
  assert.ok(sameShape([2, 3], [2, 3]));
  assert.ok(!sameShape([2, 3], [3, 2]));
  assert.ok(!sameShape([2], [2, 1]));
  assert.equal(showType({ dtype: "int32", shape: [2, 3] }), "int32[2, 3]");
  assert.equal(showType({ dtype: "float32", shape: [] }), "float32[]");
});
