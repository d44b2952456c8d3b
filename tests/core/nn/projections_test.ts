/** Which projections targets mean, in models whose names have nothing in common. */

import assert from "node:assert/strict";
import { type DecoderModel, UserError } from "../../../core/contracts/mod.ts";
import { adaptedProjections, drawn, linear, namedTargets } from "../../../core/nn/mod.ts";
import { modelOf } from "../../examples/checkpoints.ts";
import { MODEL } from "../../support/tiny_student.ts";

/** As GPT-2 names its projections: both halves of a block end with a `c_proj`. */
const GPT2: Pick<DecoderModel, "dims" | "params" | "projections" | "keysValues"> = {
  dims: { ...MODEL.dims, numLayers: 2 },
  params: () => ({
    "h.0.attn.c_attn.weight": drawn([48, 16], 1),
    "h.1.attn.c_attn.weight": drawn([48, 16], 1),
  }),
  projections: (layer) =>
    ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
      .map((name) => `h.${layer}.${name}`),
  keysValues(params, layer, state) {
    const made = linear(params, `h.${layer}.attn.c_attn`, state);
    return { keys: made, values: made };
  },
};
const gpt2 = GPT2 as DecoderModel;

/** Names in the first layer, without what comes before the module. */
function inFirst(model: DecoderModel, ...targets: string[]): string[] {
  const first = new Set(model.projections(0));
  return adaptedProjections(model, targets).filter((name) => first.has(name))
    .map((name) => name.split(".").slice(-2).join("."));
}

Deno.test("all-linear means every projection of every layer", () => {
  for (const model of [MODEL, gpt2, modelOf("neox_parallel"), modelOf("gemma2_free")]) {
    const all = adaptedProjections(model, ["all-linear"]);
    assert.equal(all.length, model.dims.numLayers * model.projections(0).length);
  }
});

Deno.test("attention means what stands beside the projections that make keys and values", () => {
  const llama = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`);
  assert.deepEqual(inFirst(MODEL, "attention"), llama);
  assert.deepEqual(inFirst(modelOf("gemma2_free"), "attention"), llama);
  assert.deepEqual(inFirst(modelOf("neox_parallel"), "attention"), [
    "attention.query_key_value",
    "attention.dense",
  ]);
  assert.deepEqual(inFirst(gpt2, "attention"), ["attn.c_attn", "attn.c_proj"]);
});

Deno.test("a target is what names end with, from a dot on", () => {
  assert.deepEqual(inFirst(gpt2, "c_proj"), ["attn.c_proj", "mlp.c_proj"]);
  assert.deepEqual(inFirst(gpt2, "mlp.c_proj"), ["mlp.c_proj"]);
  assert.deepEqual(inFirst(gpt2, "mlp.c_proj", "c_attn"), ["attn.c_attn", "mlp.c_proj"]);
  assert.deepEqual(adaptedProjections(gpt2, ["h.1.mlp.c_fc"]), ["h.1.mlp.c_fc"]);
  for (const target of ["proj", "q_proj", "mlp"]) {
    assert.throws(() => adaptedProjections(gpt2, [target]), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        new RegExp(`"${target}", which .* it has c_attn, c_proj, c_fc; `),
      );
      assert.match(error.message, /"all-linear" means all of them/);
      return true;
    });
  }
});

Deno.test("PEFT is told last parts of names, or whole names where those would mean more", () => {
  assert.deepEqual(namedTargets(MODEL, ["v_proj", "q_proj"]), ["v_proj", "q_proj"]);
  assert.deepEqual(namedTargets(MODEL, ["attention"]), ["q_proj", "k_proj", "v_proj", "o_proj"]);
  assert.deepEqual(namedTargets(gpt2, ["all-linear"]), ["c_attn", "c_proj", "c_fc"]);
  assert.deepEqual(namedTargets(gpt2, ["attention"]), [
    "h.0.attn.c_attn",
    "h.0.attn.c_proj",
    "h.1.attn.c_attn",
    "h.1.attn.c_proj",
  ]);
});
