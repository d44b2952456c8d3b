/**
 * Reading safetensors files: named tensors behind a JSON header.
 *
 * A file is 8 bytes with the header's length (little-endian), the header, and the tensors' bytes.
 * The header gives each tensor's type, shape and place; it is checked completely before a tensor is
 * read, because a header that lies would otherwise turn into wrong numbers. Tensors are read one at
 * a time, by position, so a file may be larger than memory.
 *
 * Format: https://github.com/huggingface/safetensors#format
 */

import { UserError } from "../contracts/errors.ts";
import { isJsonObject } from "./json.ts";
import { PositionedFile } from "./positioned_file.ts";
import {
  STORED_BYTES,
  type StoredTensor,
  type StoredType,
  tensorsIn,
  type TensorSource,
} from "./stored_tensor.ts";

/** An open safetensors file; dispose it to close it. */
export interface SafetensorsFile extends TensorSource {
  /** Free text that the writer put into the header. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest header that is read, as in the Python library. */
const LONGEST_HEADER = 100_000_000;

/**
 * Opens a safetensors file and checks its header; tensors are read when asked for.
 *
 * @throws {UserError} naming the file, and the tensor where there is one: not there, too short, a
 *   header that is not JSON or does not match the file, an unknown type.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const file = new PositionedFile(path);
  try {
    const { header, end } = readHeader(file);
    const { tensors, metadata } = checkHeader(header, file.size - end, path);
    return { ...tensorsIn(file, tensors, end), metadata };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function readHeader(file: PositionedFile): { header: unknown; end: number } {
  const { path, size } = file;
  const broken = (what: string) =>
    new UserError(`Cannot read ${path}: ${what}; download or write it again`);
  if (size < 8) throw broken(`${size} bytes are too short for a safetensors file`);
  const length = Number(new DataView(file.read(0, 8).buffer).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > size) {
    throw broken(
      `its header should be ${length} bytes long but the file has ${size} bytes; ` +
        "it is truncated or no safetensors file",
    );
  }
  const encoded = file.read(8, length);
  try {
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(encoded));
    return { header, end: 8 + length };
  } catch {
    throw broken("its header is not valid JSON");
  }
}

/** Checks that the entries describe `size` bytes completely, without overlap and without gaps. */
function checkHeader(
  header: unknown,
  size: number,
  path: string,
): { tensors: Map<string, StoredTensor>; metadata: Record<string, string> } {
  const broken = (what: string) =>
    new UserError(`Cannot read ${path}: ${what}; download or write it again`);
  if (!isJsonObject(header)) throw broken("its header is not a JSON object");
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (
        !isJsonObject(entry) || !Object.values(entry).every((value) => typeof value === "string")
      ) {
        throw broken("its __metadata__ is not an object of strings");
      }
      metadata = entry as Record<string, string>;
    } else {
      tensors.set(name, checkEntry(entry, (what) => broken(`tensor ${name} ${what}`)));
    }
  }
  // In the order of their places, each must begin where the one before it ended.
  const ordered = [...tensors].sort(([, a], [, b]) =>
    a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]
  );
  let covered = 0;
  for (const [name, { offsets: [start, end] }] of ordered) {
    if (start < covered) throw broken(`tensor ${name} overlaps the one before it`);
    if (start > covered) {
      throw broken(`${start - covered} bytes before tensor ${name} are nobody's`);
    }
    if (end > size) {
      throw broken(`tensor ${name} ends at byte ${end} of ${size}; the file is truncated`);
    }
    covered = end;
  }
  if (covered !== size) throw broken(`${size - covered} bytes at its end belong to no tensor`);
  return { tensors, metadata };
}

function checkEntry(entry: unknown, broken: (what: string) => UserError): StoredTensor {
  if (!isJsonObject(entry)) throw broken("has no description");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(STORED_BYTES, dtype)) {
    throw broken(`has the unknown type ${JSON.stringify(dtype)}`);
  }
  if (!isCounts(shape)) throw broken(`has the shape ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw broken(`has the offsets ${JSON.stringify(offsets)}`);
  }
  const [start, end] = offsets as [number, number];
  const expected = shape.reduce((size, dim) => size * dim, STORED_BYTES[dtype as StoredType]);
  if (end - start !== expected) {
    throw broken(
      `takes ${end - start} bytes by its offsets but ${expected} as ${dtype} ` +
        `${JSON.stringify(shape)}`,
    );
  }
  return { dtype: dtype as StoredType, shape, offsets: [start, end] };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
