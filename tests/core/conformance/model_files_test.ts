/** Configurations and checkpoints: what is wrong with them, and how an architecture is made small. */

import assert from "node:assert/strict";
import { kindPromises, smallModel } from "../../../core/conformance/mod.ts";
import { type ModelKind, PluginFault } from "../../../core/contracts/mod.ts";
import { type TensorSource } from "../../../core/io/mod.ts";
import { llamaKind } from "../../../plugins/models/llama/mod.ts";
import { promisesOf, RIGHT } from "./models.ts";
import { assertBroken, assertKept, brokenOf } from "./support.ts";

/** A checkpoint in memory. */
function checkpointOf(shapes: Readonly<Record<string, readonly number[]>>): TensorSource {
  const tensors = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }]),
  );
  return { path: "memory", tensors } as unknown as TensorSource;
}

const SHAPES = Object.fromEntries(
  Object.entries(RIGHT.params()).map(([name, { shape }]) => [name, shape]),
);

Deno.test("a checkpoint that its model does not cover is told by its tensors", async () => {
  const says = async (shapes: Readonly<Record<string, readonly number[]>>) => {
    const weights = checkpointOf(shapes);
    const broken = await brokenOf(promisesOf({}, { checkpoint: { model: RIGHT, weights } }));
    return broken.get("the checkpoint is covered by its parameters");
  };
  assert.equal(await says(SHAPES), undefined);
  const { "lm_head.weight": _, ...less } = SHAPES;
  assert.match((await says(less))!, /1 are not in it: lm_head\.weight/);
  assert.match((await says({ ...SHAPES, odd: [2] }))!, /1 of its tensors are unknown: odd/);
  assert.match(
    (await says({ ...SHAPES, "lm_head.weight": [16, 23] }))!,
    /lm_head\.weight is \[16,23\] there, and declared as \[23,16\]/,
  );
});

const JSON_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  "vocab_size": 32_000,
  "hidden_size": 2048,
  "intermediate_size": 5632,
  "num_hidden_layers": 22,
  "num_attention_heads": 32,
  "num_key_value_heads": 4,
  "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-5,
};

Deno.test("sizes that a guard misses afterwards are not refused by whoever reads the configuration", async () => {
  const unread: ModelKind = {
    ...llamaKind,
    fromConfig(config, source) {
      const right = config["vocab_size"] === JSON_CONFIG["vocab_size"] &&
        config["num_hidden_layers"] === JSON_CONFIG["num_hidden_layers"];
      if (right) return llamaKind.fromConfig(config, source);
      throw new PluginFault(`of ${source}: vocab_size and num_hidden_layers give no dims`);
    },
  };
  await assertBroken(kindPromises(unread, JSON_CONFIG), {
    "a configuration without its sizes is refused by name": /it throws PluginFault: .* instead of/,
    "a size that is none is refused": /vocab_size -1: it throws PluginFault/,
  });
});

Deno.test("an architecture is made small, with heads that are shared as they were", () => {
  const { model } = smallModel(llamaKind, JSON_CONFIG, "x");
  const { numLayers, numHeads, numKeyValueHeads, hiddenSize, vocabSize } = model.dims;
  assert.deepEqual([numLayers, numHeads, numKeyValueHeads], [3, 4, 2]);
  assert.ok(hiddenSize === numHeads * model.dims.headDim && vocabSize < 100);
  const wide = { ...JSON_CONFIG, "head_dim": 128 };
  const { dims } = smallModel(llamaKind, wide, "x").model;
  assert.equal(dims.hiddenSize, dims.numHeads * dims.headDim / 2, "half as wide as its heads");
});

/** What families call their sizes: layers, heads, key heads, width, inner width, positions. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  "GPT-2": ["n_layer", "n_head", "num_key_value_heads", "n_embd", "n_inner", "n_positions"],
  "MPT": ["n_layers", "n_heads", "num_kv_heads", "d_model", "ffn_hidden_size", "max_seq_len"],
  "OPT": [
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_size",
    "ffn_dim",
    "max_position_embeddings",
  ],
  "Falcon": ["num_hidden_layers", "n_head", "num_kv_heads", "hidden_size", "ffn_dim", "n_ctx"],
  "OLMo": [
    "n_layers",
    "n_heads",
    "n_kv_heads",
    "d_model",
    "mlp_hidden_size",
    "max_sequence_length",
  ],
};

/** The names that Llama has for them. */
const LLAMA = [
  "num_hidden_layers",
  "num_attention_heads",
  "num_key_value_heads",
  "hidden_size",
  "intermediate_size",
  "max_position_embeddings",
] as const;

Deno.test("a family is made small whatever it calls its sizes", () => {
  for (const [family, names] of Object.entries(FAMILIES)) {
    const kind: ModelKind = {
      ...llamaKind,
      fromConfig: (config, source) =>
        llamaKind.fromConfig(
          { ...config, ...Object.fromEntries(LLAMA.map((own, i) => [own, config[names[i]!]])) },
          source,
        ),
    };
    const others = Object.entries(JSON_CONFIG).filter(([name]) =>
      !LLAMA.some((own) => own === name)
    );
    const sizes = Object.fromEntries(LLAMA.map((own, i) => [names[i]!, JSON_CONFIG[own]]));
    const config = { ...Object.fromEntries(others), ...sizes };
    const { model, config: small } = smallModel(kind, config, "x");
    const { numLayers, numHeads, numKeyValueHeads, hiddenSize, maxPositions } = model.dims;
    assert.deepEqual([numLayers, numHeads, numKeyValueHeads], [3, 4, 2], family);
    assert.deepEqual([hiddenSize, maxPositions, small[names[4]!]], [64, 64, 96], family);
  }
});

Deno.test("no more of a head is rotated than there is", () => {
  const { config } = smallModel(llamaKind, { ...JSON_CONFIG, "rotary_dim": 64 }, "x");
  assert.equal(config["rotary_dim"], 16);
});

Deno.test("what a narrow configuration would break is left as it is", () => {
  const picky: ModelKind = {
    ...llamaKind,
    fromConfig(config, source) {
      const width = config["hidden_size"] === 2048
        ? config
        : { ...config, "hidden_size": undefined };
      return llamaKind.fromConfig(width, source);
    },
  };
  const { dims } = smallModel(picky, JSON_CONFIG, "x").model;
  assert.deepEqual([dims.hiddenSize, dims.numLayers], [2048, 3]);
});

Deno.test("lists for each layer are cut with the layers, and windows to less than a sequence", () => {
  const kinds = Array.from({ length: 22 }, (_, layer) => `kind ${layer}`);
  const more = { "layer_types": kinds, "sliding_window": 4096 };
  const { config } = smallModel(llamaKind, { ...JSON_CONFIG, ...more }, "x");
  assert.deepEqual(config["layer_types"], kinds.slice(0, 3));
  assert.equal(config["sliding_window"], 4);
});

Deno.test("a family that takes any configuration is told, and one that throws", async () => {
  await assertKept(kindPromises(llamaKind, JSON_CONFIG));
  const careless: ModelKind = { ...llamaKind, fromConfig: () => RIGHT };
  await assertBroken(kindPromises(careless, JSON_CONFIG), {
    "a configuration without its sizes is refused by name": /it is taken/,
    "a size that is none is refused": /any value is taken/,
  });
  const throwing: ModelKind = {
    ...llamaKind,
    fromConfig(config) {
      return RIGHT.dims && (config["x"] as { y: never }).y;
    },
  };
  await assertBroken(kindPromises(throwing, JSON_CONFIG), {
    "its configuration is read": /it throws a TypeError/,
  });
});
