/**
 * The models of the example plugins against transformers and PEFT, and under everything that is done to
 * a model: gates, skipping, a cache, four bits, gradients.
 */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type Backend } from "../../core/contracts/mod.ts";
import { crossEntropy, gradients, input, mean, type Node } from "../../core/graph/mod.ts";
import {
  type InferenceModel,
  mergeAdapters,
  Passes,
  readPrompts,
} from "../../core/inference/mod.ts";
import { openCheckpointWeights, openModelFolder } from "../../core/io/mod.ts";
import {
  blockWeights,
  initialize,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../core/nn/mod.ts";
import { forward, tokenFlops } from "../../core/routing/mod.ts";
import {
  type BlockFormat,
  dequantizeBlocks,
  emptyBlocks,
  floats,
  type HostTensor,
  ints,
  quantizeInto,
  RandomStream,
} from "../../core/tensor/mod.ts";
import { checkWeights, loadFrozen, readAdapter, routingParams } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { evaluate, referenceBackend } from "../../plugins/backends/reference/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";
import { assertParity } from "../parity/golden.ts";
import {
  CHECKPOINTS,
  distance,
  drawGates,
  goldenOf,
  KINDS,
  logitsOf,
  modelOf,
  NAMES,
  weightsOf,
} from "./checkpoints.ts";

const BACKENDS: readonly (() => Backend)[] = [
  () => referenceBackend(),
  () => onnxBackend({ threads: 1 }),
];

for (const name of NAMES) {
  Deno.test(`reference and onnx give transformers' logits of ${name}`, async () => {
    const golden = goldenOf(name);
    for (const make of BACKENDS) {
      await using backend = make();
      const feeds = { ...weightsOf(name), tokens: golden.get("tokens")! };
      const logits = await logitsOf(backend, modelOf(name), feeds);
      assertParity(logits, golden.get("logits")!, `${backend.name} logits`);
    }
  });

  Deno.test(`skipping gives the logits of gating on ${name} within 1e-4`, async () => {
    const golden = goldenOf(name);
    const model = modelOf(name);
    const tokens = golden.get("tokens")!;
    const feeds = { ...weightsOf(name), tokens, gates: drawGates(model, tokens) };
    await using backend = onnxBackend({ threads: 1 });
    const gated = await logitsOf(backend, model, feeds);
    const skipped = await logitsOf(backend, model, feeds, { compacted: true });
    assert.ok(distance(gated, golden.get("logits")!) > 0.01, "the gates change nothing");
    const off = distance(skipped, gated);
    assert.ok(off < 1e-4, `off by ${off}`);
  });
}

/** What the goldens are to hold a model to, changed: the logits have to be far from theirs. */
const CHANGES = [
  ["neox_parallel", "use_parallel_residual", false],
  ["neox_parallel", "rope_parameters", { "partial_rotary_factor": 0.5 }],
  ["neox_parallel", "rope_parameters", { "partial_rotary_factor": 0.25, "rope_theta": 100 }],
  ["neox_sequential", "use_parallel_residual", true],
  ["gemma2_bounded", "sliding_window", 64],
  ["gemma2_bounded", "attn_logit_softcapping", null],
  ["gemma2_bounded", "final_logit_softcapping", null],
  ["gemma2_bounded", "query_pre_attn_scalar", 12],
  ["gemma2_bounded", "hidden_activation", "silu"],
  ["gemma2_free", "layer_types", ["sliding_attention", "full_attention"]],
] as const;

for (const [name, field, value] of CHANGES) {
  Deno.test(`${name} with ${field} ${JSON.stringify(value)} is a hundred tolerances away`, async () => {
    const golden = goldenOf(name);
    await using backend = referenceBackend();
    const feeds = { ...weightsOf(name), tokens: golden.get("tokens")! };
    const logits = await logitsOf(backend, modelOf(name, { [field]: value }), feeds);
    const off = distance(logits, golden.get("logits")!);
    assert.ok(off > 0.01, `off by ${off} of the largest logit`);
  });
}

Deno.test("every tensor of a checkpoint is a parameter, or known to be of no use", () => {
  for (const name of NAMES) {
    using source = openCheckpointWeights(`${CHECKPOINTS}/${name}`);
    checkWeights(source, modelOf(name));
    const specs = modelOf(name).params();
    const others = [...source.tensors.keys()].filter((tensor) => !(tensor in specs));
    assert.equal(others.length, name === "neox_parallel" ? 6 : 0, `${others}`);
  }
  assert.deepEqual(modelOf("neox_sequential").redundant?.("embed_out.weight"), {
    copyOf: "gpt_neox.embed_in.weight",
  });
  assert.equal(modelOf("neox_parallel").redundant?.("gpt_neox.layers.0.mlp.bias"), undefined);
});

Deno.test("a folder with a checkpoint, buffers and all, is read like any other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const file of ["config.json", "model.safetensors"]) {
      fs.copyFileSync(join(CHECKPOINTS, "neox_parallel", file), join(folder, file));
    }
    fs.copyFileSync("plugins/models/nano/tokenizer.json", join(folder, "tokenizer.json"));
    using opened = openModelFolder(folder);
    const model = KINDS["neox_parallel"]!.fromConfig(opened.config, folder);
    await using backend = referenceBackend();
    const frozen = loadFrozen(opened.weights, model, backend, "float32");
    assert.deepEqual(Object.keys(frozen).sort(), Object.keys(model.params()).sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A checkpoint with a router that skips tokens, drawn at random. */
function routed(backend: Backend, name: string): InferenceModel {
  const router = tokenGumbel.create(
    tokenGumbel.options.parse({ initialBias: 0, initialStd: 1 }),
  );
  const student = { model: modelOf(name), router: { router, anchorLayers: 1 } };
  const own = initialize(routingParams({ ...student, batchSize: 1, sequenceLength: 1 }), 5);
  return {
    backend,
    student,
    depth: "routed",
    weights: { ...weightsOf(name), ...own },
    point: { threshold: 0.5, targetSkip: 0.4 },
  };
}

/** Logits after each prompt, read in pieces of `chunk` tokens with a cache of those before. */
async function logitsAfter(
  passes: Passes,
  prompts: readonly Int32Array[],
  chunk: number,
): Promise<HostTensor[]> {
  const { answers } = await readPrompts(passes, prompts, chunk);
  return answers.map(({ logits, place }) => {
    const width = logits!.shape[1]!;
    return floats([width], logits!.data.slice(place * width, (place + 1) * width));
  });
}

/** In a cache, token by token, in pieces shorter than the windows, and in one piece. */
const CHUNKS = [1, 4, 64];

for (const name of NAMES) {
  Deno.test(`${name} reads from a cache what transformers reads at once`, async () => {
    const golden = goldenOf(name);
    const { shape: [texts, length], data } = golden.get("tokens")!;
    const prompts = Array.from(
      { length: texts! },
      (_, text) => Int32Array.from(data.slice(text * length!, (text + 1) * length!)),
    );
    const { data: logits, shape: [, , width] } = golden.get("logits")!;
    const end = (text: number) => (text + 1) * length! * width!;
    await using backend = onnxBackend({ threads: 1 });
    const own = { backend, student: { model: modelOf(name) }, weights: weightsOf(name) };
    await using passes = new Passes({ ...own, depth: "base" });
    for (const chunk of CHUNKS) {
      (await logitsAfter(passes, prompts, chunk)).forEach((actual, text) => {
        const expected = floats([width!], logits.slice(end(text) - width!, end(text)));
        assertParity(actual, expected, `text ${text} in pieces of ${chunk}`);
      });
    }
  });

  Deno.test(`${name}, skipping, reads from a cache what it reads at once`, async () => {
    await using backend = onnxBackend({ threads: 1 });
    await using passes = new Passes(routed(backend, name));
    const random = new RandomStream(7, name);
    // Longer than the windows, of different lengths.
    const prompts = [21, 13].map((length) =>
      Int32Array.from({ length }, () => random.below(modelOf(name).dims.vocabSize))
    );
    const whole = await logitsAfter(passes, prompts, 64);
    const { skipRatio } = passes.statistics!;
    assert.ok(skipRatio > 0.1 && skipRatio < 0.9, `it skips ${skipRatio}`);
    for (const chunk of CHUNKS) {
      (await logitsAfter(passes, prompts, chunk)).forEach((logits, text) => {
        const off = distance(logits, whole[text]!);
        assert.ok(off < 1e-4, `text ${text} in pieces of ${chunk} is off by ${off}`);
      });
    }
  });
}

for (const name of NAMES) {
  for (const format of ["nf4", "int4"] as const) {
    Deno.test(`${name} in ${format} is the model that the blocks stand for, skipping or not`, async () => {
      const model = modelOf(name);
      const tokens = goldenOf(name).get("tokens")!;
      const gates = drawGates(model, tokens);
      const rounded = { ...weightsOf(name), ...inBlocks(name, format) };
      for (const make of BACKENDS) {
        await using backend = make();
        const expected = await logitsOf(backend, model, { ...rounded, tokens, gates });
        using source = openCheckpointWeights(`${CHECKPOINTS}/${name}`);
        const frozen = loadFrozen(source, model, backend, format);
        for (const compacted of [false, true]) {
          const options = { compacted, precision: format };
          const actual = await logitsOf(backend, model, { ...frozen, tokens, gates }, options);
          const off = distance(actual, expected);
          assert.ok(off < 1e-4, `${backend.name} is off by ${off}`);
        }
      }
    });
  }
}

/** The projections of a checkpoint, as they come out of blocks of four bits. */
function inBlocks(name: string, format: BlockFormat): Weights {
  const weights = weightsOf(name);
  const names = [...blockWeights(modelOf(name), format)];
  assert.ok(names.length > 4, "hardly a matrix is in blocks");
  return Object.fromEntries(names.map((matrix) => {
    const { shape, data } = weights[matrix]!;
    const blocks = emptyBlocks(format, data.length);
    quantizeInto(blocks, data);
    return [matrix, floats(shape, dequantizeBlocks(blocks))];
  }));
}

Deno.test("an adapter of PEFT's on the one matrix of queries, keys and values is right", async () => {
  const name = "neox_parallel";
  const model = modelOf(name);
  const golden = goldenOf(name);
  const tokens = golden.get("tokens")!;
  const { options, weights } = readAdapter(`${CHECKPOINTS}/${name}/adapter`, model);
  assert.deepEqual(options.targets, ["dense_4h_to_h", "query_key_value"]);
  const off = distance(golden.get("adapted")!, golden.get("logits")!);
  assert.ok(off > 0.1, `the adapter changes the logits by ${off}`);
  for (const make of BACKENDS) {
    await using backend = make();
    const feeds = { ...weightsOf(name), ...weights, tokens };
    const adapted = await logitsOf(backend, model, feeds, { lora: options });
    assertParity(adapted, golden.get("adapted")!, `${backend.name} logits`);
    // Merged into the weights they give the same.
    const student = { model, lora: options };
    const whole = { backend, student, depth: "fullDepth", weights: feeds } as const;
    const merged = await mergeAdapters(whole);
    const alone = await logitsOf(backend, model, { ...merged.weights, tokens } as typeof feeds);
    assertParity(alone, golden.get("adapted")!, `${backend.name} logits, merged`);
  }
});

/** Step of the central differences; their error is of its fourth power. */
const STEP = 1e-3;

const LORA: LoraOptions = { rank: 2, alpha: 4, dropout: 0, targets: ["all-linear"] };

for (const name of NAMES) {
  Deno.test(`gradients of ${name} and of adapters on it agree with finite differences`, () => {
    const model = modelOf(name);
    const adapter = initialize(loraParams(model, LORA), 2);
    const random = new RandomStream(4, name);
    for (const { data } of Object.values(adapter)) {
      data.forEach((x, i) => data[i] = x + 0.2 * random.normal());
    }
    const tokens = ints([2, 12], Array.from({ length: 24 }, () => random.below(64)));
    const values = { ...weightsOf(name), ...adapter };
    const nodes = inputNodes({ ...model.params(), ...loraParams(model, LORA) });
    const params = new ParamNodes(nodes).withAdapters(loraAdapters(model, LORA, nodes, false));
    const drawn = drawGates(model, tokens, 0.7);
    const read = input("tokens", tokens.shape, "int32");
    const gates = input("gates", drawn.shape);
    const { hiddenStates } = forward(model, params, read, { gates, anchorLayers: 1 });
    const loss = mean(crossEntropy(model.head(params, hiddenStates), read));
    assertSlopes(loss, { ...nodes, gates }, { ...values, gates: drawn, tokens });
  });
}

/** Holds the gradients of `loss` for `leaves` to what it changes by along a random direction of each. */
function assertSlopes(
  loss: Node,
  leaves: Readonly<Record<string, Node>>,
  feeds: Readonly<Record<string, HostTensor>>,
): void {
  const slopes = evaluate(gradients(loss, Object.values(leaves)), feeds);
  for (const [i, name] of Object.keys(leaves).entries()) {
    const random = new RandomStream(9, name);
    const value = feeds[name]!;
    const direction = Float64Array.from(value.data, () => random.normal());
    const analytic = direction.reduce((sum, d, at) => sum + d * slopes[i]!.data[at]!, 0);
    const along = (step: number) => {
      const data = Float64Array.from(value.data, (x, at) => x + step * direction[at]!);
      return evaluate([loss], { ...feeds, [name]: { ...value, data } })[0]!.data[0]!;
    };
    const [near, far] = [along(STEP) - along(-STEP), along(2 * STEP) - along(-2 * STEP)];
    const numeric = (8 * near - far) / (12 * STEP);
    assert.ok(Math.abs(numeric) > 1e-5, `the loss is flat along ${name}`);
    const off = Math.abs(analytic - numeric) / Math.abs(numeric);
    assert.ok(off < 1e-5, `the slope along ${name} is ${analytic}, not ${numeric}`);
  }
}

Deno.test("of the one matrix each half of a block computes its own rows only", () => {
  const model = modelOf("neox_parallel");
  const { hiddenSize: width } = model.dims;
  const costs = tokenFlops(model, 0, 16);
  assert.deepEqual(costs.keysValues, [4 * width ** 2, 4 * width ** 2]);
  // Queries and output, both matrices of the MLP, scores and what is read of 16 positions.
  assert.equal(costs.block[0], 2 * (2 * width ** 2 + 2 * width * 48 + 2 * width * 16));
});

Deno.test("a layer with a window reads no more than that", () => {
  const { block } = tokenFlops(modelOf("gemma2_bounded"), 0, 40);
  const perPosition = 2 * 2 * 4 * 12;
  assert.equal(block[1]! - block[0]!, perPosition * (40 - 8));
  assert.equal(block[2], block[0]);
});
