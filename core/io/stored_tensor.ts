/** Tensors as safetensors files hold them: their types, looking them up, and our own types. */

import { UserError } from "../contracts/errors.ts";
import type { PositionedFile } from "./positioned_file.ts";
import {
  bytes,
  floats,
  type FloatTensor,
  type HostTensor,
  ints,
  type Shape,
  sizeOf,
} from "../tensor/mod.ts";

/** The type of a stored tensor, as the format spells it. */
export type StoredType =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E5M2"
  | "F8_E4M3"
  | "I16"
  | "U16"
  | "F16"
  | "BF16"
  | "I32"
  | "U32"
  | "F32"
  | "F64"
  | "I64"
  | "U64";

/** Bytes of one element of each type that a file may hold. */
export const STORED_BYTES: Readonly<Record<StoredType, number>> = {
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
};

/** What the header says of a tensor. */
export interface StoredTensor {
  /** Type of its elements. */
  readonly dtype: StoredType;
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Place of the first byte and of the one after the last, counted from the end of the header. */
  readonly offsets: readonly [number, number];
}

/** A tensor's bytes as they are in the file. */
export interface RawTensor {
  /** Type of its elements. */
  readonly dtype: StoredType;
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** Its elements, little-endian, the last axis running fastest. */
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
  /**
   * The tensor as float32, piece by piece, so that it never has to be in memory whole.
   *
   * @param visit gets the values from element `start` on; the array is used again for the next piece
   * @throws {UserError} as {@link read}
   */
  stream(name: string, visit: (piece: Float32Array, start: number) => void): void;
}

/** Elements that are read at a time: 16 MB as float32, and whole four-bit blocks. */
const PIECE = 2 ** 22;

/**
 * Reads a tensor in pieces and widens them to float32.
 *
 * @param readBytes fills `target` with the tensor's bytes from `offset` on
 */
function streamFloats(
  { dtype, shape }: Pick<StoredTensor, "dtype" | "shape">,
  readBytes: (target: Uint8Array, offset: number) => void,
  visit: (piece: Float32Array, start: number) => void,
  name: string,
  path: string,
): void {
  const size = sizeOf(shape);
  const width = STORED_BYTES[dtype];
  const bytes = new Uint8Array(Math.min(size, PIECE) * width);
  const floats = new Float32Array(Math.min(size, PIECE));
  for (let start = 0; start < size; start += PIECE) {
    const length = Math.min(size - start, PIECE);
    const raw = bytes.subarray(0, length * width);
    readBytes(raw, start * width);
    widen(dtype, raw, floats.subarray(0, length), name, path);
    visit(floats.subarray(0, length), start);
  }
}

/**
 * Tensors in a file whose places are known, looked up by name; disposing it closes the file.
 *
 * @param base place in the file from which offsets are counted
 */
export function tensorsIn(
  file: PositionedFile,
  tensors: ReadonlyMap<string, StoredTensor>,
  base = 0,
): TensorSource {
  const { path } = file;
  const readRaw = (name: string): RawTensor => {
    const { dtype, shape, offsets: [start, end] } = storedTensor(tensors, name, path);
    return { dtype, shape, bytes: file.read(base + start, end - start) };
  };
  return {
    path,
    tensors,
    readRaw,
    read: (name) => toFloats(readRaw(name), name, path),
    readHost: (name) => toHost(readRaw(name), name, path),
    stream(name, visit) {
      const stored = storedTensor(tensors, name, path);
      const readBytes = (target: Uint8Array, offset: number) =>
        file.readInto(target, base + stored.offsets[0] + offset);
      streamFloats(stored, readBytes, visit, name, path);
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
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
function toFloats(raw: RawTensor, name: string, path: string): FloatTensor {
  const { dtype, shape, bytes } = raw;
  if (dtype === "F32") return floats(shape, new Float32Array(bytes.buffer));
  const tensor = floats(shape);
  widen(dtype, bytes, tensor.data, name, path);
  return tensor;
}

/**
 * Widens or rounds stored elements to float32, into `out`.
 *
 * @param bytes as many elements as `out` has, at the start of their buffer
 */
function widen(
  dtype: StoredType,
  { buffer }: Uint8Array,
  out: Float32Array,
  name: string,
  path: string,
): void {
  switch (dtype) {
    case "F32":
      return out.set(new Float32Array(buffer, 0, out.length));
    case "F64":
      return out.set(new Float64Array(buffer, 0, out.length));
    case "F16": {
      const halves = new Float16Array(buffer, 0, out.length);
      for (let i = 0; i < halves.length; i++) out[i] = halves[i]!;
      return;
    }
    case "BF16": {
      // A bfloat16 is the upper half of a float32.
      const halves = new Uint16Array(buffer, 0, out.length);
      const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
      return;
    }
    default:
      throw new UserError(
        `Cannot read ${path}: tensor ${name} holds ${dtype}, where F32, F16, BF16 or F64 is needed`,
      );
  }
}

/** Converts to the nearest of our own types. */
function toHost(raw: RawTensor, name: string, path: string): HostTensor {
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
