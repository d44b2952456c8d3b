/** Models of the example plugins against transformers: what is loaded, computed, skipped and counted. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { openCheckpointWeights, openModelFolder } from "../../core/io/mod.ts";
import { tokenFlops } from "../../core/routing/mod.ts";
import { checkWeights, loadFrozen } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import { assertParity } from "../parity/golden.ts";
import {
  BACKENDS,
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
