/** The passes through a decoder: what gates of one and of zero come to, and what flows where. */

import assert from "node:assert/strict";
import { type Backend } from "../../../core/contracts/mod.ts";
import {
  gradients,
  input,
  inputsOf,
  reduceSum,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import { decideOnly, forward, type Routing, siteOf } from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { contextInputs } from "../../conformance/routing_context.ts";
import {
  ANCHOR_LAYERS,
  drawBatch,
  drawRouter,
  drawWeights,
  MODEL,
  ROUTER,
} from "../../support/tiny_student.ts";

const [BATCH, LENGTH] = [2, 6];
const SITE = siteOf(MODEL, ANCHOR_LAYERS);
const GATES_SHAPE = [BATCH, LENGTH, SITE.routableLayers];

const tokens = input("tokens", [BATCH, LENGTH], "int32");
const gates = input("gates", GATES_SHAPE);
const params = new ParamNodes({
  ...inputNodes(MODEL.params()),
  ...inputNodes(ROUTER.params(SITE)),
});
const values = { ...drawWeights(), ...drawRouter(), ...drawBatch([LENGTH, LENGTH]) };

const routing: Routing = {
  router: ROUTER,
  params,
  anchorLayers: ANCHOR_LAYERS,
  context: contextInputs("eval", [BATCH, LENGTH], SITE),
};

const backends: readonly [name: string, make: () => Backend, relative: number][] = [
  ["reference", () => referenceBackend(), 1e-12],
  ["onnx", () => onnxBackend({ threads: 1 }), 1e-5],
];

for (const [name, make, relative] of backends) {
  Deno.test(`gates of one give the dense pass (${name})`, async () => {
    await using backend = make();
    const pass = forward(MODEL, params, tokens, { gates, anchorLayers: ANCHOR_LAYERS });
    await using program = await backend.compile({
      gated: MODEL.head(params, pass.hiddenStates),
      dense: MODEL.head(params, forward(MODEL, params, tokens).hiddenStates),
    });
    const ones = floats(GATES_SHAPE, new Float32Array(BATCH * LENGTH * 3).fill(1));
    const { gated, dense } = await program.run({ ...values, gates: ones });
    assertClose(gated, dense, { relative, absolute: relative }, "logits");
  });

  Deno.test(`gates of zero hand the anchor's state to the head, bit for bit (${name})`, async () => {
    await using backend = make();
    const pass = forward(MODEL, params, tokens, { gates, anchorLayers: ANCHOR_LAYERS });
    await using program = await backend.compile({
      state: pass.hiddenStates,
      anchor: pass.anchor!,
      logits: MODEL.head(params, pass.hiddenStates),
      early: MODEL.head(params, pass.anchor!),
      dense: MODEL.head(params, forward(MODEL, params, tokens).hiddenStates),
    });
    const result = await program.run({ ...values, gates: floats(GATES_SHAPE) });
    assert.deepEqual(result.state, result.anchor);
    assert.deepEqual(result.logits, result.early);
    assert.notDeepEqual(result.logits.data, result.dense.data);
  });
}

Deno.test("a gate of zero keeps one token's state through that block, and no other's", () => {
  const pass = forward(MODEL, params, tokens, {
    gates: input("gates", [BATCH, LENGTH, 1]),
    anchorLayers: MODEL.dims.numLayers - 1,
  });
  const closed = floats([BATCH, LENGTH, 1], new Float32Array(BATCH * LENGTH).fill(1));
  closed.data[3] = 0; // the fourth token of the first sequence
  const { state, anchor } = evaluate({ state: pass.hiddenStates, anchor: pass.anchor! }, {
    ...values,
    gates: closed,
  });
  const width = MODEL.dims.hiddenSize;
  const row = ({ data }: HostTensor, token: number) => [
    ...data.slice(token * width, (token + 1) * width),
  ];
  for (let token = 0; token < BATCH * LENGTH; token++) {
    if (token === 3) assert.deepEqual(row(state, token), row(anchor, token));
    else assert.notDeepEqual(row(state, token), row(anchor, token));
  }
});

Deno.test("asking the router alone gives the decision of the whole pass", () => {
  const { decision } = forward(MODEL, params, tokens, routing);
  const alone = decideOnly(MODEL, params, tokens, routing);
  const result = evaluate(
    { a: decision!.logits!, b: alone.logits!, gates: decision!.gates, others: alone.gates },
    { ...values, threshold: floats([], [0.25]) },
  );
  assert.deepEqual(result.a, result.b);
  assert.deepEqual(result.gates, result.others);
});

Deno.test("asking the router alone reads nothing of the routed layers", () => {
  const { gates, logits } = decideOnly(MODEL, params, tokens, routing);
  const read = [...inputsOf(topologicalOrder([gates, logits!])).keys()];
  assert.ok(read.some((name) => name.startsWith("model.layers.0.")));
  assert.deepEqual(
    read.filter((name) => /^(model\.layers\.[123]|model\.norm|lm_head)/.test(name)),
    [],
  );
});

Deno.test("no gradient flows from a decision into the model", () => {
  const { decision } = forward(MODEL, params, tokens, routing);
  const names = ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight"];
  const wrt = [...names, "router.0.weight"].map((name) => params.get(name));
  const slopes = gradients(reduceSum(decision!.logits!), wrt);
  const [embedding, layer, router] = evaluate(slopes, { ...values, threshold: floats([]) });
  assert.ok(embedding!.data.every((x) => x === 0));
  assert.ok(layer!.data.every((x) => x === 0));
  assert.ok(router!.data.some((x) => x !== 0));
});

Deno.test("a router's place must leave a block to skip", () => {
  assert.deepEqual(siteOf(MODEL, 0), { hiddenSize: 16, anchorLayers: 0, routableLayers: 4 });
  assert.deepEqual(siteOf(MODEL, 3), { hiddenSize: 16, anchorLayers: 3, routableLayers: 1 });
  for (const anchorLayers of [4, -1, NaN]) {
    assert.throws(() => siteOf(MODEL, anchorLayers), {
      name: "RangeError",
      message: new RegExp(`anchorLayers must be from 0 to 3.*${anchorLayers}`),
    });
  }
});
