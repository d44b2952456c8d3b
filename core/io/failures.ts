/** Failures of the operating system, said in one line that a user can act on. */

import { UserError } from "../contracts/errors.ts";

/** What to tell the user for the error codes that a user can mend. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space and run again",
  EDQUOT: "the disk quota is used up; free some space and run again",
  EACCES: "permission denied; check who owns it, or choose another folder",
  EPERM: "the operating system does not allow it; choose another folder",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "no such file or folder; check the path",
  ENOTDIR: "a part of the path is a file, not a folder; check the path",
  EEXIST: "a file is in the way of a folder; check the path",
  EISDIR: "it is a folder, not a file; name a file",
  EMFILE: "too many files are open; raise the limit with ulimit -n",
  EFBIG: "the file is larger than the file system or a limit allows; choose another folder",
  EIO: "the disk reported an error; check the disk",
};

/**
 * `error` as a {@link UserError} that reads "Cannot read a/b: no such file ...", when it is one of
 * the operating system's failures that a user can mend; any other error is returned unchanged.
 *
 * @param action what was tried, as a verb with its object: `"write the checkpoint"`
 */
export function explainFailure(error: unknown, action: string, path: string): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error;
  const code = (error as Error & { code?: unknown }).code;
  const remedy = typeof code === "string" ? REMEDIES[code] : undefined;
  return remedy === undefined ? error : new UserError(`Cannot ${action} ${path}: ${remedy}`);
}
