/** A frozen model from its checkpoint: what is kept of it, and which checkpoints are refused. */

import assert from "node:assert/strict";
import { type Backend, type DecoderModel } from "../../../core/contracts/mod.ts";
import { openSafetensors, writeSafetensors } from "../../../core/io/mod.ts";
import { blockNames, blockWeights, initialize, type Weights } from "../../../core/nn/mod.ts";
import { dequantizeBlocks, floats, type HostTensor, ints } from "../../../core/tensor/mod.ts";
import { loadFrozen } from "../../../core/train/mod.ts";
import { llama } from "../../../plugins/models/llama/mod.ts";
import { inFolder, userError } from "../io/support.ts";

const CONFIG = {
  vocabSize: 20,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositions: 32,
  intermediateSize: 28,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  initializerRange: 0.3,
};
const MODEL = llama(CONFIG);
const EMBEDDING = "model.embed_tokens.weight";

/** A backend that hands out what it is given, and notes it. */
function recorder(): { backend: Backend; uploads: HostTensor[] } {
  const uploads: HostTensor[] = [];
  const backend: Backend = {
    name: "recorder",
    compile: () => Promise.reject(new Error("nothing is compiled here")),
    upload: (tensor) => {
      uploads.push(tensor);
      return { type: tensor, [Symbol.dispose]: () => {} };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { backend, uploads };
}

/** Loads `weights` from a file, and gives back what was uploaded under each name. */
async function load(
  weights: Readonly<Record<string, HostTensor>>,
  precision: "float32" | "int4" | "nf4" = "float32",
  model: DecoderModel = MODEL,
): Promise<Record<string, HostTensor>> {
  const kept: Record<string, HostTensor> = {};
  await inFolder((folder) => {
    const path = `${folder}/model.safetensors`;
    writeSafetensors(path, Object.entries(weights).map(([name, tensor]) => ({ name, tensor })));
    using source = openSafetensors(path);
    const { backend, uploads } = recorder();
    const counts: number[] = [];
    const frozen = loadFrozen(source, model, backend, precision, (read, total) => {
      counts.push(read);
      assert.equal(total, Object.keys(model.params()).length);
    });
    assert.deepEqual(counts, Object.keys(model.params()).map((_, i) => i + 1));
    Object.keys(frozen).forEach((name, i) => kept[name] = uploads[i]!);
  });
  return kept;
}

const weights: Weights = initialize(MODEL.params(), 3);

Deno.test("in full precision every parameter is kept as it is stored", async () => {
  assert.deepEqual(await load(weights), weights);
});

for (const precision of ["int4", "nf4"] as const) {
  Deno.test(`in ${precision} projections are kept as blocks, and all else as it is stored`, async () => {
    const kept = await load(weights, precision);
    const inBlocks = blockWeights(MODEL, precision);
    // 28 x 16 fills seven blocks, 16 x 16 four.
    assert.equal(inBlocks.size, 2 * 7);
    const names = Object.keys(weights).flatMap((name) =>
      inBlocks.has(name) ? Object.values(blockNames(name)) : [name]
    );
    assert.deepEqual(Object.keys(kept), names);
    for (const [name, { data }] of Object.entries(weights)) {
      if (!inBlocks.has(name)) {
        assert.deepEqual(kept[name]!.data, data, name);
        continue;
      }
      const { codes, scales } = blockNames(name);
      assert.equal(kept[codes]!.dtype, "uint8");
      const stored = dequantizeBlocks({
        format: precision,
        codes: kept[codes]!.data as Uint8Array<ArrayBuffer>,
        scales: kept[scales]!.data as Float32Array<ArrayBuffer>,
      });
      const largest = Math.max(...Array.from(data, Math.abs));
      stored.forEach((value, i) => {
        assert.ok(Math.abs(value - data[i]!) <= 0.16 * largest, `${name}: ${data[i]} as ${value}`);
      });
    }
  });
}

Deno.test("a matrix that fills no whole blocks is kept as it is stored", async () => {
  const odd = llama({ ...CONFIG, intermediateSize: 5 });
  const kept = await load(initialize(odd.params(), 3), "nf4", odd);
  assert.ok("model.layers.0.self_attn.q_proj.weight.codes" in kept);
  assert.ok("model.layers.0.mlp.down_proj.weight" in kept);
});

const without = (name: string) =>
  Object.fromEntries(Object.entries(weights).filter(([other]) => other !== name));
const broken = (name: string, at: number, value: number) => {
  const data = weights[name]!.data.slice();
  data[at] = value;
  return { ...weights, [name]: floats(weights[name]!.shape, data) };
};
const NORM = "model.layers.1.input_layernorm.weight";
const PROJECTION = "model.layers.0.mlp.up_proj.weight";

const refusals: readonly [string, Readonly<Record<string, HostTensor>>, RegExp][] = [
  [
    "a tensor that is missing",
    without(NORM),
    /: it has no tensor model\.layers\.1\.input_layernorm\.weight, which config\.json calls for; /,
  ],
  [
    "a tensor of another shape",
    { ...weights, [NORM]: floats([15]) },
    /tensor model\.layers\.1\.input_layernorm\.weight is \[15\], config\.json calls for \[16\]$/,
  ],
  [
    "a tensor of integers",
    { ...weights, [NORM]: ints([16]) },
    /tensor model\.layers\.1\.input_layernorm\.weight holds I32, where F32/,
  ],
  [
    "a weight that is not a number",
    broken(NORM, 5, NaN),
    /: element 5 of tensor model\.layers\.1\.input_layernorm\.weight is NaN; .*damaged/,
  ],
  [
    "an infinite weight",
    broken(PROJECTION, 300, -Infinity),
    /: element 300 of tensor model\.layers\.0\.mlp\.up_proj\.weight is -Infinity; /,
  ],
  [
    "a bias that the configuration does not mention",
    { ...weights, "model.layers.0.self_attn.q_proj.bias": floats([16]) },
    /it has a tensor model\.layers\.0\.self_attn\.q_proj\.bias, which this llama does not; .*check/,
  ],
  [
    "a head that is tied but not the same",
    {
      ...weights,
      "lm_head.weight": floats([20, 16], weights[EMBEDDING]!.data.map((x) => 2 * x)),
    },
    /lm_head\.weight differs from model\.embed_tokens\.weight.*"tie_word_embeddings" to false/,
  ],
];
for (const precision of ["float32", "nf4"] as const) {
  for (const [what, stored, message] of refusals) {
    Deno.test(`${what} is refused in one line, in ${precision}`, async () => {
      await userError(() => load(stored, precision), "/model.safetensors", message);
    });
  }
}

Deno.test("copies and tables that a checkpoint holds beside the parameters are left alone", async () => {
  const kept = await load({
    ...weights,
    "lm_head.weight": weights[EMBEDDING]!,
    "model.layers.0.self_attn.rotary_emb.inv_freq": floats([4]),
  });
  assert.deepEqual(kept, weights);
});
