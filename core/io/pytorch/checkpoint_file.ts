/**
 * Reading PyTorch's own checkpoints (`pytorch_model.bin`), as `torch.save` writes them since 1.6: a
 * zip archive with a pickle, `data.pkl`, that describes the tensors, and a file for each storage.
 *
 * All that the pickle says is checked before a tensor is read, and tensors are read one at a time,
 * as in `safetensors.ts`.
 *
 * Format: https://github.com/pytorch/pytorch/blob/main/docs/source/notes/serialization.rst
 */

import { UserError } from "../../contracts/errors.ts";
import { PositionedFile } from "../positioned_file.ts";
import { STORED_BYTES, type StoredTensor, tensorsIn, type TensorSource } from "../stored_tensor.ts";
import { type PickledTensor, readStateDict } from "./state_dict.ts";
import { readZipDirectory, type ZipEntry } from "./zip_directory.ts";

/** The largest `data.pkl` that is read, in bytes; that of a large model has less than a million. */
const LARGEST_PICKLE = 100_000_000;

const SAVE_AGAIN = "load it in Python and save it again with save_pretrained(..., " +
  "safe_serialization=True)";

/**
 * Opens a PyTorch checkpoint; tensors are read when asked for. Places of tensors are counted from
 * the beginning of the file.
 *
 * @throws {UserError} naming the file, and the tensor where there is one: not there, truncated, in
 *   the format of before 1.6, big-endian, a pickle that could run code, a tensor that is not
 *   contiguous.
 */
export function openPytorchFile(path: string): TensorSource {
  const file = new PositionedFile(path);
  try {
    return tensorsIn(file, findTensors(file));
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function findTensors(file: PositionedFile): Map<string, StoredTensor> {
  const { path } = file;
  const broken = (what: string) => new UserError(`Cannot read ${path}: ${what}; download it again`);
  checkBeginning(file);
  const entries = readZipDirectory(file);
  const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw broken("it has no data.pkl, so it is no PyTorch checkpoint");
  const contentOf = (name: string) => {
    const { start, length } = entries.get(name)!;
    if (length > LARGEST_PICKLE) throw broken(`its part ${name} has ${length} bytes`);
    return file.read(start, length);
  };
  const folder = pickle.slice(0, -"data.pkl".length);
  const order = `${folder}byteorder`;
  if (entries.has(order) && new TextDecoder().decode(contentOf(order)) !== "little") {
    throw new UserError(`Cannot read ${path}: its numbers are not little-endian; ${SAVE_AGAIN}`);
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of readStateDict(contentOf(pickle), path)) {
    const entry = entries.get(`${folder}data/${tensor.storage.key}`);
    if (entry === undefined) {
      throw broken(`tensor ${name} lies in data/${tensor.storage.key}, which is missing`);
    }
    tensors.set(name, placeOf(name, tensor, entry, path));
  }
  return tensors;
}

function checkBeginning(file: PositionedFile): void {
  const beginning = file.read(0, Math.min(file.size, 2));
  if (beginning[0] === 0x50 && beginning[1] === 0x4b) return;
  // A bare pickle, which begins with its protocol.
  if (beginning[0] === 0x80) {
    throw new UserError(
      `Cannot read ${file.path}: it is in the format of PyTorch before 1.6; ${SAVE_AGAIN}`,
    );
  }
  throw new UserError(
    `Cannot read ${file.path}: it is no PyTorch checkpoint (a zip archive); download it again`,
  );
}

/** Where a tensor's bytes are, which must be all of a stretch of its storage, in order. */
function placeOf(
  name: string,
  { storage, offset, shape, strides }: PickledTensor,
  entry: ZipEntry,
  path: string,
): StoredTensor {
  const size = STORED_BYTES[storage.dtype];
  const count = shape.reduce((product, length) => product * length, 1);
  // Turned around, because a shape that is too large for numbers may give NaN.
  if (!(offset + count <= storage.count && storage.count * size <= entry.length)) {
    throw new UserError(
      `Cannot read ${path}: tensor ${name} reaches beyond its storage data/${storage.key}; ` +
        "download it again",
    );
  }
  if (count > 0 && !isContiguous(shape, strides)) {
    throw new UserError(
      `Cannot read ${path}: tensor ${name} is a view, [${shape}] with the strides [${strides}]; ` +
        SAVE_AGAIN,
    );
  }
  const start = entry.start + offset * size;
  return { dtype: storage.dtype, shape, offsets: [start, start + count * size] };
}

/** True when elements follow each other in row-major order; the stride of one element is free. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.length !== strides.length) return false;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
