/**
 * Where the files in a zip archive are. PyTorch stores them as they are, without compression, so
 * that a tensor can be read out of the middle of the archive.
 */

// Named, as Deno does not look for types of a package that is linked.
// @ts-types="@types/yauzl"
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from "yauzl";
import { UserError } from "../../contracts/errors.ts";
import type { PositionedFile } from "../positioned_file.ts";

/** Where a file's bytes are in the archive. */
export interface ZipEntry {
  readonly start: number;
  /** In bytes. */
  readonly length: number;
}

/**
 * The files of a zip archive, by name.
 *
 * @throws {UserError} when it is no archive, is truncated, or its files are not stored as they are.
 */
export function readZipDirectory(file: PositionedFile): Map<string, ZipEntry> {
  const broken = (what: string) =>
    new UserError(`Cannot read ${file.path}: ${what}; download it again`);
  const entries = new Map<string, ZipEntry>();
  try {
    const zip = openZip(file);
    while (entries.size < zip.entryCount) {
      const entry = nextEntry(zip);
      const { fileName: name, compressedSize: length } = entry;
      if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
        throw broken(`its part ${JSON.stringify(name)} is compressed, which PyTorch never does`);
      }
      if (entries.has(name)) throw broken(`it has the part ${JSON.stringify(name)} twice`);
      const { fileDataStart: start } = answered<{ fileDataStart: number }>((callback) =>
        zip.readLocalFileHeader(entry, { minimal: true }, callback)
      );
      entries.set(name, { start, length });
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
    throw broken(`it is no complete zip archive (${reason})`);
  }
  return entries;
}

/** Gives yauzl the bytes at once, so that it in turn answers at once. */
class ReaderAtOnce extends RandomAccessReader {
  readonly #file: PositionedFile;

  constructor(file: PositionedFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    if (position + length > this.#file.size) return callback(new Error("unexpected end of file"));
    this.#file.readInto(buffer.subarray(offset, offset + length), position);
    callback(null);
  }
}

function openZip(file: PositionedFile): ZipFile {
  return answered((callback) =>
    fromRandomAccessReader(
      new ReaderAtOnce(file),
      file.size,
      // There is nothing to close: the file is not the reader's.
      { lazyEntries: true, autoClose: false, strictFileNames: true },
      callback,
    )
  );
}

function nextEntry(zip: ZipFile): Entry {
  return answered((callback) => {
    zip.removeAllListeners();
    zip.once("entry", (entry: Entry) => callback(null, entry));
    zip.once("error", (error: Error) => callback(error, undefined));
    zip.readEntry();
  });
}

/** What a function with a callback answers before it returns. */
function answered<T>(ask: (callback: (error: Error | null, answer?: T) => void) => void): T {
  let answer: T | undefined;
  let failure: Error | null = new Error("it has a part without a name");
  ask((error, given) => {
    failure = error;
    answer = given;
  });
  if (failure !== null) throw failure;
  return answer!;
}
