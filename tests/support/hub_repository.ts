/** A repository of the hub for tests: commits, revisions, and files in memory or on disk. */

import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join, sep } from "node:path";

/** Contents of a file: text, bytes, or a file on disk, which is streamed and never read whole. */
export type HubContent = string | Uint8Array | { readonly path: string };

/** Files by path. */
export type HubFiles = Readonly<Record<string, HubContent>>;

/** A file at a commit. */
export interface ServedFile {
  readonly size: number;
  /** The id of its git object; for a large file that of the pointer that git has in its place. */
  readonly gitId: string;
  /** SHA-256, of a file in large file storage only. */
  readonly sha256?: string;
  /** The bytes from `start` to before `end`. */
  read(start: number, end: number): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

/** Who may read a repository. */
export interface HubAccess {
  /** A gated one shows its list of files to all and its contents to readers; default public. */
  readonly access?: "public" | "gated" | "private";
  /** Tokens of those who may read it. */
  readonly readers?: readonly string[];
}

/** Which files the hub has in large file storage. */
const LARGE = /\.(?:safetensors|bin|parquet|model)$/;

const PIECE = 1 << 18;

/** A repository that can be given commits. */
export class ServedRepository {
  readonly type: "model" | "dataset";
  readonly id: string;
  readonly access: "public" | "gated" | "private";
  readonly readers: readonly string[];
  readonly #commits = new Map<string, ReadonlyMap<string, ServedFile>>();
  readonly #revisions = new Map<string, string>();

  constructor(type: "model" | "dataset", id: string, access: HubAccess = {}) {
    this.type = type;
    this.id = id;
    this.access = access.access ?? "public";
    this.readers = access.readers ?? [];
  }

  /**
   * Makes a commit of exactly these files and moves a revision to it.
   *
   * @returns its hash, which follows from the repository and the files
   */
  async commit(files: HubFiles, revision = "main"): Promise<string> {
    const served = new Map<string, ServedFile>();
    for (const [path, content] of Object.entries(files)) {
      served.set(path, await servedFile(path, content));
    }
    const tree = [...served].map(([path, { gitId }]) => `${path} ${gitId}`);
    const commit = sha1([this.type, this.id, ...tree].join("\n"));
    this.#commits.set(commit, served);
    this.#revisions.set(revision, commit);
    return commit;
  }

  /** The commit that a branch, a tag or a commit stands for. */
  resolve(revision: string): string | undefined {
    return this.#commits.has(revision) ? revision : this.#revisions.get(revision);
  }

  /** The files of a commit. */
  files(commit: string): ReadonlyMap<string, ServedFile> {
    return this.#commits.get(commit)!;
  }
}

/** The files below a folder, to be served from the disk. */
export function filesBelow(folder: string): HubFiles {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(
    paths.sort().map((path) => [path.split(sep).join("/"), { path: join(folder, path) }]),
  );
}

/** SHA-256 in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The id of git's object for a file's contents. */
export function gitId(content: string | Uint8Array): string {
  const size = typeof content === "string"
    ? new TextEncoder().encode(content).length
    : content.length;
  return createHash("sha1").update(`blob ${size}\0`).update(content).digest("hex");
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

async function servedFile(path: string, content: HubContent): Promise<ServedFile> {
  if (typeof content === "object" && "path" in content) {
    const size = statSync(content.path).size;
    const read = (start: number, end: number) => streamOf(content.path, start, end);
    // Of small files on disk git's id is wanted, for which they are read like those in memory.
    if (!LARGE.test(path)) return { size, gitId: gitId(Deno.readFileSync(content.path)), read };
    return large(size, await digestOnDisk(content.path), read);
  }
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : new Uint8Array(content);
  const read = (start: number, end: number) => bytes.slice(start, end);
  if (!LARGE.test(path)) return { size: bytes.length, gitId: gitId(bytes), read };
  return large(bytes.length, sha256(bytes), read);
}

/** A file in large file storage; git has a pointer of three lines in its place. */
function large(size: number, sha256: string, read: ServedFile["read"]): ServedFile {
  const pointer =
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`;
  return { size, gitId: gitId(pointer), sha256, read };
}

/** Digests of files on disk, by path, size and time: gigabytes are hashed once. */
const digests = new Map<string, Promise<string>>();

function digestOnDisk(path: string): Promise<string> {
  const { size, mtimeMs } = statSync(path);
  const key = `${path} ${size} ${mtimeMs}`;
  const digest = digests.get(key) ?? hashStream(streamOf(path, 0, size));
  digests.set(key, digest);
  return digest;
}

async function hashStream(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of stream) hash.update(piece);
  return hash.digest("hex");
}

/** The file is opened when the first piece is asked for: not all answers are read. */
function streamOf(path: string, start: number, end: number): ReadableStream<Uint8Array> {
  let file: Deno.FsFile | undefined;
  let left = end - start;
  return new ReadableStream({
    async pull(controller) {
      if (file === undefined) {
        file = Deno.openSync(path);
        file.seekSync(start, Deno.SeekMode.Start);
      }
      const piece = new Uint8Array(Math.min(PIECE, left));
      const read = left > 0 ? await file.read(piece) : null;
      if (read !== null) {
        left -= read;
        return controller.enqueue(piece.subarray(0, read));
      }
      file.close();
      controller.close();
    },
    cancel: () => file?.close(),
  }, { highWaterMark: 0 });
}
