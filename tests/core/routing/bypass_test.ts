/** Small adapters for tokens that skip a block: who gets them, and what they add. */

import assert from "node:assert/strict";
import {
  constant,
  input,
  inputsOf,
  matmulFlops,
  type Node,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { initialize, inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import {
  bypass,
  bypassFlops,
  bypassParams,
  flopsAt,
  forward,
  tokenFlops,
} from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import {
  AdamW,
  CheckpointStore,
  readTrained,
  type StudentOptions,
  trainableParams,
} from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";
import { normal } from "../../conformance/router_setup.ts";
import {
  ANCHOR_LAYERS,
  copyOf,
  drawBatch,
  drawWeights,
  jitter,
  LORA,
  MODEL,
  ROUTER,
} from "../../support/tiny_student.ts";
import { inFolder, userError } from "../io/support.ts";

const [BATCH, LENGTH, RANK] = [2, 4, 3];
const LAYERS = MODEL.dims.numLayers - ANCHOR_LAYERS;
const CLOSE = { relative: 1e-12, absolute: 1e-12 };

const specs = bypassParams(MODEL.dims, ANCHOR_LAYERS, RANK);
const params = new ParamNodes(inputNodes({ ...MODEL.params(), ...specs }));
const tokens = input("tokens", [BATCH, LENGTH], "int32");
const started = initialize(specs, 5);
const values: Record<string, HostTensor> = {
  ...drawWeights(),
  ...jitter(started, 0.3, 6),
  ...drawBatch([LENGTH, LENGTH]) as unknown as Record<string, HostTensor>,
};

/** The last state under gates, with the adapters or without. */
const stateUnder = (gates: Node, adapters: boolean, anchorLayers = ANCHOR_LAYERS) =>
  forward(MODEL, params, tokens, {
    gates,
    anchorLayers,
    ...(adapters ? { bypass: params } : {}),
  }).hiddenStates;

const known = (gates: readonly number[]) => constant(floats([1, 1, gates.length], gates));

Deno.test("every layer that may be skipped has two matrices of its own, and a rank of 0 none", () => {
  assert.deepEqual(bypassParams(MODEL.dims, ANCHOR_LAYERS, 0), {});
  const shapes = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, shape]),
  );
  const width = MODEL.dims.hiddenSize;
  const expected = [1, 2, 3].flatMap((layer) => [
    [`bypass.${layer}.down.weight`, [RANK, width]],
    [`bypass.${layer}.up.weight`, [width, RANK]],
  ]);
  assert.deepEqual(shapes, Object.fromEntries(expected));
});

Deno.test("an adapter that nothing was taught changes nothing, to the bit", () => {
  const gates = floats(
    [BATCH, LENGTH, LAYERS],
    [...normal([24], "gates").data].map((x) => x > 0 ? 1 : 0),
  );
  const fed = input("gates", gates.shape);
  const nodes = { without: stateUnder(fed, false), with: stateUnder(fed, true) };
  const result = evaluate(nodes, { ...values, ...started, gates });
  assert.deepEqual(result.with, result.without);
});

Deno.test("what it adds is W₂ silu(W₁ x / rms(x))", () => {
  const width = MODEL.dims.hiddenSize;
  const state = normal([1, 2, width], "state");
  const x = input("x", state.shape);
  const added = bypass(params, 2, x);
  const { data } = evaluate([added], { ...values, x: state })[0]!;
  const [down, up] = ["down", "up"].map((part) => values[`bypass.2.${part}.weight`]!.data);
  for (const token of [0, 1]) {
    const own = state.data.slice(token * width, (token + 1) * width);
    const rms = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / width + 1e-6);
    const inner = Array.from({ length: RANK }, (_, r) => {
      const z = own.reduce((sum, value, i) => sum + value / rms * down![r * width + i]!, 0);
      return z / (1 + Math.exp(-z));
    });
    for (let i = 0; i < width; i++) {
      const expected = inner.reduce((sum, value, r) => sum + value * up![i * RANK + r]!, 0);
      assert.ok(Math.abs(data[token * width + i]! - expected) < 1e-6);
    }
  }
  for (const name of ["x", "bypass.2.down.weight", "bypass.2.up.weight"]) {
    assertGradient(weightedSum(added), name, { ...values, x: state });
  }
});

Deno.test("a token that skips a block gets its adapter, and one that runs it does not", () => {
  const anchorLayers = MODEL.dims.numLayers - 1;
  const last = anchorLayers;
  const gates = floats([BATCH, LENGTH, 1], [1, 0, 1, 1, 0, 0, 1, 0]);
  const fed = input("gates", gates.shape);
  const plain = forward(MODEL, params, tokens, { gates: fed, anchorLayers });
  const result = evaluate({
    with: stateUnder(fed, true, anchorLayers),
    without: plain.hiddenStates,
    added: bypass(params, last, plain.anchor!),
  }, { ...values, gates });
  const width = MODEL.dims.hiddenSize;
  const expected = Array.from(result.without.data, (x, i) => {
    const skips = gates.data[Math.floor(i / width)] === 0;
    return skips ? x + result.added.data[i]! : x;
  });
  const wanted = { ...result.without, data: Float64Array.from(expected) };
  assertClose(result.with, wanted, CLOSE, "the last state");
  assert.ok(result.added.data.some((x) => Math.abs(x) > 0.1), "the adapter adds something");
});

