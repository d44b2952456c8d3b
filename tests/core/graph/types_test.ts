/** Type rules: what each operation refuses, with a message that shows the shapes. */

import assert from "node:assert/strict";
import * as g from "../../../core/graph/mod.ts";
import { type DType, showType } from "../../../core/tensor/mod.ts";

const x = (shape: number[], dtype: DType = "float32") => g.input("x", shape, dtype);

/** What is wrong, a graph that has it wrong, and what the message must say. */
const refusals: readonly [what: string, build: () => g.Node, message: RegExp][] = [
  [
    "codes that are not half as many as weights",
    () => g.dequantize(x([48], "uint8"), x([2]), [2, 64], "nf4"),
    /^Cannot dequantize uint8\[48\] and float32\[2\]: \[2,64\] takes half as many uint8 codes/,
  ],
  [
    "scales that are not one a block",
    () => g.dequantize(x([64], "uint8"), x([3]), [2, 64], "int4"),
    /dequantize uint8\[64\] and float32\[3\]: .* a float32 scale for each 64 weights$/,
  ],
  [
    "weights that fill no whole blocks",
    () => g.dequantize(x([48], "uint8"), x([1]), [2, 48], "int4"),
    /dequantize uint8\[48\] and float32\[1\]: \[2,48\] takes/,
  ],
  [
    "waiting for integers",
    () => g.after(x([2]), x([2]), x([3], "int32")),
    /^Cannot after .* and int32\[3\]: what is waited for must be float32, with at least one/,
  ],
  [
    "waiting for nothing",
    () => g.after(x([2]), x([0, 3])),
    /after float32\[2\] and float32\[0, 3\]: .*at least one element$/,
  ],
  [
    "gradients in hand of what is no scalar",
    () => g.withGradient(x([2]), [x([3])], [x([3])]),
    /^Cannot withGradient float32\[2\] .*: it takes a scalar, then values, then a slope for each/,
  ],
  [
    "gradients in hand that are not one a value",
    () => g.withGradient(x([]), [x([3])], []),
    /withGradient float32\[\] and float32\[3\]: it takes a scalar/,
  ],
  [
    "shapes that do not broadcast",
    () => g.add(x([2, 3]), x([4])),
    /^Cannot add float32\[2, 3\] and float32\[4\]: they do not broadcast$/,
  ],
  [
    "integers in arithmetic",
    () => g.mul(x([2]), x([2], "int32")),
    /^Cannot mul float32\[2\] and int32\[2\]: it takes float32 only$/,
  ],
  ["integers in a function", () => g.exp(x([2], "uint8")), /^Cannot exp uint8\[2\]: .*float32/],
  [
    "inner sizes that differ",
    () => g.matmul(x([2, 3]), x([4, 5])),
    /float32\[2, 3\] and float32\[4, 5\]: the inner sizes 3 and 4 differ$/,
  ],
  [
    "inner sizes that differ once transposed",
    () => g.matmul(x([2, 3]), x([3, 5]), { transB: true }),
    /the inner sizes 3 and 5 differ with the right transposed$/,
  ],
  [
    "products of vectors",
    () => g.matmul(x([3]), x([3, 1])),
    /matmul float32\[3\] and float32\[3, 1\]: both need two axes/,
  ],
  [
    "products of different batches",
    () => g.matmul(x([2, 3, 4]), x([5, 4, 3])),
    /float32\[2, 3, 4\] and float32\[5, 4, 3\]: their leading axes differ/,
  ],
  [
    "one matrix for a transposed batch",
    () => g.matmul(x([2, 4, 3]), x([4, 3]), { transA: true }),
    /float32\[2, 4, 3\] and float32\[4, 3\]: their leading axes differ/,
  ],
  [
    "another number of elements",
    () => g.reshape(x([2, 3]), [4, 2]),
    /Cannot reshape float32\[2, 3\]: \[4,2\] has another number of elements/,
  ],
  [
    "an order that is none",
    () => g.transpose(x([2, 3]), [0, 0]),
    /transpose float32\[2, 3\]: \[0,0\] is not an order of its axes/,
  ],
  [
    "an order of too few axes",
    () => g.transpose(x([2, 3]), [0]),
    /transpose float32\[2, 3\]: \[0\] is not an order/,
  ],
  [
    "a shape it does not broadcast to",
    () => g.broadcastTo(x([2, 3]), [3, 3]),
    /broadcast float32\[2, 3\]: it does not broadcast to \[3,3\]/,
  ],
  ["a slice past the end", () => g.slice(x([2, 3]), 1, 1, 4), /\[1, 4\) is not inside axis 1/],
  ["a slice back to front", () => g.slice(x([2, 3]), 1, 2, 1), /\[2, 1\) is not inside axis 1/],
  ["an axis that is not there", () => g.slice(x([2, 3]), 2, 0, 1), /there is no axis 2/],
  ["a negative axis too far", () => g.reduceSum(x([2, 3]), [-3]), /there is no axis -3/],
  ["negative padding", () => g.pad(x([2]), 0, -1, 0), /the widths must not be negative/],
  [
    "parts that differ elsewhere",
    () => g.concat([x([2, 3]), x([3, 3])], 1),
    /float32\[2, 3\] and float32\[3, 3\]: they differ elsewhere than in axis 1/,
  ],
  [
    "parts of different types",
    () => g.concat([x([2]), x([2], "int32")], 0),
    /float32\[2\] and int32\[2\]/,
  ],
  [
    "fractions as indices",
    () => g.gatherRows(x([4, 2]), x([3])),
    /gatherRows float32\[4, 2\] and float32\[3\]: the indices must be int32/,
  ],
  [
    "too few indices for the rows",
    () => g.scatterRows(x([3, 2]), x([2], "int32"), 5),
    /float32\[3, 2\] and int32\[2\]: there must be one index a row/,
  ],
  [
    "too many indices to take",
    () => g.takeLast(x([3, 4]), x([3, 4], "int32")),
    /there must be one index a row/,
  ],
  [
    "values without an index",
    () => g.addAtLast(x([3, 4]), x([3], "int32"), x([2])),
    /there must be one index and one value a row/,
  ],
  [
    "rows of a scalar",
    () => g.gatherRows(x([]), x([3], "int32")),
    /gatherRows float32\[\] and int32\[3\]: the table needs at least one axis/,
  ],
  [
    "an element of a scalar",
    () => g.takeLast(x([]), x([], "int32")),
    /takeLast float32\[\]: it needs at least one axis/,
  ],
  [
    "a target for a scalar",
    () => g.crossEntropy(x([]), x([], "int32")),
    /crossEntropy float32\[\]: it needs at least one axis/,
  ],
  ["a softmax of a scalar", () => g.softmax(x([])), /softmax float32\[\]: it needs at least one/],
  [
    "targets for other rows",
    () => g.crossEntropy(x([2, 3, 5]), x([2, 5], "int32")),
    /float32\[2, 3, 5\] and int32\[2, 5\]: there must be one int32 target a row/,
  ],
  [
    "students and teachers of different vocabularies",
    () => g.klDivergence(x([2, 5]), x([2, 6])),
    /float32\[2, 5\] and float32\[2, 6\]: both need the same shape/,
  ],
  [
    "weights of another width",
    () => g.rmsNorm(x([2, 4]), x([3]), 1e-5),
    /float32\[2, 4\] and float32\[3\]: there must be one weight/,
  ],
  [
    "rows of groups that are not equal",
    () => g.takeRows(x([8, 3]), { groups: 3, start: 0, end: 1 }),
    /Cannot take rows of float32\[8, 3\]: it has no rows \[0, 1\) of 3 equal groups/,
  ],
  [
    "rows that a group does not have",
    () => g.takeRows(x([8, 3]), { groups: 2, start: 1, end: 5 }),
    /it has no rows \[1, 5\) of 2 equal groups/,
  ],
  [
    "positions of other tokens",
    () => g.rope(x([1, 3, 8]), x([1, 4], "int32"), x([9, 2]), x([9, 2]), 2),
    /positions must be int32 \[batch, seq\]/,
  ],
  [
    "tables of another head size",
    () => g.rope(x([1, 3, 8]), x([1, 3], "int32"), x([9, 4]), x([9, 4]), 2),
    /cos and sin must be \[positions, 2\]/,
  ],
  [
    "heads that do not fill a row",
    () => g.rope(x([1, 3, 8]), x([1, 3], "int32"), x([9, 1]), x([9, 1]), 3),
    /8 is not 3 heads/,
  ],
  [
    "gates of different shapes",
    () => g.straightThrough(x([2]), x([2, 1])),
    /float32\[2\] and float32\[2, 1\]: both need the same shape/,
  ],
];

