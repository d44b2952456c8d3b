/**
 * One repository in the cache that is shared with Python:
 *
 * ```text
 * models--org--name/
 *   blobs/<digest>                 contents, named by their checksum
 *   snapshots/<commit>/<path>      links to them, relative
 *   refs/<revision>                the commit that a branch or tag was last seen at
 *   trees/<commit>.json            Python's list of a commit's files, where Python made one
 *   .dlr/                          what only we keep (see `verified.ts`); Python looks past it
 * .locks/models--org--name/<digest>.lock
 * ```
 */

import fs from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { ensureParent, syncToDisk, writeFileAtomic } from "../atomic.ts";
import { explainFailure } from "../failures.ts";
import { isJsonObject } from "../json.ts";
import { isDigest } from "./digest.ts";
import { folderName, type HubRepository, isCommit, isSafePath } from "./repository.ts";

/** The tag by which backup programs know a cache (https://bford.info/cachedir/). */
const CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n" +
  "# Contents of this folder can be downloaded again.\n";

/** The folder of one repository. */
export class RepositoryCache {
  /** The folder itself. */
  readonly folder: string;
  readonly #locks: string;
  readonly #tag: string;

  constructor(cache: string, repository: HubRepository) {
    this.folder = join(cache, folderName(repository));
    this.#locks = join(cache, ".locks", folderName(repository));
    this.#tag = join(cache, "CACHEDIR.TAG");
  }

  /** Where contents with this digest are. */
  blob(digest: string): string {
    return join(this.folder, "blobs", digest);
  }

  /** The folder that shows a commit's files under their names. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Where a file of a commit is. */
  file(commit: string, path: string): string {
    return join(this.snapshot(commit), path);
  }

  /** A file of our own. */
  own(name: string): string {
    return join(this.folder, ".dlr", name);
  }

  /** The lock of a blob, or another one of our own. */
  lock(name: string): string {
    return join(this.#locks, `${name}.lock`);
  }

  /** Makes the folder of a commit, and tags the cache as one. */
  prepare(commit: string): void {
    const folder = this.snapshot(commit);
    try {
      fs.mkdirSync(folder, { recursive: true });
      if (!fs.existsSync(this.#tag)) fs.writeFileSync(this.#tag, CACHE_TAG);
    } catch (error) {
      throw explainFailure(error, "write", folder);
    }
  }

  /** The commit that a revision was last seen at; a commit is its own. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    const commit = textIn(this.#ref(revision))?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  /** Writes down the commit of a branch or tag. Under the lock of the repository. */
  rememberCommit(revision: string, commit: string): void {
    writeFileAtomic(this.#ref(revision), commit);
  }

  /** All files of a commit, as we or Python once listed them; `undefined` when neither did. */
  filesOf(commit: string): readonly string[] | undefined {
    const ours = jsonIn(this.#list(commit));
    const tree = jsonIn(join(this.folder, "trees", `${commit}.json`));
    const theirs = isJsonObject(tree) && tree["format_version"] === 1 ? tree["files"] : undefined;
    const names: unknown = ours ?? (isJsonObject(theirs) ? Object.keys(theirs) : undefined);
    if (!Array.isArray(names)) return undefined;
    return names.every((name) => typeof name === "string" && isSafePath(name)) ? names : undefined;
  }

  /** Writes down all files of a commit. Under the lock of the repository. */
  rememberFiles(commit: string, files: readonly string[]): void {
    writeFileAtomic(this.#list(commit), JSON.stringify(files) + "\n");
  }

  /** The files of a commit that are here, with `/` between the parts of their paths; sorted. */
  presentFiles(commit: string): string[] {
    const folder = this.snapshot(commit);
    if (!fs.existsSync(folder)) return [];
    return fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => isFile(join(folder, path)))
      .map((path) => path.split(sep).join("/"))
      .sort();
  }

  /** The digest that a file of a commit should have: the name of the blob that it links to. */
  linkedDigest(commit: string, path: string): string | undefined {
    try {
      const digest = basename(fs.readlinkSync(this.file(commit, path)));
      return isDigest(digest) ? digest : undefined;
    } catch {
      // A file instead of a link, as where there are no links.
      return undefined;
    }
  }

  /** Shows a blob as a file of a commit: a link, or a copy where links cannot be made. */
  link(commit: string, path: string, digest: string): void {
    const name = this.file(commit, path);
    try {
      ensureParent(name);
      if (this.linkedDigest(commit, path) === digest) return;
      fs.rmSync(name, { force: true });
      if (!makesLink(relative(dirname(name), this.blob(digest)), name)) this.#copy(name, digest);
    } catch (error) {
      throw explainFailure(error, "write", name);
    }
  }

  #copy(name: string, digest: string): void {
    const copy = this.own(`${digest}.copy`);
    ensureParent(copy);
    fs.copyFileSync(this.blob(digest), copy);
    syncToDisk(copy);
    fs.renameSync(copy, name);
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }

  #list(commit: string): string {
    return this.own(join("files", `${commit}.json`));
  }
}

function makesLink(target: string, name: string): boolean {
  try {
    fs.symlinkSync(target, name);
    return true;
  } catch {
    return false;
  }
}

/** True for a file, or a link to one that is there. */
export function isFile(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function textIn(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    // Not there, or not to be read: then it is not known.
    return undefined;
  }
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(textIn(path) ?? "");
  } catch {
    return undefined;
  }
}
