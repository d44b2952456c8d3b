/** Gates that are known when the graph is built, and blocks that count for more where they survive. */

import assert from "node:assert/strict";
import { type Decision, type Router } from "../../../core/contracts/mod.ts";
import {
  constant,
  input,
  inputsOf,
  matmulFlops,
  type Node,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import { forward, siteOf } from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { contextInputs } from "../../conformance/routing_context.ts";
import { ANCHOR_LAYERS, drawBatch, drawWeights, MODEL } from "../../support/tiny_student.ts";

const [BATCH, LENGTH] = [2, 6];
const SITE = siteOf(MODEL, ANCHOR_LAYERS);
const LAYERS = SITE.routableLayers;

const tokens = input("tokens", [BATCH, LENGTH], "int32");
const params = new ParamNodes(inputNodes(MODEL.params()));
const values = {
  ...drawWeights(),
  ...drawBatch([LENGTH, LENGTH]) as unknown as Record<string, HostTensor>,
};
const CLOSE = { relative: 1e-12, absolute: 1e-12 };

/** State after the last block, with gates that are known or fed. */
function stateUnder(gates: Node): Node {
  return forward(MODEL, params, tokens, { gates, anchorLayers: ANCHOR_LAYERS }).hiddenStates;
}

const known = (gates: readonly number[]) => constant(floats([1, 1, LAYERS], gates));

/** State under a router that gives this answer. */
function stateWith(decision: Decision, anchorLayers = ANCHOR_LAYERS): Node {
  const router: Router = {
    name: "given",
    decidesBy: "chance",
    params: () => ({}),
    decide: () => decision,
  };
  const site = siteOf(MODEL, anchorLayers);
  const context = contextInputs("train", [BATCH, LENGTH], site);
  return forward(MODEL, params, tokens, { router, params, anchorLayers, context }).hiddenStates;
}

Deno.test("known gates of one are the dense pass itself: the same bits, the same work", async () => {
  const [gated, dense] = [
    stateUnder(known([1, 1, 1])),
    forward(MODEL, params, tokens).hiddenStates,
  ];
  assert.equal(matmulFlops([gated]), matmulFlops([dense]));
  await using backend = onnxBackend({ threads: 1 });
  await using program = await backend.compile({ gated, dense });
  const result = await program.run(values);
  assert.deepEqual(result.gated, result.dense);
});

for (const pattern of [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]]) {
  Deno.test(`known gates ${pattern.join(" ")} give what the same gates give when they are fed`, () => {
    const fed = stateUnder(input("gates", [1, 1, LAYERS]));
    const nodes = { fed, known: stateUnder(known(pattern)) };
    const result = evaluate(nodes, { ...values, gates: floats([1, 1, LAYERS], pattern) });
    assertClose(result.known, result.fed, CLOSE, "the last state");
  });
}

Deno.test("a block that is known to be skipped is left out, with its keys and values", () => {
  const whole = matmulFlops([stateUnder(known([1, 1, 1]))]);
  const without = stateUnder(known([1, 0, 1]));
  const anchorAlone = matmulFlops([stateUnder(known([0, 0, 0]))]);
  // All blocks are alike, so one of three routable ones is a third of their work.
  assert.equal(whole - matmulFlops([without]), (whole - anchorAlone) / 3);
  const read = [...inputsOf(topologicalOrder([without])).keys()];
  assert.ok(read.some((name) => name.startsWith("model.layers.1.")));
  assert.deepEqual(read.filter((name) => name.startsWith("model.layers.2.")), []);
  // Gates that are fed may be anything, so every block has to be there.
  assert.equal(matmulFlops([stateUnder(input("gates", [1, 1, LAYERS]))]), whole);
});

Deno.test("gates that are known for each token are not taken for gates of all", () => {
  const gates = floats([BATCH, LENGTH, LAYERS], new Float32Array(BATCH * LENGTH * LAYERS).fill(1));
  gates.data[LAYERS * 4 + 1] = 0;
  const nodes = {
    fed: stateUnder(input("gates", gates.shape)),
    known: stateUnder(constant(gates)),
  };
  const result = evaluate(nodes, { ...values, gates });
  assert.deepEqual(result.known, result.fed);
});

/** Rows of a state `[B, T, D]`. */
const row = ({ data }: HostTensor, token: number) =>
  Array.from(data.slice(token * SITE.hiddenSize, (token + 1) * SITE.hiddenSize));

Deno.test("a survival scale multiplies what a block that runs adds, and adds nothing to others", () => {
  const anchorLayers = MODEL.dims.numLayers - 1;
  const gates = floats([BATCH, 1, 1], [1, 0]);
  const scale = constant(floats([1, 1, 1], [2.5]));
  const dense = forward(MODEL, params, tokens, {
    gates: constant(floats([1, 1, 1], [1])),
    anchorLayers,
  });
  const result = evaluate({
    sampled: stateWith(
      { gates: input("gates", [BATCH, 1, 1]), survivalScale: scale },
      anchorLayers,
    ),
    known: stateWith(
      { gates: constant(floats([1, 1, 1], [1])), survivalScale: scale },
      anchorLayers,
    ),
    before: dense.anchor!,
    after: dense.hiddenStates,
  }, { ...values, gates });
  for (let token = 0; token < BATCH * LENGTH; token++) {
    const [before, after] = [row(result.before, token), row(result.after, token)];
    const scaled = before.map((x, i) => x + 2.5 * (after[i]! - x));
    const near = (state: number[], expected: number[]) =>
      state.forEach((x, i) => assert.ok(Math.abs(x - expected[i]!) < 1e-12));
    near(row(result.known, token), scaled);
    // The second sequence skips the block.
    if (token < LENGTH) near(row(result.sampled, token), scaled);
    else assert.deepEqual(row(result.sampled, token), before);
  }
});

Deno.test("each block has its own survival scale", () => {
  const scaled = (scales: readonly number[]) =>
    stateWith({ gates: known([1, 1, 1]), survivalScale: known(scales) });
  const result = evaluate({
    ones: scaled([1, 1, 1]),
    none: stateUnder(known([1, 1, 1])),
    zero: scaled([1, 0, 1]),
    without: stateUnder(known([1, 0, 1])),
  }, values);
  assertClose(result.ones, result.none, CLOSE, "with scales of 1");
  // A factor of 0 is as good as a gate of 0.
  assertClose(result.zero, result.without, CLOSE, "with a scale of 0");
});
