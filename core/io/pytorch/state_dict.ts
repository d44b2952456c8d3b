/**
 * Reading what PyTorch pickled: tensors by name, as views of storages that lie elsewhere.
 *
 * Pickles are programs: they name functions, and loading calls those. Nothing of that happens here.
 * The few names that weights need are answered by functions of our own, which only write down what
 * they are given; a pickle that names any other is refused.
 */

import { Parser } from "pickleparser";
import { UserError } from "../../contracts/errors.ts";
import type { StoredType } from "../stored_tensor.ts";

/** Numbers in a file of their own, which tensors are views of. */
export interface PickledStorage {
  readonly dtype: StoredType;
  /** Name of the file. */
  readonly key: string;
  /** How many numbers there are. */
  readonly count: number;
}

/** A tensor as a pickle describes it; offset and strides are in numbers, not in bytes. */
export interface PickledTensor {
  readonly storage: PickledStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What was made and checked here: a pickle may give its own objects any look. */
const storages = new WeakSet<object>();
const tensors = new WeakSet<object>();

/** The types of storages, by the names of their classes. */
const STORAGE_TYPES: Readonly<Record<string, StoredType>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** What a pickle may name; frozen, because it may also try to change it. */
const KNOWN: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["collections.OrderedDict", Object.freeze(() => new Map())],
  ["torch._utils._rebuild_tensor_v2", Object.freeze(rebuildTensor)],
  ["torch._utils._rebuild_parameter", Object.freeze((tensor: unknown) => tensor)],
  ...Object.keys(STORAGE_TYPES).map((name) => [name, Object.freeze({ name })] as const),
]);
const storageTypes = new Map(
  Object.entries(STORAGE_TYPES).map(([name, dtype]) => [KNOWN.get(name), dtype]),
);

/**
 * The tensors of a pickled `state_dict`, by name.
 *
 * @param path the checkpoint's, for messages
 * @throws {UserError} when the pickle is broken, refers to anything but tensors, or holds something
 *   else beside them.
 */
export function readStateDict(pickle: Uint8Array, path: string): Map<string, PickledTensor> {
  const parser = new Parser({
    nameResolver: { resolve: (module, name) => resolveName(module, name, path) as () => unknown },
    persistentResolver: { resolve: (id: unknown) => rebuildStorage(id) },
    unpicklingTypeOfDictionary: "Map",
  });
  try {
    return checkState(parser.parse(pickle), path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot read ${path}: its data.pkl is broken; download it again`);
  }
}

function checkState(state: unknown, path: string): Map<string, PickledTensor> {
  if (!(state instanceof Map)) {
    throw new UserError(
      `Cannot read ${path}: it does not hold tensors by name; save a model's state_dict`,
    );
  }
  for (const [name, value] of state) {
    if (typeof name !== "string" || !tensors.has(value)) {
      throw new UserError(
        `Cannot read ${path}: its entry ${JSON.stringify(name)} is not a tensor; ` +
          "save the model's state_dict alone",
      );
    }
  }
  return state;
}

function resolveName(module: unknown, name: unknown, path: string): unknown {
  const full = `${module}.${name}`;
  const known = KNOWN.get(full);
  if (known !== undefined) return known;
  throw new UserError(
    `Cannot read ${path}: it refers to ${
      JSON.stringify(full)
    } and so could run code; if you trust ` +
      "it, load it in Python and save it again with save_pretrained(..., safe_serialization=True)",
  );
}

/** `("storage", type, key, device, count)`: how PyTorch refers to a storage. */
function rebuildStorage(id: unknown): PickledStorage {
  const [what, type, key, , count] = id as unknown[];
  const dtype = storageTypes.get(type);
  if (what !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(count)) {
    throw new Error("not a storage");
  }
  const storage = Object.freeze({ dtype, key, count });
  storages.add(storage);
  return storage;
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`. */
function rebuildTensor(
  storage: PickledStorage,
  offset: unknown,
  shape: unknown,
  strides: unknown,
): PickledTensor {
  if (!storages.has(storage) || !isCount(offset)) throw new Error("not a tensor");
  const tensor = Object.freeze({
    storage,
    offset,
    shape: counts(shape),
    strides: counts(strides),
  });
  tensors.add(tensor);
  return tensor;
}

function counts(tuple: unknown): readonly number[] {
  const copy = [...tuple as unknown[]];
  if (!copy.every(isCount)) throw new Error("not a shape");
  return Object.freeze(copy);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
