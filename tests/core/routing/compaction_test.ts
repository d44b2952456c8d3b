/** The compacted pass gives the numbers of the gated one, whatever is kept. */

import assert from "node:assert/strict";
import { type Backend, type DecoderModel, type KeysValues } from "../../../core/contracts/mod.ts";
import { input, type Node } from "../../../core/graph/mod.ts";
import { initialize, inputNodes, MASKED, ParamNodes } from "../../../core/nn/mod.ts";
import { bypassParams, forward, type PassOptions } from "../../../core/routing/mod.ts";
import {
  floats,
  type HostTensor,
  ints,
  RandomStream,
  runtimeSize,
} from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { llama } from "../../../plugins/models/llama/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { ANCHOR_LAYERS, MODEL } from "../../support/tiny_student.ts";

const LAYERS = MODEL.dims.numLayers - ANCHOR_LAYERS;
const BACKENDS: readonly [string, () => Backend, number][] = [
  ["reference", () => referenceBackend(), 1e-12],
  ["onnx", () => onnxBackend({ threads: 1 }), 2e-5],
];

/** Gates `[B, T, L']` by what is kept of them. */
const PATTERNS: Readonly<Record<string, (b: number, t: number, l: number) => boolean>> = {
  "all kept": () => true,
  "none kept": () => false,
  "one row kept": (b, t, l) => b === 1 && t === 3 && l !== 1,
  "a whole sequence skipped": (b, _t, l) => b !== l % 3,
  "one sequence only": (b) => b === 2,
  "the first tokens": (b, t) => t <= b,
};

function gatesBy(
  [batch, length]: readonly [number, number],
  keeps: (b: number, t: number, l: number) => boolean,
) {
  const gates = floats([batch, length, LAYERS]);
  gates.data.forEach((_, i) => {
    const token = Math.floor(i / LAYERS);
    const kept = keeps(Math.floor(token / length), token % length, i % LAYERS);
    gates.data[i] = kept ? 1 : 0;
  });
  return gates;
}

function randomly(rate: number, seed: number) {
  const random = new RandomStream(seed, "compaction");
  return () => random.uniform() < rate;
}

function randomTokens(batch: number, length: number, vocabulary: number): HostTensor {
  const random = new RandomStream(5, "tokens");
  const tokens = ints([batch, length]);
  tokens.data.forEach((_, i) => tokens.data[i] = random.below(vocabulary));
  return tokens;
}

/** Final states of a pass over `[batch, length]` under fed gates. */
function states(
  model: DecoderModel,
  batch: number,
  length: number,
  options: PassOptions,
  bypassed = false,
): Node {
  const params = new ParamNodes(inputNodes({
    ...model.params(),
    ...bypassParams(model.dims, ANCHOR_LAYERS, bypassed ? 3 : 0),
  }));
  const gates = input("gates", [batch, length, LAYERS]);
  return forward(model, params, input("tokens", [batch, length], "int32"), {
    gates,
    anchorLayers: ANCHOR_LAYERS,
    ...(bypassed ? { bypass: params } : {}),
  }, options).hiddenStates;
}

const weights = initialize(MODEL.params(), 1);

