/**
 * Which files of the cache were found whole, so that gigabytes are not hashed at every start. As in
 * git's index a file counts as unchanged while its size and its time of modification are those that
 * were written down.
 */

import fs from "node:fs";
import { join, relative } from "node:path";
import { writeFileAtomic } from "../atomic.ts";
import { explainFailure } from "../failures.ts";
import { isJsonObject } from "../json.ts";
import type { RepositoryCache } from "./cache.ts";
import { hasDigest, isDigest } from "./digest.ts";

/** A file as it was when its contents had the digest. */
interface Verified {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Time of modification, in milliseconds since 1970. */
  readonly modified: number;
}

/** Hashing more than this takes seconds, and is announced. */
const ANNOUNCED = 2 ** 30;

/** The memory of one repository, kept in `.dlr/verified.json` of its folder. */
export class VerifiedFiles {
  readonly #folder: string;
  readonly #path: string;
  readonly #onNote: (line: string) => void;
  readonly #known: Map<string, Verified>;
  readonly #fresh = new Map<string, Verified>();

  /** @param onNote is told, in a line, before a large file is hashed */
  constructor(cache: RepositoryCache, onNote: (line: string) => void) {
    this.#folder = cache.folder;
    this.#path = cache.own("verified.json");
    this.#onNote = onNote;
    this.#known = readRecords(this.#path);
  }

  /** The digest that a file had when it was last found whole. */
  digestOf(path: string): string | undefined {
    return this.#known.get(relative(this.#folder, path))?.digest;
  }

  /** Whether the contents of a file have the digest; hashed unless that is known. */
  async isWhole(path: string, digest: string): Promise<boolean> {
    const name = relative(this.#folder, path);
    try {
      const now = recordOf(path, digest);
      if (sameRecord(this.#known.get(name), now)) return true;
      if (now.size >= ANNOUNCED) {
        this.#onNote(`checking ${path} (${(now.size / 1e9).toFixed(1)} GB) against its checksum`);
      }
      if (!await hasDigest(path, digest)) return false;
      this.remember(path, digest);
      return true;
    } catch (error) {
      throw explainFailure(error, "read", path);
    }
  }

  /** Takes note of a file whose contents were just seen to have the digest. */
  remember(path: string, digest: string): void {
    const name = relative(this.#folder, path);
    const record = recordOf(path, digest);
    this.#known.set(name, record);
    this.#fresh.set(name, record);
  }

  /** Whether there is anything to {@link save}. */
  get changed(): boolean {
    return this.#fresh.size > 0;
  }

  /**
   * Writes down what was found whole, beside what others wrote down meanwhile. Under the lock of the
   * repository.
   */
  save(): void {
    const all = new Map([...readRecords(this.#path), ...this.#fresh]);
    const files: Record<string, Verified> = {};
    for (const [name, record] of [...all].sort(([a], [b]) => a < b ? -1 : 1)) {
      if (fs.existsSync(join(this.#folder, name))) files[name] = record;
    }
    writeFileAtomic(this.#path, JSON.stringify({ version: 1, files }, null, 1) + "\n");
    this.#fresh.clear();
  }
}

function recordOf(path: string, digest: string): Verified {
  const { size, mtimeMs } = fs.statSync(path);
  return { digest, size, modified: mtimeMs };
}

function sameRecord(a: Verified | undefined, b: Verified): boolean {
  return a?.digest === b.digest && a.size === b.size && a.modified === b.modified;
}

/** What was written down; nothing where that is missing or damaged, for then it is found out anew. */
function readRecords(path: string): Map<string, Verified> {
  const records = new Map<string, Verified>();
  let content: unknown;
  try {
    content = JSON.parse(fs.readFileSync(path, "utf8"));
  } catch {
    return records;
  }
  if (!isJsonObject(content) || content["version"] !== 1) return records;
  for (
    const [name, value] of Object.entries(isJsonObject(content["files"]) ? content["files"] : {})
  ) {
    const { digest, size, modified } = isJsonObject(value) ? value : {};
    if (typeof digest === "string" && isDigest(digest)) {
      records.set(name, { digest, size: Number(size), modified: Number(modified) });
    }
  }
  return records;
}
