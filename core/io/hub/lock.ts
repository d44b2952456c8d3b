/** Locks between processes, ours and Python's: `filelock` takes the same `flock` on the same files. */

import { ensureParent } from "../atomic.ts";
import { explainFailure } from "../failures.ts";
import { delay, type Waiting } from "./patience.ts";

/** Seconds between two looks at a lock that another process holds. */
const LOOK_EVERY = 0.2;

/**
 * Runs `body` while nobody else holds the lock file at `path`, which stays behind, as Python's does.
 * On file systems without locks `body` just runs: contents are checked anyway, so two writers cost
 * time, not correctness.
 *
 * @param subject what the lock guards, for the note: `model.safetensors`
 */
export async function withLock<T>(
  path: string,
  subject: string,
  { onNote, signal }: Waiting,
  body: () => T | Promise<T>,
): Promise<T> {
  using file = openLock(path);
  let waiting = false;
  while (!takes(file, path, onNote)) {
    if (!waiting) onNote(`waiting for another process that works on ${subject}`);
    waiting = true;
    await delay(LOOK_EVERY, signal);
  }
  try {
    return await body();
  } finally {
    gives(file);
  }
}

function openLock(path: string): Deno.FsFile {
  try {
    ensureParent(path);
    // Users of one group may share a cache.
    return Deno.openSync(path, { write: true, create: true, mode: 0o664 });
  } catch (error) {
    throw explainFailure(error, "lock", path);
  }
}

function takes(file: Deno.FsFile, path: string, onNote: (line: string) => void): boolean {
  try {
    return file.tryLockSync(true);
  } catch (error) {
    onNote(`cannot lock ${path} (${error instanceof Error ? error.message : error}); going on`);
    return true;
  }
}

/** Closing the file is not enough: a process that is being started may hold it for a moment. */
function gives(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Where there are no locks there is none to give back.
  }
}