for (const pattern of [[1, 0, 1], [0, 0, 1], [0, 0, 0], [1, 1, 1]]) {
  Deno.test(`known gates ${pattern.join(" ")} give adapters to those that the same fed gates do`, () => {
    const fed = stateUnder(input("gates", [1, 1, LAYERS]), true);
    const nodes = { fed, known: stateUnder(known(pattern), true) };
    const result = evaluate(nodes, { ...values, gates: floats([1, 1, LAYERS], pattern) });
    assertClose(result.known, result.fed, CLOSE, "the last state");
    const read = inputsOf(topologicalOrder([nodes.known]));
    pattern.forEach((gate, at) => {
      const name = `bypass.${ANCHOR_LAYERS + at}.up.weight`;
      assert.equal(read.has(name), gate === 0, name);
    });
  });
}

Deno.test("through a whole pass gradients reach the adapters of skipped tokens, and the gates", () => {
  const gates = floats(
    [BATCH, LENGTH, LAYERS],
    [...normal([24], "gates of gradients").data].map((x) => x > 0 ? 1 : 0),
  );
  const state = weightedSum(stateUnder(input("gates", gates.shape), true));
  for (const name of [...Object.keys(specs), "gates"]) {
    assertGradient(state, name, { ...values, gates });
  }
});

Deno.test("where nobody skips a block, its adapter has no part in the loss", () => {
  const [first, last] = [1, 3].map((layer) => `bypass.${layer}.up.weight`) as [string, string];
  const fed = weightedSum(stateUnder(input("gates", [1, 1, LAYERS]), true));
  const feeds = { ...values, gates: floats([1, 1, LAYERS], [1, 1, 0]) };
  // A flat loss is what the check refuses.
  assert.throws(() => assertGradient(fed, first, feeds), { message: /flat along the direction/ });
  assertGradient(fed, last, feeds);
});

Deno.test("what an adapter is said to cost is what its graph computes", () => {
  const width = MODEL.dims.hiddenSize;
  const added = bypass(params, 2, input("x", [1, LENGTH, width]));
  assert.equal(matmulFlops([added]) / LENGTH, bypassFlops(width, RANK));
  assert.equal(bypassFlops(width, 0), 0);
  assert.equal(tokenFlops(MODEL, ANCHOR_LAYERS, LENGTH).bypass, 0);

  // In a pass of which all is known, for every pattern of blocks that all tokens skip.
  for (const pattern of [[1, 0, 1], [0, 0, 1], [0, 0, 0], [1, 1, 1]]) {
    const perToken = (adapters: boolean) =>
      matmulFlops([stateUnder(known(pattern), adapters)]) / (BATCH * LENGTH);
    const [without, costs] = [0, RANK].map((rank) =>
      tokenFlops(MODEL, ANCHOR_LAYERS, LENGTH, undefined, rank)
    ) as [ReturnType<typeof tokenFlops>, ReturnType<typeof tokenFlops>];
    const said = flopsAt(costs, pattern, false) - flopsAt(without, pattern, false);
    assert.equal(perToken(true) - perToken(false), said, pattern.join(" "));
    assert.equal(perToken(true), flopsAt({ ...costs, head: 0 }, pattern, false));
  }
});

const studentOf = (bypassRank: number): StudentOptions & { lora: typeof LORA } => ({
  model: MODEL,
  lora: LORA,
  router: { router: ROUTER, anchorLayers: ANCHOR_LAYERS, bypassRank },
  batchSize: BATCH,
  sequenceLength: LENGTH,
});

/** A checkpoint of a student, and what was in it. */
async function saved(folder: string, bypassRank: number) {
  const student = studentOf(bypassRank);
  const trained = jitter(initialize(trainableParams(student), 8), 0.1, 9);
  const store = new CheckpointStore(folder, {
    student,
    optimizer: new AdamW(trained, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }),
    router: {
      name: ROUTER.name,
      anchorLayers: ANCHOR_LAYERS,
      reads: "state",
      bypassRank,
      options: {},
    },
    baseModel: "tiny",
  });
  return { trained, path: await store.save({ step: 1, threshold: 0.25, best: null }) };
}

Deno.test("a checkpoint gives back every bit of the adapters, among all that was trained", () =>
  inFolder(async (folder) => {
    const { trained, path } = await saved(folder, RANK);
    const { weights, threshold } = readTrained(path, studentOf(RANK));
    assert.equal(threshold, 0.25);
    assert.deepEqual(Object.keys(weights).toSorted(), Object.keys(trained).toSorted());
    assert.ok(Object.keys(specs).every((name) => name in weights));
    assert.deepEqual(copyOf(weights), copyOf(trained));
  }));

Deno.test("a checkpoint with adapters of another rank, or with none, is refused by name", () =>
  inFolder(async (folder) => {
    const { path } = await saved(`${folder}/some`, RANK);
    await userError(
      () => readTrained(path, studentOf(RANK + 1)),
      `bypass.1.down.weight is [${RANK},16], this router needs [${RANK + 1},16]`,
    );
    const bare = await saved(`${folder}/none`, 0);
    await userError(() => readTrained(bare.path, studentOf(RANK)), "bypass.1.down.weight");
  }));
