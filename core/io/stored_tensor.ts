/** Tensors as safetensors files hold them: their types, looking them up, and our own types. */

import { UserError } from "../contracts/errors.ts";
import {
  bytes,
  floats,
  type FloatTensor,
  type HostTensor,
  ints,
  type Shape,
} from "../tensor/mod.ts";

/** Bytes of one element of each type that a file may hold. */
export const STORED_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** The type of a stored tensor, as the format spells it. */
export type StoredType = keyof typeof STORED_BYTES;

/** What the header says of a tensor. */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: Shape;
  /** Place of the first byte and of the one after the last, counted from the end of the header. */
  readonly offsets: readonly [number, number];
}

/** A tensor's bytes as they are in the file. */
export interface RawTensor {
  readonly dtype: StoredType;
  readonly shape: Shape;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Tensors that can be looked up by name, in one file or in several. */
export interface TensorSource extends Disposable {
  /** Where they are, for messages. */
  readonly path: string;
  /** What there is, by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /**
   * The tensor as float32; F16 and BF16 are widened exactly, F64 is rounded.
   *
   * @throws {UserError} when there is no such tensor or it does not hold floating-point numbers.
   */
  read(name: string): FloatTensor;
  /**
   * The tensor in the nearest type of our own: int32 for I32, uint8 for U8 and BOOL, float32 for
   * floating point.
   *
   * @throws {UserError} when there is no such tensor or none of our types holds it.
   */
  readHost(name: string): HostTensor;
  /** The tensor's bytes. @throws {UserError} when there is no such tensor. */
  readRaw(name: string): RawTensor;
}

/** The entry of `name`. @throws {UserError} when there is none. */
export function storedTensor(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  path: string,
): StoredTensor {
  const found = tensors.get(name);
  if (found === undefined) {
    throw new UserError(
      `Cannot read ${path}: it has no tensor ${name} (it has ${tensors.size} others); ` +
        "check that the weights belong to this model",
    );
  }
  return found;
}

/** Widens or rounds to float32. */
export function toFloats(raw: RawTensor, name: string, path: string): FloatTensor {
  const { dtype, shape, bytes: { buffer } } = raw;
  switch (dtype) {
    case "F32":
      return floats(shape, new Float32Array(buffer));
    case "F64":
      return floats(shape, new Float32Array(new Float64Array(buffer)));
    case "F16":
      return floats(shape, new Float32Array(new Float16Array(buffer)));
    case "BF16": {
      // A bfloat16 is the upper half of a float32.
      const halves = new Uint16Array(buffer);
      const words = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
      return floats(shape, new Float32Array(words.buffer));
    }
    default:
      throw new UserError(
        `Cannot read ${path}: tensor ${name} holds ${dtype}, where F32, F16, BF16 or F64 is needed`,
      );
  }
}

/** Converts to the nearest of our own types. */
export function toHost(raw: RawTensor, name: string, path: string): HostTensor {
  switch (raw.dtype) {
    case "I32":
      return ints(raw.shape, new Int32Array(raw.bytes.buffer));
    case "U8":
    case "BOOL":
      return bytes(raw.shape, raw.bytes);
    default:
      return toFloats(raw, name, path);
  }
}
