/** How large numbers may be that counts on the device are made of. */

import assert from "node:assert/strict";
import * as g from "../../../../core/graph/mod.ts";
import { floats } from "../../../../core/tensor/mod.ts";
import { rangeOf, rangeOfTensor } from "../../../../plugins/backends/webgpu/kernels/ranges.ts";

const x = g.input("x", [3]);

/** The range of a node where `x` is fed these numbers. */
function rangeAt(node: g.Node, numbers: readonly number[]) {
  const range = rangeOfTensor(floats([numbers.length], numbers));
  return rangeOf(node, { sizes: new Map(), rangeOf: () => range });
}

Deno.test("numbers lie between the smallest and the largest, unless one is no number", () => {
  assert.deepEqual(rangeAt(x, [2, -1, 7]), { low: -1, high: 7 });
  assert.deepEqual(rangeAt(x, []), { low: 0, high: 0 });
  for (const numbers of [[NaN, 2, 7], [7, NaN, 2], [2, 7, NaN], [0, Infinity, 1]]) {
    assert.equal(rangeAt(x, numbers), undefined, `${numbers}`);
    // Nor is anything known of what is made from it.
    assert.equal(rangeAt(g.reduceSum(g.mul(x, g.neg(x))), numbers), undefined);
    assert.equal(rangeAt(g.concat([g.constant(floats([1], [3])), x], 0), numbers), undefined);
  }
});

Deno.test("a range is known through all that hands numbers on", () => {
  const numbers = [2, -1, 7];
  const expected = { low: -1, high: 7 };
  const bent = g.withGradient(g.reduceSum(x), [x], [x]);
  assert.deepEqual(rangeAt(g.checkpoint(g.reshape(x, [3, 1]), [x]), numbers), expected);
  assert.deepEqual(rangeAt(bent, numbers), { low: -3, high: 21 });
});
