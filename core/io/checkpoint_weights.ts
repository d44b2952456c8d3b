/**
 * The weights of a model folder: safetensors, or PyTorch's own files where there are none; in one
 * file, or in several with an index.
 */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { isJsonObject, readJsonObject } from "./json.ts";
import { openPytorchFile } from "./pytorch/checkpoint_file.ts";
import { openSafetensors } from "./safetensors.ts";
import { type StoredTensor, storedTensor, type TensorSource } from "./stored_tensor.ts";

/** A format that weights come in. */
interface Format {
  /** The name of the only file; with `.index.json` behind it, that of a list of several files. */
  readonly single: string;
  /** What the names of all such files end in. */
  readonly ending: string;
  /** What such a file is called in messages. */
  readonly called: string;
  open(path: string): TensorSource;
}

/** The formats in the order in which they are preferred. */
const FORMATS: readonly Format[] = [
  {
    single: "model.safetensors",
    ending: ".safetensors",
    called: "safetensors file",
    open: openSafetensors,
  },
  {
    single: "pytorch_model.bin",
    ending: ".bin",
    called: "PyTorch file",
    open: openPytorchFile,
  },
];

/**
 * Opens the weights in a folder as one lookup; dispose it to close them. They are in
 * `model.safetensors` or the files that `model.safetensors.index.json` lists, or else in
 * `pytorch_model.bin` or the files that `pytorch_model.bin.index.json` lists.
 *
 * @throws {UserError} when there are none, or a listed file or tensor is missing or broken.
 */
export function openCheckpointWeights(folder: string): TensorSource {
  for (const format of FORMATS) {
    const single = join(folder, format.single);
    if (fs.existsSync(`${single}.index.json`)) return openShards(folder, format);
    if (fs.existsSync(single)) return format.open(single);
  }
  const singles = FORMATS.map(({ single }) => single).join(" or ");
  throw new UserError(
    `Cannot read the weights in ${folder}: it has no ${singles}, whole or with an .index.json; ` +
      "download the weights into it",
  );
}

function openShards(folder: string, format: Format): TensorSource {
  const index = join(folder, `${format.single}.index.json`);
  const { weight_map: places } = readJsonObject(index, "the list of weight files");
  if (!isJsonObject(places)) {
    throw new UserError(`Cannot read ${index}: it has no "weight_map"; download it again`);
  }
  const files = new Map<string, TensorSource>();
  try {
    const homes = new Map<string, TensorSource>();
    const tensors = new Map<string, StoredTensor>();
    for (const [name, shard] of Object.entries(places)) {
      const file = openShard(folder, format, files, shard);
      homes.set(name, file);
      tensors.set(name, storedTensor(file.tensors, name, file.path));
    }
    return joined(folder, tensors, homes, files);
  } catch (error) {
    closeAll(files);
    throw error;
  }
}

function openShard(
  folder: string,
  { single, ending, called, open }: Format,
  files: Map<string, TensorSource>,
  shard: unknown,
): TensorSource {
  // Files of the folder itself only: an index must not reach elsewhere on the disk.
  if (typeof shard !== "string" || /[/\\]/.test(shard) || !shard.endsWith(ending)) {
    throw new UserError(
      `Cannot read ${join(folder, single)}.index.json: ${JSON.stringify(shard)} is not the name ` +
        `of a ${called}`,
    );
  }
  let file = files.get(shard);
  if (file === undefined) {
    if (!fs.existsSync(join(folder, shard))) {
      throw new UserError(
        `Cannot read the weights in ${folder}: ${shard}, listed in ${single}.index.json, is ` +
          "missing; download it into the folder",
      );
    }
    file = open(join(folder, shard));
    files.set(shard, file);
  }
  return file;
}

function joined(
  folder: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  homes: ReadonlyMap<string, TensorSource>,
  files: ReadonlyMap<string, TensorSource>,
): TensorSource {
  const home = (name: string): TensorSource => {
    storedTensor(tensors, name, folder);
    return homes.get(name)!;
  };
  return {
    path: folder,
    tensors,
    read: (name) => home(name).read(name),
    readHost: (name) => home(name).readHost(name),
    readRaw: (name) => home(name).readRaw(name),
    stream: (name, visit) => home(name).stream(name, visit),
    [Symbol.dispose]: () => closeAll(files),
  };
}

function closeAll(files: ReadonlyMap<string, TensorSource>): void {
  for (const file of files.values()) file[Symbol.dispose]();
}