for (const [name, make, absolute] of BACKENDS) {
  for (const [what, keeps] of Object.entries(PATTERNS)) {
    Deno.test(`${name}: compacted equals gated with ${what}`, async () => {
      await using backend = make();
      await using program = await backend.compile({
        gated: states(MODEL, 3, 5, {}),
        compacted: states(MODEL, 3, 5, { compacted: true }),
      });
      const tokens = randomTokens(3, 5, MODEL.dims.vocabSize);
      const { gated, compacted } = await program.run({
        ...weights,
        tokens,
        gates: gatesBy([3, 5], keeps),
      });
      assertClose(compacted, gated, { absolute, relative: absolute }, what);
    });
  }

  Deno.test(`${name}: compacted equals gated under random gates of every rate and shape`, async () => {
    await using backend = make();
    for (const [batch, length] of [[1, 1], [1, 7], [4, 1], [2, 6], [5, 3]] as const) {
      await using program = await backend.compile({
        gated: states(MODEL, batch, length, {}),
        compacted: states(MODEL, batch, length, { compacted: true }),
      });
      const tokens = randomTokens(batch, length, MODEL.dims.vocabSize);
      for (let seed = 0; seed < 12; seed++) {
        const gates = gatesBy([batch, length], randomly((seed + 1) / 13, seed));
        const { gated, compacted } = await program.run({ ...weights, tokens, gates });
        const tolerance = { absolute, relative: absolute };
        assertClose(compacted, gated, tolerance, `[${batch}, ${length}], seed ${seed}`);
      }
    }
  });

  Deno.test(`${name}: skipped tokens get what their adapter makes`, async () => {
    await using backend = make();
    await using program = await backend.compile({
      gated: states(MODEL, 2, 4, {}, true),
      compacted: states(MODEL, 2, 4, { compacted: true }, true),
      without: states(MODEL, 2, 4, { compacted: true }),
    });
    const specs = bypassParams(MODEL.dims, ANCHOR_LAYERS, 3);
    const adapters = Object.fromEntries(
      Object.entries(specs).map(([name, { shape }]) => [
        name,
        initialize({ x: { shape, init: { kind: "normal", std: 0.5 } } }, 4)["x"]!,
      ]),
    );
    const tokens = randomTokens(2, 4, MODEL.dims.vocabSize);
    const gates = gatesBy([2, 4], randomly(0.5, 1));
    const result = await program.run({ ...weights, ...adapters, tokens, gates });
    assertClose(result.compacted, result.gated, { absolute, relative: absolute }, "adapters");
    assert.notDeepEqual(result.compacted.data, result.without.data);
  });

  Deno.test(`${name}: sizes may be left to the run, and earlier tokens come from a cache`, async () => {
    await using backend = make();
    const [batch, length, past] = ["batch", "length", "past"].map(runtimeSize) as [
      number,
      number,
      number,
    ];
    const { numKeyValueHeads, headDim, numLayers } = MODEL.dims;
    const earlier = Array.from({ length: numLayers }, (_, layer): KeysValues => ({
      keys: input(`keys.${layer}`, [batch, numKeyValueHeads, past, headDim]),
      values: input(`values.${layer}`, [batch, numKeyValueHeads, past, headDim]),
    }));
    const mask = input("mask", [batch, 1, length, past + length]);
    const places = {
      positions: input("positions", [batch, length], "int32"),
      mask: () => mask,
      earlier,
    };
    const params = new ParamNodes(inputNodes(MODEL.params()));
    const gates = input("gates", [batch, length, LAYERS]);
    const tokens = input("tokens", [batch, length], "int32");
    const pass = forward(
      MODEL,
      params,
      tokens,
      { gates, anchorLayers: ANCHOR_LAYERS },
      { places, compacted: true },
    );
    await using piece = await backend.compile({
      states: pass.hiddenStates,
      ...Object.fromEntries(pass.keysValues.flatMap((own, layer) => [
        [`keys.${layer}`, own!.keys],
        [`values.${layer}`, own!.values],
      ])),
    });
    await using whole = await backend.compile({ states: states(MODEL, 2, 7, {}) });
    const ids = randomTokens(2, 7, MODEL.dims.vocabSize);
    const allGates = gatesBy([2, 7], randomly(0.5, 3));
    const expected = await whole.run({ ...weights, tokens: ids, gates: allGates });

    // In pieces of 3, 1, 2 and 1 tokens, each after what came before.
    let cache = emptyCache(2);
    for (const [start, end] of [[0, 3], [3, 4], [4, 6], [6, 7]] as const) {
      const count = end - start;
      const mask = floats([2, 1, count, end]);
      mask.data.forEach((_, i) => {
        const column = i % end;
        const token = Math.floor(i / end) % count;
        mask.data[i] = column > start + token ? MASKED : 0;
      });
      const result: Record<string, HostTensor> = await piece.run({
        ...weights,
        ...cache,
        tokens: columns(ids, start, end),
        gates: columns(allGates, start, end),
        positions: ints(
          [2, count],
          [0, 1].flatMap(() => Array.from({ length: count }, (_, i) => start + i)),
        ),
        mask,
      });
      assertClose(
        result["states"]!,
        columns(expected.states, start, end),
        // The cache holds float32, whatever the backend computes with.
        { absolute: 2e-5, relative: 2e-5 },
        `tokens ${start} to ${end}`,
      );
      cache = Object.fromEntries(
        Object.keys(cache).map((name) => [name, joined(cache[name]!, result[name]!)]),
      );
    }
  });
}

function emptyCache(batch: number): Record<string, HostTensor> {
  const { numKeyValueHeads, headDim, numLayers } = MODEL.dims;
  const names = Array.from({ length: numLayers }, (_, l) => [`keys.${l}`, `values.${l}`]).flat();
  return Object.fromEntries(
    names.map((name) => [name, floats([batch, numKeyValueHeads, 0, headDim])]),
  );
}

/** Elements `start` to `end` along the second axis. */
function columns({ dtype, shape, data }: HostTensor, start: number, end: number): HostTensor {
  const [batch, length, ...rest] = shape as [number, number, ...number[]];
  const width = rest.reduce((a, b) => a * b, 1);
  const values: number[] = [];
  for (let b = 0; b < batch; b++) {
    values.push(...data.subarray((b * length + start) * width, (b * length + end) * width));
  }
  const part = [batch, end - start, ...rest];
  return dtype === "int32" ? ints(part, values) : floats(part, values);
}

/** Keys or values `[B, heads, S, d]`, the second after the first. */
function joined(a: HostTensor, b: HostTensor): HostTensor {
  const [batch, heads, before, width] = a.shape as [number, number, number, number];
  const own = b.shape[2]!;
  const values: number[] = [];
  for (let i = 0; i < batch * heads; i++) {
    values.push(...a.data.subarray(i * before * width, (i + 1) * before * width));
    values.push(...b.data.subarray(i * own * width, (i + 1) * own * width));
  }
  return floats([batch, heads, before + own, width], values);
}

Deno.test("compacted equals gated in a model with biases and shared keys", async () => {
  const model = llama({ ...MODEL.dims, ...SHARED });
  await using backend = onnxBackend({ threads: 1 });
  await using program = await backend.compile({
    gated: states(model, 3, 6, {}),
    compacted: states(model, 3, 6, { compacted: true }),
  });
  const { gated, compacted } = await program.run({
    ...initialize(model.params(), 7),
    tokens: randomTokens(3, 6, model.dims.vocabSize),
    gates: gatesBy([3, 6], randomly(0.4, 9)),
  });
  assertClose(compacted, gated, { absolute: 1e-4, relative: 0 }, "biases");
});

const SHARED = {
  numHeads: 4,
  numKeyValueHeads: 2,
  hiddenSize: 32,
  intermediateSize: 24,
  rmsNormEps: 1e-6,
  ropeTheta: 1e6,
  tieWordEmbeddings: true,
  initializerRange: 0.3,
  biases: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
} as const;
