/** What the hub tells of a repository, checked: its commit, its files, and the bytes of a file. */

import { isJsonObject } from "../json.ts";
import { isDigest } from "./digest.ts";
import { HubUnavailable, type Patience, persist } from "./patience.ts";
import { refusal } from "./refusal.ts";
import {
  described,
  fileAddress,
  type HubRepository,
  isCommit,
  isSafePath,
  listAddress,
} from "./repository.ts";
import { type Connection, type HubAnswer, type HubRequest, send } from "./request.ts";

/** The files of a repository at a commit. */
export interface Listing {
  readonly commit: string;
  readonly files: readonly string[];
}

/** What identifies the contents of a file. */
export interface RemoteFile {
  readonly path: string;
  /** SHA-256 of a file in large file storage, git's SHA-1 of any other; in hexadecimal. */
  readonly digest: string;
  /** Bytes; absent where the hub does not say. */
  readonly size?: number;
}

/** A repository of the hub, as asked over a connection. */
export class RemoteRepository {
  readonly #repository: HubRepository;
  readonly #connection: Connection;
  readonly #patience: Patience;

  constructor(repository: HubRepository, connection: Connection, patience: Patience) {
    this.#repository = repository;
    this.#connection = connection;
    this.#patience = patience;
  }

  /**
   * Commit and files of a revision.
   *
   * @param attempts tries in a row, when not those of the patience
   * @throws {UserError} when the hub refuses; a {@link HubUnavailable} when it gives no answer.
   */
  async list(revision: string, attempts = this.#patience.attempts): Promise<Listing> {
    const request: HubRequest = {
      method: "GET",
      address: listAddress(this.#connection.settings.endpoint, this.#repository, revision),
      action: `find ${revision} of ${described(this.#repository)}`,
    };
    const text = await persist(
      () => this.#send(request, textOf),
      { ...this.#patience, attempts },
    );
    const garbage = (what: string) => this.#garbage(request.action, what);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw garbage("it is not JSON");
    }
    const { sha, siblings } = isJsonObject(value) ? value : {};
    if (typeof sha !== "string" || !isCommit(sha)) throw garbage("it names no commit");
    if (isCommit(revision) && sha !== revision) throw garbage(`it is about the commit ${sha}`);
    if (!Array.isArray(siblings)) throw garbage("it lists no files");
    const files = siblings.map((each: unknown) => {
      const file = isJsonObject(each) ? each["rfilename"] : each;
      if (typeof file === "string" && isSafePath(file)) return file;
      throw garbage(`it lists a file ${JSON.stringify(file)}`);
    });
    return { commit: sha, files };
  }

  /**
   * Digest and size of a file, from the first answer on the way to it: the storage that large files
   * are redirected to does not know them.
   *
   * @throws {UserError} as {@link list}.
   */
  async describe(commit: string, path: string): Promise<RemoteFile> {
    const request: HubRequest = { ...this.#file(commit, path), method: "HEAD", stayHome: true };
    const garbage = (what: string) => this.#garbage(request.action, what);
    const headers = await persist(
      () => this.#send(request, ({ headers }) => Promise.resolve(headers)),
      this.#patience,
    );
    if (headers.get("x-repo-commit") !== commit) throw garbage("it names no such commit");
    const etag = headers.get("x-linked-etag") ?? headers.get("etag") ?? "";
    const digest = etag.replace(/^W\//, "").replaceAll('"', "");
    if (!isDigest(digest)) throw garbage("it gives no checksum");
    // The length of a redirect, or of a compressed body, is not that of the file.
    const plain = !headers.has("location") && !headers.has("content-encoding");
    const size = headers.get("x-linked-size") ?? (plain ? headers.get("content-length") : null);
    return /^\d+$/.test(size ?? "") ? { path, digest, size: Number(size) } : { path, digest };
  }

  /**
   * One try to get a file's bytes from the byte `from` on.
   *
   * @param handle is given the place of the first byte, at most `from`, or none where the hub does
   *   not go on from there; and the bytes
   * @throws {UserError} as {@link list}.
   */
  async receive(
    commit: string,
    path: string,
    from: number,
    handle: (start: number | undefined, chunks: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<void> {
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    await this.#send({ ...this.#file(commit, path), method: "GET", headers }, (answer) => {
      if (answer.status !== 206 && answer.status !== 416) return handle(0, answer.chunks());
      const start = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1];
      const usable = start !== undefined && Number(start) <= from;
      return handle(usable ? Number(start) : undefined, answer.chunks());
    });
  }

  /** What fails when a file cannot be had, as after "Cannot". */
  downloading(path: string): string {
    return `download ${path} of ${described(this.#repository)}`;
  }

  /** An error for an answer that no hub gives. */
  #garbage(action: string, what: string): HubUnavailable {
    return new HubUnavailable(
      action,
      `${this.#connection.settings.endpoint} answers as no hub does (${what})`,
      "check HF_ENDPOINT, and that no proxy or login page is in between",
      { passing: false },
    );
  }

  #file(commit: string, path: string): Pick<HubRequest, "address" | "action"> {
    const { endpoint } = this.#connection.settings;
    return {
      address: fileAddress(endpoint, this.#repository, commit, path),
      action: this.downloading(path),
    };
  }

  /** Sends a request; a refusal is thrown, save that of a range (416). */
  #send<T>(request: HubRequest, handle: (answer: HubAnswer) => Promise<T>): Promise<T> {
    return send(request, this.#connection, (answer) => {
      if (answer.status < 400 || (answer.status === 416 && request.headers?.["range"])) {
        return handle(answer);
      }
      throw refusal(answer, request.action, this.#repository, this.#connection.settings);
    });
  }
}

async function textOf(answer: HubAnswer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.chunks()) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
