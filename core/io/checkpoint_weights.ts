/** The weights of a model folder: one safetensors file, or several with an index. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { isJsonObject, readJsonObject } from "./json.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors.ts";
import { type StoredTensor, storedTensor, type TensorSource } from "./stored_tensor.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Opens the weights in a folder, `model.safetensors` or the files that
 * `model.safetensors.index.json` lists, as one lookup; dispose it to close them.
 *
 * @throws {UserError} when there are none, or a listed file or tensor is missing or broken.
 */
export function openCheckpointWeights(folder: string): TensorSource {
  if (fs.existsSync(join(folder, INDEX))) return openShards(folder);
  if (fs.existsSync(join(folder, SINGLE))) return openSafetensors(join(folder, SINGLE));
  const pickled = fs.existsSync(join(folder, "pytorch_model.bin"));
  throw new UserError(
    `Cannot read the weights in ${folder}: it has no ${SINGLE}` +
      (pickled
        ? "; pytorch_model.bin is not read, save it again with safe_serialization=True"
        : ` and no ${INDEX}; download the weights into it`),
  );
}

function openShards(folder: string): TensorSource {
  const index = join(folder, INDEX);
  const { weight_map: places } = readJsonObject(index, "the list of weight files");
  if (!isJsonObject(places)) {
    throw new UserError(`Cannot read ${index}: it has no "weight_map"; download it again`);
  }
  const files = new Map<string, SafetensorsFile>();
  try {
    const homes = new Map<string, SafetensorsFile>();
    const tensors = new Map<string, StoredTensor>();
    for (const [name, shard] of Object.entries(places)) {
      const file = openShard(folder, index, files, shard);
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
  index: string,
  files: Map<string, SafetensorsFile>,
  shard: unknown,
): SafetensorsFile {
  // Files of the folder itself only: an index must not reach elsewhere on the disk.
  if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
    throw new UserError(
      `Cannot read ${index}: ${JSON.stringify(shard)} is not the name of a safetensors file`,
    );
  }
  let file = files.get(shard);
  if (file === undefined) {
    if (!fs.existsSync(join(folder, shard))) {
      throw new UserError(
        `Cannot read the weights in ${folder}: ${shard}, listed in ${INDEX}, is missing; ` +
          "download it into the folder",
      );
    }
    file = openSafetensors(join(folder, shard));
    files.set(shard, file);
  }
  return file;
}

function joined(
  folder: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  homes: ReadonlyMap<string, SafetensorsFile>,
  files: ReadonlyMap<string, SafetensorsFile>,
): TensorSource {
  const home = (name: string): SafetensorsFile => {
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

function closeAll(files: ReadonlyMap<string, SafetensorsFile>): void {
  for (const file of files.values()) file[Symbol.dispose]();
}