for (const [what, build, message] of refusals) {
  Deno.test(`graphs refuse ${what}`, () => {
    assert.throws(build, (error: Error) => {
      assert.ok(error instanceof g.GraphError, error.name);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("types follow from those of the inputs", () => {
  const types: [g.Node, string][] = [
    [g.add(x([2, 1, 3]), x([4, 1])), "float32[2, 4, 3]"],
    [g.matmul(x([6, 5, 2]), x([6, 3, 2]), { transB: true }), "float32[6, 5, 3]"],
    [g.matmulRows(x([2, 3, 4]), x([7, 4])), "float32[2, 3, 7]"],
    [g.matmulRows(x([4]), x([7, 4])), "float32[7]"],
    [g.matmul(x([2, 3, 4]), x([4, 7])), "float32[2, 3, 7]"],
    [g.reduceSum(x([2, 3, 4]), [-1, 0]), "float32[3]"],
    [g.reduceSum(x([2, 3, 4]), [1], true), "float32[2, 1, 4]"],
    [g.transpose(x([2, 3, 4], "int32"), [2, 0, 1]), "int32[4, 2, 3]"],
    [g.gatherRows(x([9, 4]), x([2, 3], "int32")), "float32[2, 3, 4]"],
    [g.scatterRows(x([2, 3, 4]), x([2, 3], "int32"), 9), "float32[9, 4]"],
    [g.takeLast(x([2, 3, 9]), x([2, 3], "int32")), "float32[2, 3]"],
    [g.crossEntropy(x([2, 3, 9]), x([2, 3], "int32")), "float32[2, 3]"],
    [g.inverseRms(x([2, 3]), 1e-5), "float32[2, 1]"],
    [g.cast(x([2], "uint8"), "float32"), "float32[2]"],
    [g.greater(x([2, 1]), x([3])), "float32[2, 3]"],
    [g.dequantize(x([96], "uint8"), x([3]), [4, 48], "nf4"), "float32[4, 48]"],
    [g.after(x([2], "int32"), x([3])), "int32[2]"],
  ];
  assert.deepEqual(types.map(([node]) => showType(node.type)), types.map(([, type]) => type));
});

Deno.test("what would change nothing makes no node", () => {
  const same = x([2, 3]);
  assert.equal(g.reshape(same, [2, 3]), same);
  assert.equal(g.broadcastTo(same, [2, 3]), same);
  assert.equal(g.pad(same, 0, 0, 0), same);
  assert.equal(g.slice(same, -1, 0, 3), same);
  assert.equal(g.concat([same], 1), same);
  assert.equal(g.cast(same, "float32"), same);
  assert.equal(g.scale(same, 1), same);
  assert.equal(g.after(same), same);
});

Deno.test("every operation is listed under its own name", () => {
  for (const [name, op] of Object.entries(g.ops)) assert.equal(op.name, name);
});
