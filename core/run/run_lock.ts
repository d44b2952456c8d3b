/**
 * The lock on a run's folder, of the operating system: a killed process gives it up by dying. Where it
 * may be lost without a word, a token in it says who came last.
 */

import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "../io/failures.ts";

/** Name of the file in a run folder. */
export const LOCK = ".lock";

/** Milliseconds between two tries for a lock: somebody may only have looked whether it is free. */
const GLANCE = 20;

/** What is said of a run that another process writes to. */
export const OPEN_ELSEWHERE = "is open in another process";

/** Whether a process, this one or another, has the run in this folder open. */
export function isOpen(path: string): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(path, LOCK), { read: true });
  } catch (error) {
    // What may not be read may well be open.
    return !(error instanceof Deno.errors.NotFound);
  }
  using lock = file;
  // Shared: two who ask at once do not take each other for the run.
  if (!lock.tryLockSync(false)) return true;
  lock.unlockSync();
  return false;
}

/** Locks a run's folder. @throws {UserError} when another process has. */
export function lockFolder(path: string): Deno.FsFile {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(join(path, LOCK), { write: true, create: true });
  } catch (error) {
    throw explainFailure(error, "open the run folder", path);
  }
  for (let tries = 0; tries < 3; tries++) {
    if (tries > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GLANCE);
    if (file.tryLockSync(true)) return file;
  }
  file.close();
  throw openElsewhere(path);
}

/** What is said where another process has the run. */
export function openElsewhere(path: string): UserError {
  return new UserError(
    `The run in ${path} ${OPEN_ELSEWHERE}: wait for it, or use --fresh for a new run`,
  );
}

/** Writes into a lock who holds it; returns that. */
export function leaveToken(lock: Deno.FsFile): string {
  const token = crypto.randomUUID();
  lock.truncateSync();
  lock.writeSync(new TextEncoder().encode(token));
  return token;
}

/** Who took a folder last; empty where nobody did, or it cannot be read just now. */
export function tokenIn(path: string): string {
  try {
    return Deno.readTextFileSync(join(path, LOCK));
  } catch {
    return "";
  }
}
