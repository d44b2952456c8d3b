/**
 * An open parquet file and its footer, which says what columns there are and where they are kept.
 *
 * Format: https://parquet.apache.org/docs/file-format/
 */

import type { FileMetaData } from "hyparquet";
import { parquetMetadata } from "hyparquet/src/metadata.js";
import { UserError } from "../../contracts/errors.ts";
import { PositionedFile } from "../positioned_file.ts";

/** What a parquet file begins and ends with. */
const MAGIC = "PAR1";

/** What a file begins with whose footer is encrypted. */
const ENCRYPTED_MAGIC = "PARE";

/** The shortest file: the magic at both ends, and the length of the footer before the last. */
const SHORTEST_FILE = 12;

/** An open parquet file; dispose it to close it. */
export class ParquetFile extends PositionedFile {
  /**
   * What the footer says.
   *
   * @throws {UserError} when the file is not a parquet file, or is truncated, broken or encrypted.
   */
  readMetadata(): FileMetaData {
    const { path, size } = this;
    const magicAt = (at: number) => String.fromCharCode(...this.read(at, MAGIC.length));
    const magic = size < SHORTEST_FILE ? "" : magicAt(0);
    if (magic === ENCRYPTED_MAGIC) {
      throw new UserError(`Cannot read ${path}: it is encrypted; write it without encryption`);
    }
    if (magic !== MAGIC) {
      throw new UserError(`Cannot read ${path}: it is not a parquet file; check what it is`);
    }
    if (magicAt(size - MAGIC.length) !== MAGIC) {
      throw this.broken("it is truncated: its end is missing");
    }
    const length = new DataView(this.read(size - 8, 4).buffer).getUint32(0, true);
    if (length > size - SHORTEST_FILE) {
      throw this.broken(`its footer should be ${length} bytes long, but it has ${size} bytes`);
    }
    const footer = this.read(size - 8 - length, length + 8);
    return this.decode("its footer", () => parquetMetadata(footer, { geoparquet: false }));
  }

  /**
   * What `decode` gives.
   *
   * @param part what it decodes, for messages: `"its footer"`
   * @throws {UserError} when it fails.
   */
  decode<T>(part: string, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (error instanceof UserError) throw error;
      // A decoder that notices says what; one that stumbles tells its own story, not the file's.
      const noticed = error instanceof Error && error.constructor === Error;
      const reason = noticed ? ` (${error.message.replaceAll(/\s+/g, " ")})` : "";
      throw this.broken(`${part} makes no sense${reason}`);
    }
  }

  /** The error to throw for a file that is damaged. */
  broken(what: string): UserError {
    return new UserError(`Cannot read ${this.path}: ${what}; download or write it again`);
  }
}
