/**
 * Chosen files of a repository, in the cache and checked, with as little asking as possible: none
 * for a commit whose files are here, one request to learn that a branch has not moved.
 */

import pMap from "p-map";
import { UserError } from "../../contracts/errors.ts";
import { isFile, RepositoryCache } from "./cache.ts";
import { withLock } from "./lock.ts";
import { delay, HubUnavailable, type Patience } from "./patience.ts";
import { type HubProgress, ProgressSum } from "./progress.ts";
import { type Listing, RemoteRepository } from "./remote.ts";
import {
  checkRepository,
  DEFAULT_REVISION,
  described,
  type HubRepository,
  isCommit,
} from "./repository.ts";
import type { Connection } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";
import { fetchFile, type TransferContext } from "./transfer.ts";
import { VerifiedFiles } from "./verified.ts";

/** How a snapshot is made. */
export interface HubOptions {
  /** Where the hub and the cache are; what the environment says unless told. */
  readonly settings?: HubSettings;
  /** Is told, in one line, what a user may wonder about: retries, waiting, use of the cache. */
  readonly onNote?: (line: string) => void;
  /** Is told how far the download is, after every piece that arrives. */
  readonly onProgress?: (progress: HubProgress) => void;
  /** Stops the download; what has arrived is kept for the next one. */
  readonly signal?: AbortSignal;
  /** Files fetched at a time; 4 unless told. */
  readonly concurrency?: number;
  /** Tries in a row that may bring nothing before a request is given up; 5 unless told. */
  readonly attempts?: number;
  /** Seconds without a byte after which a connection counts as dead; 30 unless told. */
  readonly stallSeconds?: number;
  /** Waits between tries; the clock unless told. */
  readonly pause?: (seconds: number) => Promise<void>;
}

/** Picks, of all files of a repository, those that are wanted. May throw for want of one. */
export type ChooseFiles = (files: readonly string[]) => readonly string[];

/** Files of a repository at a commit. */
export interface HubSnapshot {
  /** The folder that holds the chosen files under their names, and perhaps others. */
  readonly folder: string;
  readonly commit: string;
}

/**
 * Brings the files that `choose` picks into the cache, and returns the folder of their commit.
 *
 * `choose` is given the files of the repository: from the hub, or as they were listed before, or,
 * without the hub and for a repository that only Python fetched file by file, those that are here.
 * Of a whole commit with a known list nothing is asked when its files are here. Of a branch or tag
 * the hub is asked for the commit; when it does not answer and the files are here for the commit
 * that was seen last, those are used and a note says so. Offline nothing is ever asked.
 *
 * Files are checked against their digests, those that were here before too, unless they are unchanged
 * since they last were; damaged ones are fetched again.
 *
 * @throws {UserError} in one line: for a name that no repository has; when the hub refuses, has no
 *   such repository, revision or file, or fails too often; when it is not to be asked and a file is
 *   missing or damaged; when the disk is full.
 * @throws {Deno.errors.NotCapable} without the permission to reach the hub, where it is needed.
 */
export async function hubSnapshot(
  repository: HubRepository,
  choose: ChooseFiles,
  options: HubOptions = {},
): Promise<HubSnapshot> {
  checkRepository(repository);
  const visit = visitOf(repository, choose, options);
  const { cache, verified } = visit;
  try {
    const commit = await (visit.settings.offline ? fromCache(visit, OFFLINE) : fromHub(visit));
    return { folder: cache.snapshot(commit), commit };
  } finally {
    if (verified.changed) await keep(visit, () => verified.save());
  }
}

/** One call of {@link hubSnapshot}. */
interface Visit extends TransferContext {
  readonly repository: HubRepository;
  readonly revision: string;
  readonly choose: ChooseFiles;
  readonly settings: HubSettings;
  readonly concurrency: number;
  readonly onProgress: (progress: HubProgress) => void;
  /** Ends all that is under way. */
  readonly stop: AbortController;
}

/** Why the hub is not asked, as after "and", and what to do about it. */
interface Absence {
  readonly why: string;
  readonly remedy: string;
}

const OFFLINE: Absence = { why: "HF_HUB_OFFLINE is set", remedy: "run once without it" };
const AWAY: Absence = { why: "the hub does not answer", remedy: "run again when it does" };

function visitOf(repository: HubRepository, choose: ChooseFiles, options: HubOptions): Visit {
  const { onNote = () => {}, onProgress = () => {}, concurrency = 4, attempts = 5 } = options;
  const settings = options.settings ?? hubSettings();
  const stop = new AbortController();
  const signal = options.signal === undefined
    ? stop.signal
    : AbortSignal.any([stop.signal, options.signal]);
  const pause = options.pause ?? ((seconds: number) => delay(seconds, signal));
  const patience: Patience = { attempts, pause, onNote, signal };
  const connection: Connection = { settings, stallSeconds: options.stallSeconds ?? 30, signal };
  const cache = new RepositoryCache(settings.cache, repository);
  return {
    repository,
    revision: repository.revision ?? DEFAULT_REVISION,
    choose,
    settings,
    concurrency,
    onProgress,
    stop,
    cache,
    patience,
    remote: new RemoteRepository(repository, connection, patience),
    verified: new VerifiedFiles(cache, onNote),
  };
}

