/** Writing safetensors files, in the order and with the padding of the Python library. */

import { UserError } from "../contracts/errors.ts";
import { type HostTensor, showType } from "../tensor/mod.ts";
import { replaceFile, writeFully } from "./atomic.ts";
import { STORED_BYTES, type StoredType } from "./stored_tensor.ts";

/** A tensor with the name it is stored under. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: HostTensor;
}

/** How floating-point tensors are stored. */
export type FloatStorage = "F32" | "F16" | "BF16";

/** The types that are written, widest first: with it every tensor is aligned to its elements. */
const STORAGE_ORDER: readonly StoredType[] = ["F32", "I32", "BF16", "F16", "U8"];

/**
 * Writes tensors to a safetensors file, all or nothing (see `atomic.ts`).
 *
 * @param metadata free text for the header, such as `{ format: "pt" }`
 * @param options.floats how float32 tensors are stored; F16 and BF16 round to nearest even
 * @throws {UserError} when the disk is full or the place cannot be written, or when a value is too
 *   large for F16.
 * @throws {RangeError} when two tensors have the same name.
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: { readonly floats?: FloatStorage } = {},
): void {
  const stored = [...tensors].map(({ name, tensor }) => ({
    name,
    tensor,
    dtype: storedType(name, tensor, options.floats ?? "F32"),
  }));
  stored.sort((a, b) =>
    STORAGE_ORDER.indexOf(a.dtype) - STORAGE_ORDER.indexOf(b.dtype) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set("__metadata__", metadata);
  let offset = 0;
  for (const { name, tensor, dtype } of stored) {
    if (header.has(name)) throw new RangeError(`Cannot write ${path}: two tensors named ${name}`);
    const end = offset + tensor.data.length * STORED_BYTES[dtype];
    header.set(name, { dtype, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  replaceFile(path, (file) => {
    writeFully(file, encodeHeader(header));
    for (const { name, tensor, dtype } of stored) {
      writeFully(file, storedBytes(tensor, dtype, name, path));
    }
  });
}

/** The header's length and the header, padded with spaces to whole words of 8 bytes. */
function encodeHeader(header: ReadonlyMap<string, unknown>): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  const encoded = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(encoded.buffer).setBigUint64(0, BigInt(length), true);
  encoded.set(json, 8);
  return encoded;
}

function storedType(name: string, tensor: HostTensor, floats: FloatStorage): StoredType {
  if (name === "__metadata__") throw new RangeError("A tensor cannot be named __metadata__");
  switch (tensor.dtype) {
    case "float32":
      if (!(tensor.data instanceof Float32Array)) {
        throw new RangeError(`Cannot write ${name}: ${showType(tensor)} is not in a Float32Array`);
      }
      return floats;
    case "int32":
      return "I32";
    case "uint8":
      return "U8";
  }
}

function storedBytes(
  tensor: HostTensor,
  dtype: StoredType,
  name: string,
  path: string,
): Uint8Array {
  const data = dtype === "BF16"
    ? toBFloat16(tensor.data as Float32Array)
    : dtype === "F16"
    ? toFloat16(tensor.data as Float32Array, name, path)
    : tensor.data;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function toFloat16(values: Float32Array, name: string, path: string): Float16Array {
  const halves = new Float16Array(values);
  for (let i = 0; i < halves.length; i++) {
    if (!Number.isFinite(halves[i]) && Number.isFinite(values[i])) {
      throw new UserError(
        `Cannot write ${path}: tensor ${name} holds ${
          values[i]
        }, more than F16 can; use BF16 or F32`,
      );
    }
  }
  return halves;
}

/** The upper halves of float32 values, rounded to nearest, ties to even; NaN stays NaN. */
function toBFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    const roundUp = 0x7fff + ((word >>> 16) & 1);
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + roundUp) >>> 16;
  }
  return halves;
}
