/** Gradients of what models are built of, where rules meet: shared nodes, reshapes, several paths. */

import * as g from "../../../core/graph/mod.ts";
import { geluTanh, layerNorm, softcap } from "../../../core/nn/mod.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";
import { type OperationCase, signed, testCase } from "../../conformance/cases.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";

/** One head of causal attention: `[B, T, D]` queries over keys and values. */
function attention(q: g.Node, k: g.Node, v: g.Node, mask: g.Node): g.Node {
  const width = g.shapeOf(q).at(-1)!;
  const scores = g.matmul(q, k, { transB: true, alpha: 1 / Math.sqrt(width) });
  return g.matmul(g.softmax(g.add(scores, mask)), v);
}

/** Zeros where a token may look, a large negative number ahead of it. */
function causalMask(length: number): g.Node {
  const values = Array.from(
    { length: length * length },
    (_, i) => i % length <= Math.floor(i / length) ? 0 : -1e9,
  );
  return g.constant(floats([length, length], values));
}

const composites: readonly OperationCase[] = [
  testCase("gelu", { x: signed(3, 4) }, ({ x }) => g.gelu(x)),
  testCase("gelu by its approximation", { x: signed(3, 4) }, ({ x }) => geluTanh(x)),
  testCase("softcap", { x: signed(3, 4) }, ({ x }) => softcap(x, 0.8)),
  testCase(
    "layer norm",
    { x: signed(3, 4), weight: signed(4), bias: signed(4) },
    ({ x, weight, bias }) => layerNorm(x, weight, bias, 0.1),
  ),
  testCase("mean over an axis", { x: signed(2, 3, 4) }, ({ x }) => g.mean(x, [1])),
  testCase(
    "swiglu",
    { x: signed(2, 4), gate: signed(5, 4), up: signed(5, 4) },
    (each) => g.mul(g.silu(g.matmulRows(each.x, each.gate)), g.matmulRows(each.x, each.up)),
  ),
  testCase(
    "a linear layer with LoRA",
    {
      x: signed(2, 3, 4),
      weight: signed(5, 4),
      a: signed(2, 4),
      b: signed(5, 2),
    },
    ({ x, weight, a, b }) => g.add(g.matmulRows(x, weight), g.matmulRows(g.matmulRows(x, a), b, 2)),
  ),
  testCase("causal attention", {
    q: signed(2, 4, 3),
    k: signed(2, 4, 3),
    v: signed(2, 4, 3),
  }, ({ q, k, v }) => attention(q, k, v, causalMask(4))),
  testCase("heads split and merged around attention", { x: signed(1, 3, 4) }, ({ x }) => {
    const heads = g.transpose(g.reshape(x, [1, 3, 2, 2]), [0, 2, 1, 3]);
    const mixed = attention(heads, heads, heads, causalMask(3));
    return g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [1, 3, 4]);
  }),
  testCase("cross-entropy mixed with distillation", {
    student: signed(2, 3, 5),
    teacher: signed(2, 3, 5),
    targets: ints([2, 3], [0, 4, 2, 2, 1, 4]),
  }, ({ student, teacher, targets }) => {
    const hard = g.mean(g.crossEntropy(student, targets));
    const soft = g.mean(g.klDivergence(g.scale(student, 0.5), g.scale(teacher, 0.5)));
    return g.add(g.scale(hard, 0.7), g.scale(soft, 0.3 * 4));
  }),
  testCase(
    "a residual around a norm",
    { x: signed(2, 4), w: signed(4) },
    ({ x, w }) => g.add(x, g.tanh(g.rmsNorm(x, w, 1e-5))),
  ),
  testCase("a gated blend", {
    x: signed(2, 3, 4),
    y: signed(2, 3, 4),
    gates: signed(2, 3, 1),
  }, ({ x, y, gates }) => g.add(x, g.mul(gates, g.sub(y, x)))),
  testCase(
    "embedding, projection and loss with tied weights",
    {
      table: signed(5, 3),
      ids: ints([4], [0, 4, 2, 4]),
      targets: ints([4], [4, 2, 4, 1]),
    },
    ({ table, ids, targets }) =>
      g.crossEntropy(g.matmulRows(g.gatherRows(table, ids), table), targets),
  ),
  testCase("kept rows gathered, changed and added back", {
    x: signed(6, 3),
    w: signed(3, 3),
    kept: ints([3], [5, 0, 2]),
  }, ({ x, w, kept }) => {
    const changed = g.silu(g.matmulRows(g.gatherRows(x, kept), w));
    return g.add(x, g.scatterRows(changed, kept, 6));
  }),
];

for (const { name, feeds, output, wrt } of composites) {
  Deno.test(`the gradient of ${name} agrees with finite differences`, () => {
    for (const input of wrt) assertGradient(weightedSum(output), input, feeds);
  });
}

Deno.test("a gated blend with straightThrough() carries the gradient of its soft gates", () => {
  // With hard = soft the value is that of the soft blend, so that finite differences see the
  // declared gradient when both are moved together.
  const blend = testCase(
    "blend",
    { x: signed(2, 3), y: signed(2, 3), logits: signed(2, 1) },
    (n) => {
      const soft = g.sigmoid(n.logits);
      const gates = g.straightThrough(soft, soft);
      return g.add(n.x, g.mul(gates, g.sub(n.y, n.x)));
    },
  );
  for (const input of blend.wrt) assertGradient(weightedSum(blend.output), input, blend.feeds);
});

Deno.test("a gradient can be differentiated again", () => {
  // f = sum of w (x^3 + x y): the gradient for x is w (3 x^2 + y), a graph like any other.
  const { inputs, feeds, output } = testCase(
    "polynomial",
    { x: signed(5), y: signed(5) },
    ({ x, y }) => g.add(g.mul(g.mul(x, x), x), g.mul(x, y)),
  );
  const [first] = g.gradients(weightedSum(output), [inputs["x"]!]);
  assertGradient(weightedSum(first!, 4), "x", feeds);
  assertGradient(weightedSum(first!, 4), "y", feeds);
});
