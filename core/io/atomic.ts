/**
 * Files that are there whole or not at all.
 *
 * The bytes go to a temporary sibling, are forced to the disk (fsync), and only then take the name
 * that others read; a rename within a folder is atomic. A process killed at any moment, or a full
 * disk, leaves the old file or the new one, and at worst a temporary sibling, whose name starts
 * with a dot and ends with `.tmp` and which the next write to the same path replaces. One process
 * writes a path at a time.
 */

import fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { explainFailure } from "./failures.ts";

/** The most bytes asked for in one write; Linux refuses more than 2^31 − 4096. */
const LARGEST_WRITE = 1 << 30;

/** Where a file or folder is prepared before it takes the name `path`. */
export function temporaryPath(path: string): string {
  const whole = resolve(path);
  return join(dirname(whole), `.${basename(whole)}.tmp`);
}

/** Whether a file is what a write that was cut off has left. */
export function isTemporary(name: string): boolean {
  return /^\..*\.tmp$/.test(name);
}

/** Writes all of `bytes` at the end of an open file; one call to the system may write less. */
export function writeFully(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(file, bytes, done, Math.min(bytes.length - done, LARGEST_WRITE));
  }
}

/** Forces a file's contents, or a folder's list of names, to the disk. */
export function syncToDisk(path: string): void {
  const file = fs.openSync(path, "r");
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/** Creates the folder that is to hold `path`, and those above it, where they are missing. */
export function ensureParent(path: string): void {
  fs.mkdirSync(dirname(resolve(path)), { recursive: true });
}

/**
 * Replaces the file at `path` by what `write` writes to the open file it is given, all or nothing.
 * Missing folders above it are created.
 *
 * @throws {UserError} when the disk is full, the folder cannot be written, or `path` is a folder.
 *   The file that was there before is untouched.
 */
export function replaceFile(path: string, write: (file: number) => void): void {
  const temporary = temporaryPath(path);
  try {
    ensureParent(path);
    fs.rmSync(temporary, { recursive: true, force: true });
    const file = fs.openSync(temporary, "wx");
    try {
      write(file);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, path);
    syncToDisk(dirname(resolve(path)));
  } catch (error) {
    removeQuietly(temporary);
    throw explainFailure(error, "write", path);
  }
}

/** Replaces the file at `path` by `content` (text as UTF-8); otherwise as {@link replaceFile}. */
export function writeFileAtomic(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  replaceFile(path, (file) => writeFully(file, bytes));
}

/**
 * Writes `text` to `path` by a rename alone, where several processes may write the same at a time: what
 * each of them writes is there whole. It is not forced to the disk.
 *
 * @throws {UserError} as {@link replaceFile}.
 */
export function renameInto(path: string, text: string): void {
  const whole = resolve(path);
  const temporary = join(dirname(whole), `.${basename(whole)}.${crypto.randomUUID()}.tmp`);
  try {
    fs.writeFileSync(temporary, text);
    fs.renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw explainFailure(error, "write", path);
  }
}

/** Removes what is at `path`; a failure is swallowed, because a first one is being reported. */
export function removeQuietly(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch {
    // The failure that brought us here is the one worth telling.
  }
}
