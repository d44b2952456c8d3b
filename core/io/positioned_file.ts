/** A file that is read by position, so that it may be larger than memory. */

import fs from "node:fs";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "./failures.ts";

/** The most bytes asked for in one read; Linux gives at most 2^31 − 4096. */
const LARGEST_READ = 1 << 30;

/** An open file; dispose it to close it. */
export class PositionedFile implements Disposable {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  #descriptor: number | undefined;

  /** @throws {UserError} when the file is missing, is not a file or cannot be opened. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = fs.openSync(path, "r");
    } catch (error) {
      throw explainFailure(error, "read", path);
    }
    const status = fs.fstatSync(this.#descriptor);
    this.size = status.size;
    if (!status.isFile()) {
      this[Symbol.dispose]();
      const kind = status.isDirectory() ? "a folder, not a file" : "not a file";
      throw new UserError(`Cannot read ${path}: it is ${kind}; name a file`);
    }
  }

  /** The `length` bytes from `at` on. @throws {UserError} when the file ends before them. */
  read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.readInto(bytes, at);
    return bytes;
  }

  /** Fills `target` with the bytes from `at` on. @throws {UserError} as {@link read}. */
  readInto(target: Uint8Array, at: number): void {
    if (this.#descriptor === undefined) throw new Error(`internal: ${this.path} is closed`);
    for (let done = 0; done < target.length;) {
      const most = Math.min(target.length - done, LARGEST_READ);
      const more = fs.readSync(this.#descriptor, target, done, most, at + done);
      if (more === 0) throw new UserError(`Cannot read ${this.path}: it ends too early; try again`);
      done += more;
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