/** Brings the chosen files into the cache, with the help of the hub; returns their commit. */
async function fromHub(visit: Visit): Promise<string> {
  const { cache, revision, patience: { onNote } } = visit;
  const known = isCommit(revision) ? cache.filesOf(revision) : undefined;
  const listing = known ? { commit: revision, files: known } : await askOrNothing(visit);
  if (listing === undefined) return await fromCache(visit, AWAY);
  const { commit, files } = listing;
  const { missing, damaged } = await look(visit, listing);
  for (const path of damaged) onNote(`${path} is damaged in the cache; fetching it again`);
  const wanted = [...missing, ...damaged];
  if (wanted.length > 0) cache.prepare(commit);
  // Before the files: an interrupted download is told from a whole one by the list.
  if (cache.filesOf(commit) === undefined) {
    await keep(visit, () => cache.rememberFiles(commit, files));
  }
  await fetchAll(visit, commit, wanted);
  if (cache.commitOf(revision) !== commit) {
    await keep(visit, () => cache.rememberCommit(revision, commit));
  }
  return commit;
}

/**
 * What the hub says a revision is, or nothing when it does not answer but the chosen files of the
 * commit that was seen last are here.
 */
async function askOrNothing(visit: Visit): Promise<Listing | undefined> {
  const { remote, revision, repository, patience: { onNote } } = visit;
  const fallback = completeInCache(visit);
  try {
    // With files at hand one failure is enough.
    return await remote.list(revision, fallback === undefined ? undefined : 1);
  } catch (error) {
    if (!(error instanceof HubUnavailable) || fallback === undefined) throw error;
    onNote(`${error.reason}; using ${described(repository)} from the cache (commit ${fallback})`);
    return undefined;
  }
}

/** The commit in the cache whose chosen files are all here, if there is one. */
function completeInCache(visit: Visit): string | undefined {
  const { cache } = visit;
  const listing = cachedListing(visit);
  if (listing === undefined) return undefined;
  try {
    const files = chosen(visit, listing);
    const complete = files.every((path) => isFile(cache.file(listing.commit, path)));
    return complete ? listing.commit : undefined;
  } catch (error) {
    // A choice that cannot be made of what is here.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Finds the chosen files in the cache, without the hub; returns their commit. */
async function fromCache(visit: Visit, { why, remedy }: Absence): Promise<string> {
  const { cache, repository, revision, settings } = visit;
  const cannot = (what: string) =>
    new UserError(`Cannot use ${described(repository)}: ${what}, and ${why}; ${remedy}`);
  const listing = cachedListing(visit);
  if (listing === undefined) {
    throw cannot(`${revision} is not in the cache ${settings.cache}`);
  }
  const { missing: [absent], damaged: [broken] } = await look(visit, listing);
  if (absent !== undefined) {
    throw cannot(`${absent} of ${revision} is not in the cache ${settings.cache}`);
  }
  if (broken !== undefined) {
    throw cannot(`${broken} is damaged (${cache.file(listing.commit, broken)})`);
  }
  return listing.commit;
}

/** What the cache knows of the revision. */
function cachedListing({ cache, revision }: Visit): Listing | undefined {
  const commit = cache.commitOf(revision);
  if (commit === undefined) return undefined;
  const present = cache.presentFiles(commit);
  if (present.length === 0) return undefined;
  return { commit, files: cache.filesOf(commit) ?? present };
}

/** The files that are wanted, each once. @throws {UserError} for one that the repository lacks. */
function chosen({ choose, repository, revision }: Visit, { files }: Listing): string[] {
  const all = new Set(files);
  const wanted = [...new Set(choose(files))];
  const strange = wanted.find((path) => !all.has(path));
  if (strange === undefined) return wanted;
  const some = files.length <= 5 ? files : [...files.slice(0, 5), "..."];
  throw new UserError(
    `Cannot download ${strange} of ${described(repository)}: there is no such file at ` +
      `${revision}; there are ${some.join(", ")}`,
  );
}

/** The chosen files of a commit that are not in the cache, and those that are not as they were. */
async function look(
  visit: Visit,
  listing: Listing,
): Promise<{ missing: string[]; damaged: string[] }> {
  const { cache, verified, patience } = visit;
  const { commit } = listing;
  const missing: string[] = [];
  const damaged: string[] = [];
  for (const path of chosen(visit, listing)) {
    patience.signal.throwIfAborted();
    const file = cache.file(commit, path);
    const linked = cache.linkedDigest(commit, path);
    const digest = linked ?? verified.digestOf(file);
    const contents = linked === undefined ? file : cache.blob(linked);
    if (!isFile(file)) missing.push(path);
    // A copy that Python made, for want of links, has no digest to be held against.
    else if (digest !== undefined && !await verified.isWhole(contents, digest)) damaged.push(path);
  }
  return { missing, damaged };
}

/** Fetches files of a commit, small ones first. */
async function fetchAll(visit: Visit, commit: string, paths: readonly string[]): Promise<void> {
  const remote = await together(visit, paths, (path) => visit.remote.describe(commit, path));
  const files = remote.toSorted((a, b) => (a.size ?? 0) - (b.size ?? 0));
  const progress = new ProgressSum(files, visit.onProgress);
  await together(visit, files, (file) => fetchFile(commit, file, progress, visit));
}

/** Does `body` for a few items at a time. The first failure stops the others, and is thrown last. */
async function together<T, R>(
  { stop, concurrency, patience: { signal } }: Visit,
  items: readonly T[],
  body: (item: T) => Promise<R>,
): Promise<R[]> {
  try {
    return await pMap(items, async (item) => {
      signal.throwIfAborted();
      try {
        return await body(item);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }, { concurrency, stopOnError: false });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/** Writes down what saves work later. A cache that cannot be written is used all the same. */
async function keep({ cache, patience, repository }: Visit, write: () => void): Promise<void> {
  try {
    await withLock(cache.lock("dlr"), described(repository), patience, write);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    patience.onNote(error.message);
  }
}
