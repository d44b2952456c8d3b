/** From what `--model` says to a folder. */

import assert from "node:assert/strict";
import { type Repositories, UserError } from "../../../core/contracts/mod.ts";
import { modelFiles } from "../../../core/io/mod.ts";
import { modelFolder, scaleOf } from "../../../core/run/models.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { TINY_CONFIG } from "../../end_to_end/tiny_model.ts";
import { inFolder, userError } from "../io/support.ts";

/** Repositories that give a folder each, and note what they were asked for. */
function noted(refusal?: string): { repositories: Repositories; asked: unknown[] } {
  const asked: unknown[] = [];
  const repositories: Repositories = {
    fetch(repository, choose) {
      asked.push(repository);
      if (refusal !== undefined) throw new UserError(refusal);
      choose(["config.json", "model.safetensors"]);
      return Promise.resolve("/the/folder");
    },
  };
  return { repositories, asked };
}

const plugins = builtinPlugins();

Deno.test("short names of real models are repositories on the hub", async () => {
  const expected = {
    "tinyllama": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    "qwen0.5b": "Qwen/Qwen2.5-0.5B",
    "qwen1.5b": "Qwen/Qwen2.5-1.5B",
    "qwen3b": "Qwen/Qwen2.5-3B",
    "qwen7b": "Qwen/Qwen2.5-7B",
    "openllama3b": "openlm-research/open_llama_3b_v2",
    "llama8b": "meta-llama/Llama-3.1-8B",
  };
  for (const [name, id] of Object.entries(expected)) {
    const { repositories, asked } = noted();
    assert.equal(await modelFolder(name, plugins, repositories), "/the/folder");
    assert.deepEqual(asked, [{ type: "model", id }]);
    assert.equal(scaleOf(name, plugins), "reference");
  }
  assert.deepEqual(plugins.models.names(), ["nano", ...Object.keys(expected)]);
  assert.equal(scaleOf("nano", plugins), "small");
});

Deno.test("a repository may be named with a revision, and a folder that is there comes first", () =>
  inFolder(async (folder) => {
    const { repositories, asked } = noted();
    await modelFolder("org/name", plugins, repositories);
    await modelFolder("org/name.x@v1.0/beta", plugins, repositories);
    assert.deepEqual(asked, [
      { type: "model", id: "org/name" },
      { type: "model", id: "org/name.x", revision: "v1.0/beta" },
    ]);
    for (const path of [folder, "./org/name", "a/b/c", "/nowhere"]) {
      assert.equal(await modelFolder(path, plugins, repositories), path);
      assert.equal(scaleOf(path, plugins), "reference");
    }
    assert.equal(asked.length, 2);
  }));

Deno.test("a name that nobody has is answered with the nearest, without asking the hub", async () => {
  const { repositories, asked } = noted();
  await userError(
    () => modelFolder("tinylama", plugins, repositories),
    'Unknown model "tinylama": did you mean "tinyllama"?',
  );
  assert.deepEqual(asked, []);
});

Deno.test("a repository that is not there may have been meant as a folder", async () => {
  const { repositories } = noted("Cannot find main: the hub has no such model");
  await userError(
    () => modelFolder("models/tiny", plugins, repositories),
    /no such model; there is no folder models\/tiny either$/,
  );
  const away = noted("Cannot reach the hub; check the connection");
  await userError(
    () => modelFolder("models/tiny", plugins, away.repositories),
    /^Cannot reach the hub; check the connection$/,
  );
});

Deno.test("a drawn model has its tokenizer from whoever has one, and not from itself", () =>
  inFolder(async (folder) => {
    const config = { ...TINY_CONFIG };
    const drawn = (tokenizer: string) => ({ description: "d", tokenizer, config });
    const own = builtinPlugins();
    const add = (name: string, tokenizer: string) =>
      own.models.register(name, drawn(tokenizer), "x");
    add("self", "self");
    add("egg", "hen");
    add("hen", "egg");
    // By way of another, to a folder that has none.
    add("far", "near");
    add("near", folder);
    const of = (name: string) => modelFolder(name, own, noted().repositories);
    await userError(
      () => of("self"),
      'no tokenizer for the model "self"',
      'come from "self"; give',
    );
    await userError(() => of("egg"), 'would come from "egg", that from "hen"; give a model or a');
    await userError(() => of("far"), `Cannot make the model "far": ${folder} has no tokenizer`);
  }));

Deno.test("of a repository's files a model needs its settings, its tokenizer and one kind of weights", () => {
  const many = [
    ".gitattributes",
    "README.md",
    "config.json",
    "consolidated.safetensors",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "original/consolidated.00.pth",
    "original/tokenizer.model",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model.bin.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ];
  assert.deepEqual(modelFiles("org/name", many).toSorted(), [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const pickled = [
    "config.json",
    "pytorch_model.bin",
    "special_tokens_map.json",
    "tokenizer.model",
  ];
  assert.deepEqual(modelFiles("org/name", pickled).toSorted(), pickled);
});

Deno.test("a repository without a configuration or without weights is no model", async () => {
  await userError(
    () => modelFiles("org/words", ["config.json", "tf_model.h5"]),
    "repository org/words: it has no weights (model.safetensors or pytorch_model.bin)",
  );
  await userError(
    () => modelFiles("org/words", ["model.safetensors"]),
    "repository org/words: it has no config.json",
  );
});
