/** Repositories of the hub: their names, their addresses, and the names of files in them. */

import { UserError } from "../../contracts/errors.ts";

/** A repository at a revision. */
export interface HubRepository {
  readonly type: "model" | "dataset";
  /** `organisation/name`, or `name` alone for the oldest ones. */
  readonly id: string;
  /** A branch, a tag or a commit; `main` unless told. */
  readonly revision?: string;
}

/** The revision of a repository that was given none. */
export const DEFAULT_REVISION = "main";

/** A name begins and ends with a letter, a digit or an underscore. */
const NAME = /^\w(?:[\w.-]{0,94}\w)?$/;

/** What git allows in the name of a branch or a tag, roughly. */
const REVISION = /^(?!\/)(?!.*(?:\.\.|\/\/|\/$))[^\s~^:?*[\\\p{Cc}]+$/u;

/** True for a whole commit hash, which can never come to mean something else. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Refuses names that no repository can have, by the rules of huggingface_hub
 * (`utils/_validators.py`), and revisions that would lead out of the cache.
 *
 * @throws {UserError} naming the id or the revision.
 */
export function checkRepository({ type, id, revision = DEFAULT_REVISION }: HubRepository): void {
  const parts = id.split("/");
  const valid = parts.length <= 2 && parts.every((part) => NAME.test(part)) &&
    !id.includes("--") && !id.includes("..") && !id.endsWith(".git");
  if (!valid) {
    throw new UserError(
      `Cannot use ${JSON.stringify(id)} as a ${type} of the hub: no repository has such a name; ` +
        `write "organisation/name", of letters, digits, "-", "_" and "."`,
    );
  }
  if (!REVISION.test(revision)) {
    throw new UserError(
      `Cannot use ${JSON.stringify(revision)} as a revision of ${described({ type, id })}: ` +
        "give a branch, a tag or a commit",
    );
  }
}

/** `the model organisation/name`, for messages. */
export function described({ type, id }: HubRepository): string {
  return `the ${type} ${id}`;
}

/** The folder of the repository in the cache. */
export function folderName({ type, id }: HubRepository): string {
  return `${type}s--${id.replaceAll("/", "--")}`;
}

/** The page of the repository that a person looks at. */
export function pageAddress(endpoint: string, { type, id }: HubRepository): string {
  return `${endpoint}/${type === "model" ? "" : `${type}s/`}${id}`;
}

/** Where the hub tells the commit and the files of a revision. */
export function listAddress(
  endpoint: string,
  { type, id }: HubRepository,
  revision: string,
): string {
  return `${endpoint}/api/${type}s/${id}/revision/${encodeURIComponent(revision)}`;
}

/** Where the hub has a file. */
export function fileAddress(
  endpoint: string,
  repository: HubRepository,
  commit: string,
  path: string,
): string {
  const name = path.split("/").map(encodeURIComponent).join("/");
  return `${pageAddress(endpoint, repository)}/resolve/${commit}/${name}`;
}

/** True for a path that stays inside the folder it is put in: relative, and every part a name. */
export function isSafePath(path: string): boolean {
  return path.split("/").every((part) => !["", ".", ".."].includes(part)) && !/\p{Cc}/u.test(path);
}
