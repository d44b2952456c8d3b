/**
 * Folders that are there whole or not at all, such as checkpoints.
 *
 * A folder is prepared beside its final place, gets a `manifest.json` with the size and SHA-256 of
 * every file, is forced to the disk and renamed. A folder whose manifest verifies is whole; the
 * rest are leftovers. See `atomic.ts` for single files.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { UserError } from "../contracts/errors.ts";
import {
  ensureParent,
  removeQuietly,
  syncToDisk,
  temporaryPath,
  writeFileAtomic,
} from "./atomic.ts";
import { explainFailure } from "./failures.ts";

/** The name of the list of a whole folder's files. */
export const MANIFEST = "manifest.json";

/** What `manifest.json` holds. */
export interface Manifest {
  readonly version: 1;
  /** By path inside the folder, with `/` between its parts. */
  readonly files: Readonly<Record<string, FileRecord>>;
}

/** What is known of one file of a whole folder. */
export interface FileRecord {
  /** Size in bytes. */
  readonly size: number;
  /** SHA-256 of the contents, in hexadecimal. */
  readonly sha256: string;
}

/** Where the former folder waits while its replacement takes its name. */
function formerPath(path: string): string {
  const whole = resolve(path);
  return join(dirname(whole), `.${basename(whole)}.old`);
}

/**
 * Makes the folder at `path` hold exactly what `fill` writes into the empty folder it is given,
 * all or nothing, with a manifest. A folder that was there is replaced; missing folders above it
 * are created.
 *
 * @throws {UserError} when the disk is full or the place cannot be written; what was at `path`
 *   before is untouched. Errors of `fill` itself pass through.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (temporary: string) => void | Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    ensureParent(path);
    recoverFolder(path);
    fs.rmSync(temporary, { recursive: true, force: true });
    fs.mkdirSync(temporary);
    await fill(temporary);
    const files: Record<string, FileRecord> = {};
    for (const file of listFiles(temporary)) {
      syncToDisk(join(temporary, file));
      files[file] = recordOf(join(temporary, file));
    }
    const manifest: Manifest = { version: 1, files };
    writeFileAtomic(join(temporary, MANIFEST), JSON.stringify(manifest, null, 2) + "\n");
    for (const folder of listFolders(temporary)) syncToDisk(folder);
    moveIntoPlace(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    // The folders above exist by now: a missing file is an error of `fill`, not the user's.
    if ((error as { code?: unknown }).code === "ENOENT") throw error;
    throw explainFailure(error, "write the folder", path);
  }
}

/**
 * Checks every file of a folder against its manifest, and returns the manifest.
 *
 * @throws {UserError} naming the first file that is missing or differs, or the manifest itself.
 */
export function verifyFolder(path: string): Manifest {
  const manifest = readManifest(path);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = join(path, name);
    if (!fs.existsSync(file)) {
      throw new UserError(`Cannot use ${path}: ${name} is missing; use another checkpoint`);
    }
    const size = fs.statSync(file).size;
    if (size !== expected.size) {
      throw new UserError(
        `Cannot use ${path}: ${name} has ${size} bytes where its manifest says ` +
          `${expected.size}; use another checkpoint`,
      );
    }
    if (recordOf(file).sha256 !== expected.sha256) {
      throw new UserError(
        `Cannot use ${path}: ${name} is damaged (its SHA-256 is not the manifest's); ` +
          "use another checkpoint",
      );
    }
  }
  return manifest;
}

/**
 * The folder in `parent` named `prefix` and a whole number, such as `step-000200`, that has the
 * highest number among those that verify; `undefined` when there is none.
 *
 * @param options.clean first mends or removes what an interrupted write left behind. Only for the
 *   process that writes these folders: a reader would take away what a live writer is preparing.
 */
export function newestWholeFolder(
  parent: string,
  prefix: string,
  options: { readonly clean?: boolean } = {},
): string | undefined {
  if (!fs.existsSync(parent)) return undefined;
  if (options.clean === true) removeLeftovers(parent, prefix);
  const numbered = fs.readdirSync(parent)
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .sort((a, b) => Number(b.slice(prefix.length)) - Number(a.slice(prefix.length)));
  for (const name of numbered) {
    const folder = join(parent, name);
    try {
      verifyFolder(folder);
      return folder;
    } catch (error) {
      // A damaged folder is passed over; an error of ours, or of the disk, is not.
      if (!(error instanceof UserError)) throw error;
    }
  }
  return undefined;
}

/**
 * Gives the folder at `path` its name back where a replacement was killed between its two renames.
 * For the process that writes the folder, as {@link newestWholeFolder} with `clean`.
 */
export function recoverFolder(path: string): void {
  const former = formerPath(path);
  if (!fs.existsSync(path) && fs.existsSync(former)) fs.renameSync(former, path);
}

/** Mends or removes the temporary and the former folders of names that start with `prefix`. */
function removeLeftovers(parent: string, prefix: string): void {
  for (const name of fs.readdirSync(parent)) {
    const leftover = /^\.(.*)\.(tmp|old)$/.exec(name);
    if (leftover === null || !leftover[1]!.startsWith(prefix)) continue;
    recoverFolder(join(parent, leftover[1]!));
    removeQuietly(join(parent, name));
  }
}

/** Renames the finished folder to `path`, moving a former one aside first. */
function moveIntoPlace(temporary: string, path: string): void {
  const former = formerPath(path);
  if (fs.existsSync(path)) {
    fs.rmSync(former, { recursive: true, force: true });
    // Two renames: killed between them, the former folder is whole and `recoverFolder` finds it.
    fs.renameSync(path, former);
  }
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    recoverFolder(path);
    throw error;
  }
  syncToDisk(dirname(resolve(path)));
  removeQuietly(former);
}

function readManifest(path: string): Manifest {
  const file = join(path, MANIFEST);
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") {
      throw new UserError(`Cannot use ${path}: it has no ${MANIFEST}, so it is not a whole folder`);
    }
    throw explainFailure(error, "read", file);
  }
  try {
    const manifest = JSON.parse(text);
    if (manifest.version === 1 && typeof manifest.files === "object" && manifest.files !== null) {
      return manifest;
    }
  } catch {
    // Said below, in the same words as for a manifest of another shape.
  }
  throw new UserError(`Cannot use ${path}: its ${MANIFEST} is damaged; use another checkpoint`);
}

/** Size and SHA-256 of a file, read in pieces: checkpoints may be larger than memory. */
function recordOf(path: string): FileRecord {
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  const file = fs.openSync(path, "r");
  let size = 0;
  try {
    for (;;) {
      const read = fs.readSync(file, piece, 0, piece.length, null);
      if (read === 0) break;
      hash.update(piece.subarray(0, read));
      size += read;
    }
  } finally {
    fs.closeSync(file);
  }
  return { size, sha256: hash.digest("hex") };
}

/** The files under a folder, as sorted paths inside it with `/` between the parts. */
function listFiles(folder: string): string[] {
  return entriesUnder(folder)
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** A folder and the folders under it, innermost first. */
function listFolders(folder: string): string[] {
  return entriesUnder(folder)
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => b.length - a.length)
    .concat(folder);
}

function entriesUnder(folder: string): fs.Dirent[] {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true });
}
