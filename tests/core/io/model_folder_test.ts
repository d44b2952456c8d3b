import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpointWeights } from "../../../core/io/checkpoint_weights.ts";
import { openModelFolder } from "../../../core/io/hf_folder.ts";
import { readJson } from "../../../core/io/json.ts";
import { writeSafetensors } from "../../../core/io/safetensors_writer.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

const writeJson = (path: string, value: unknown) => fs.writeFileSync(path, JSON.stringify(value));

const GOLDENS = fileURLToPath(new URL("../../parity/goldens/pytorch_bin/", import.meta.url));

/** A format of weights, and how its files are laid out. */
interface Layout {
  readonly single: string;
  readonly ending: string;
  readonly shards: readonly [string, string];
  /** Puts two weight files and their list into a folder: `a`, [1], and `b`, [1]. */
  write(folder: string): void;
}

const LAYOUTS: readonly Layout[] = [
  {
    single: "model.safetensors",
    ending: ".safetensors",
    shards: ["one.safetensors", "two.safetensors"],
    write(folder) {
      this.shards.forEach((shard, i) => {
        const tensor = floats([1], [i + 1]);
        writeSafetensors(join(folder, shard), [{ name: "ab"[i]!, tensor }]);
      });
      writeJson(join(folder, `${this.single}.index.json`), {
        metadata: { "total_size": 8 },
        "weight_map": { a: this.shards[0], b: this.shards[1] },
      });
    },
  },
  {
    single: "pytorch_model.bin",
    ending: ".bin",
    shards: ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
    write: (folder) => fs.cpSync(join(GOLDENS, "sharded"), folder, { recursive: true }),
  },
];

for (const layout of LAYOUTS) {
  const { single, ending, shards: [one, two] } = layout;
  const index = `${single}.index.json`;

  Deno.test(`${single}: weights in several files are one lookup`, () =>
    inFolder(async (folder) => {
      layout.write(folder);
      using weights = openCheckpointWeights(folder);
      assert.deepEqual([...weights.tensors.keys()], ["a", "b"]);
      assert.deepEqual(weights.read("b"), floats([1], [2]));
      assert.deepEqual(weights.readHost("a"), floats([1], [1]));
      assert.equal(weights.readRaw("a").dtype, "F32");
      const streamed: number[] = [];
      weights.stream("b", (piece) => streamed.push(...piece));
      assert.deepEqual(streamed, [2]);
      await userError(() => weights.read("c"), "no tensor c");
    }));

  Deno.test(`${single}: a list of weight files that does not hold is refused`, () =>
    inFolder(async (folder) => {
      layout.write(folder);
      const open = () => openCheckpointWeights(folder);
      const map = (places: unknown) => writeJson(join(folder, index), { "weight_map": places });
      map({ a: two });
      await userError(open, two, "no tensor a");
      map({ a: one, c: one });
      await userError(open, one, "no tensor c");
      map({ a: `three${ending}` });
      await userError(open, `three${ending}, listed in ${index}, is missing`);
      fs.mkdirSync(join(folder, `folder${ending}`));
      map({ a: `folder${ending}` });
      await userError(open, `folder${ending}: it is a folder, not a file`);
      for (const place of [`../${one}`, `/${one}`, `sub/${one}`, `..\\${one}`, "config.json", 1]) {
        map({ a: place });
        const written = JSON.stringify(place);
        await userError(open, `${index}: ${written} is not the name of a `);
      }
      map([]);
      await userError(open, index, '"weight_map"');
      writeJson(join(folder, index), []);
      await userError(open, index, "JSON object");
      fs.writeFileSync(join(folder, index), "{");
      await userError(open, index, "not valid JSON");
    }));

  Deno.test(`${single}: a file of the list that is cut off is refused`, () =>
    inFolder(async (folder) => {
      layout.write(folder);
      fs.truncateSync(join(folder, two), fs.statSync(join(folder, two)).size - 1);
      await userError(() => openCheckpointWeights(folder), two, "download");
    }));
}

Deno.test("weights in one file need no list", () =>
  inFolder((folder) => {
    fs.copyFileSync(join(GOLDENS, "whole", "pytorch_model.bin"), join(folder, "pytorch_model.bin"));
    {
      using weights = openCheckpointWeights(folder);
      assert.deepEqual(weights.read("scalar"), floats([], [2.5]));
    }
    // Safetensors are preferred: nothing in them can run code.
    const tensor = floats([1], [4]);
    writeSafetensors(join(folder, "model.safetensors"), [{ name: "w", tensor }]);
    using weights = openCheckpointWeights(folder);
    assert.deepEqual(weights.read("w"), tensor);
  }));

Deno.test("numbers of the wrong type are refused by name", () =>
  inFolder(async (folder) => {
    const tensor = ints([2], [1, 2]);
    writeSafetensors(join(folder, "model.safetensors"), [{ name: "w", tensor }]);
    using weights = openCheckpointWeights(folder);
    await userError(() => weights.read("w"), "tensor w holds I32, where F32, F16, BF16 or F64");
    using pickled = openCheckpointWeights(join(GOLDENS, "whole"));
    await userError(() => pickled.read("i64"), "tensor i64 holds I64, where F32, F16, BF16 or F64");
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
    await userError(open, dir, "no tokenizer.json and no tokenizer.model", "download");
    fs.writeFileSync(join(dir, "tokenizer.model"), "");
    await userError(open, dir, "no model.safetensors or pytorch_model.bin", "download");
    fs.writeFileSync(join(dir, "pytorch_model.bin"), "");
    await userError(open, "pytorch_model.bin: it is no PyTorch checkpoint");
    writeSafetensors(join(dir, "model.safetensors"), [{ name: "w", tensor: floats([1], [1]) }]);
    {
      using model = openModelFolder(dir);
      assert.deepEqual(model.config, { model_type: "llama" });
      assert.equal(model.tokenizer, join(dir, "tokenizer.model"));
      assert.equal(model.weights.read("w").data[0], 1);
    }
    writeJson(join(dir, "tokenizer.json"), {});
    using model = openModelFolder(dir);
    assert.equal(model.tokenizer, join(dir, "tokenizer.json"));
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
