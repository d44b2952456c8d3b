/** Getting the contents of one file into the cache, whole or not at all. */

import fs from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { ensureParent, syncToDisk } from "../atomic.ts";
import { explainFailure } from "../failures.ts";
import { isFile, type RepositoryCache } from "./cache.ts";
import { hasDigest } from "./digest.ts";
import { withLock } from "./lock.ts";
import { HubUnavailable, type Patience, persist } from "./patience.ts";
import type { ProgressSum } from "./progress.ts";
import type { RemoteFile, RemoteRepository } from "./remote.ts";
import type { VerifiedFiles } from "./verified.ts";

/** What a transfer needs besides the file. */
export interface TransferContext {
  readonly remote: RemoteRepository;
  readonly cache: RepositoryCache;
  readonly verified: VerifiedFiles;
  readonly patience: Patience;
}

/**
 * Puts the contents of a file into the cache under the name of their digest, unless they are there,
 * and shows them as a file of `commit`. Bytes gather in `<blob>.incomplete`, where the next try, or
 * the next process, goes on; they take the blob's name when they are on the disk and have the
 * digest. Contents that have not are fetched anew from the first byte, once.
 *
 * @throws {UserError} when the hub refuses or fails too often, when contents are damaged twice, or
 *   when the disk does not take them.
 */
export async function fetchFile(
  commit: string,
  file: RemoteFile,
  progress: ProgressSum,
  context: TransferContext,
): Promise<void> {
  const { cache, verified, patience } = context;
  const { path, digest } = file;
  const blob = cache.blob(digest);
  try {
    await withLock(cache.lock(digest), path, patience, async () => {
      if (!isFile(blob) || !await verified.isWhole(blob, digest)) {
        await fetchBlob(commit, file, progress, context);
      }
      cache.link(commit, path, digest);
      const isCopy = cache.linkedDigest(commit, path) === undefined;
      if (isCopy) verified.remember(cache.file(commit, path), digest);
    });
  } catch (error) {
    throw explainFailure(error, "write", blob);
  }
  progress.done(path);
}

async function fetchBlob(
  commit: string,
  file: RemoteFile,
  progress: ProgressSum,
  context: TransferContext,
): Promise<void> {
  const { path, digest, size } = file;
  const { cache, verified, remote, patience } = context;
  const blob = cache.blob(digest);
  const incomplete = `${blob}.incomplete`;
  for (let again = false;; again = true) {
    await gather(commit, file, incomplete, progress, context);
    const fits = size === undefined || fs.statSync(incomplete).size === size;
    if (fits && await hasDigest(incomplete, digest)) break;
    fs.rmSync(incomplete);
    if (again) {
      throw new UserError(
        `Cannot ${remote.downloading(path)}: it arrived damaged twice (it has not the size or ` +
          "the checksum that the hub names); run again later, or over another network",
      );
    }
    patience.onNote(`${path} arrived damaged; fetching it again`);
  }
  {
    using file = await Deno.open(incomplete);
    await file.sync();
  }
  fs.renameSync(incomplete, blob);
  syncToDisk(dirname(blob));
  verified.remember(blob, digest);
}

/** Fills `incomplete` to the file's size, from where it ends. */
async function gather(
  commit: string,
  { path, size = Infinity }: RemoteFile,
  incomplete: string,
  progress: ProgressSum,
  { remote, patience }: TransferContext,
): Promise<void> {
  const had = () => {
    const bytes = fs.statSync(incomplete, { throwIfNoEntry: false })?.size ?? 0;
    return bytes > size ? 0 : bytes;
  };
  const setback = (reason: string) =>
    new HubUnavailable(remote.downloading(path), reason, "run again to go on from there");
  let furthest = had();
  await persist(async (progressed) => {
    const from = had();
    progress.received(path, from);
    if (from > 0 && from === size) return;
    await remote.receive(commit, path, from, async (start, chunks) => {
      if (start === undefined) {
        fs.rmSync(incomplete, { force: true });
        throw setback("the hub does not go on where the last try ended");
      }
      using output = openAt(incomplete, start);
      let at = start;
      for await (const chunk of chunks) {
        for (let done = 0; done < chunk.length;) done += await output.write(chunk.subarray(done));
        at += chunk.length;
        progress.received(path, at);
        if (at > furthest) progressed();
        furthest = Math.max(furthest, at);
        // More than there should be: the check of the whole will tell.
        if (at > size) return;
      }
      if (at < size && size !== Infinity) {
        throw setback(`the connection ended after ${at} of ${size} bytes of ${path}`);
      }
    });
  }, patience);
}

/** Opens a file to go on at a place, without what is behind it. */
function openAt(path: string, start: number): Deno.FsFile {
  ensureParent(path);
  const file = Deno.openSync(path, { write: true, create: true });
  file.truncateSync(start);
  file.seekSync(start, Deno.SeekMode.Start);
  return file;
}
