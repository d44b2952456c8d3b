import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { openCheckpointWeights } from "../../../core/io/checkpoint_weights.ts";
import { openModelFolder } from "../../../core/io/hf_folder.ts";
import { readJson } from "../../../core/io/json.ts";
import { writeSafetensors } from "../../../core/io/safetensors_writer.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

const INDEX = "model.safetensors.index.json";

const writeJson = (path: string, value: unknown) => fs.writeFileSync(path, JSON.stringify(value));

/** A folder with two weight files, `a` in the first and `b` in the second. */
function writeShards(folder: string): void {
  writeSafetensors(join(folder, "one.safetensors"), [{ name: "a", tensor: floats([1], [1]) }]);
  writeSafetensors(join(folder, "two.safetensors"), [{ name: "b", tensor: floats([2], [2, 3]) }]);
  writeJson(join(folder, INDEX), {
    metadata: { total_size: 12 },
    weight_map: { a: "one.safetensors", b: "two.safetensors" },
  });
}

Deno.test("weights in several files are one lookup", () =>
  inFolder(async (folder) => {
    writeShards(folder);
    using weights = openCheckpointWeights(folder);
    assert.deepEqual([...weights.tensors.keys()], ["a", "b"]);
    assert.deepEqual(weights.read("b"), floats([2], [2, 3]));
    assert.deepEqual(weights.readHost("a"), floats([1], [1]));
    assert.equal(weights.readRaw("a").dtype, "F32");
    await userError(() => weights.read("c"), "no tensor c");
  }));

Deno.test("weights in one file need no list", () =>
  inFolder((folder) => {
    const tensor = floats([1], [4]);
    writeSafetensors(join(folder, "model.safetensors"), [{ name: "w", tensor }]);
    using weights = openCheckpointWeights(folder);
    assert.deepEqual(weights.read("w"), tensor);
  }));

Deno.test("a list of weight files that does not hold is refused", () =>
  inFolder(async (folder) => {
    writeShards(folder);
    const open = () => openCheckpointWeights(folder);
    const map = (places: unknown) => writeJson(join(folder, INDEX), { weight_map: places });
    map({ a: "two.safetensors" });
    await userError(open, "two.safetensors", "no tensor a");
    map({ a: "three.safetensors" });
    await userError(open, "three.safetensors", "missing");
    map({ a: "../one.safetensors" });
    await userError(open, "../one.safetensors");
    map({ a: 1 });
    await userError(open, INDEX);
    map([]);
    await userError(open, "weight_map");
  }));

Deno.test("each thing that a model folder lacks is named, with what to do", () =>
  inFolder(async (folder) => {
    const dir = join(folder, "model");
    const open = () => openModelFolder(dir);
    await userError(open, dir, "no such folder");
    fs.mkdirSync(dir);
    await userError(open, dir, "no config.json");
    fs.writeFileSync(join(dir, "config.json"), "{");
    await userError(open, "config.json", "not valid JSON");
    fs.writeFileSync(join(dir, "config.json"), "[1]");
    await userError(open, "config.json", "JSON object");
    writeJson(join(dir, "config.json"), { model_type: "llama" });
    await userError(open, dir, "no tokenizer.json", "download");
    fs.writeFileSync(join(dir, "tokenizer.model"), "");
    await userError(open, dir, "tokenizer.model alone");
    writeJson(join(dir, "tokenizer.json"), {});
    await userError(open, dir, "no model.safetensors");
    fs.writeFileSync(join(dir, "pytorch_model.bin"), "");
    await userError(open, dir, "pytorch_model.bin is not read");
    writeSafetensors(join(dir, "model.safetensors"), [{ name: "w", tensor: floats([1], [1]) }]);
    using model = openModelFolder(dir);
    assert.deepEqual(model.config, { model_type: "llama" });
    assert.equal(model.tokenizer, join(dir, "tokenizer.json"));
    assert.equal(model.weights.read("w").data[0], 1);
    await userError(() => openModelFolder(join(dir, "config.json")), "it is a file");
  }));

Deno.test("a JSON file is read, or refused by what it is", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.json");
    await userError(() => readJson(path, "the list"), "Cannot read the list", "x.json", "no such");
    fs.writeFileSync(path, '{"a":\n\n}');
    await userError(() => readJson(path, "the list"), "not valid JSON");
    await userError(() => readJson(folder, "the list"), "folder");
    fs.writeFileSync(path, "[1]");
    assert.deepEqual(readJson(path, "the list"), [1]);
  }));

testWithData("a real model folder opens", "stories260K/hf", () => {
  using model = openModelFolder(sharedPath("stories260K/hf"));
  assert.equal(model.config["hidden_size"], 64);
  assert.deepEqual(model.weights.tensors.get("model.embed_tokens.weight")!.shape, [512, 64]);
});
