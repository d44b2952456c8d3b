/**
 * A Hugging Face hub in this process, on 127.0.0.1, for tests: models and datasets with revisions,
 * gated and private ones, large files on a second port as on the real hub's storage, a log of all
 * requests, and faults on demand. It speaks the part of the protocol that Python's huggingface_hub
 * needs to download files:
 *
 * ```ts
 * await using hub = HubServer.start();
 * const model = await hub.add("model", "org/name", { "config.json": "{}" });
 * hub.inject(/config/, cutAfter(1));
 * // HF_ENDPOINT=hub.endpoint
 * ```
 */

import type { HubFault, HubRequestLog } from "./hub_faults.ts";
import {
  type HubAccess,
  type HubFiles,
  type ServedFile,
  ServedRepository,
} from "./hub_repository.ts";

export * from "./hub_faults.ts";
export * from "./hub_repository.ts";

/** A fault that waits for its requests. */
interface Injected {
  readonly on: RegExp;
  readonly fault: HubFault;
  left: number;
}

/** A hub that runs until it is disposed of. */
export class HubServer implements AsyncDisposable {
  /** All requests, in the order in which they were answered. */
  readonly requests: HubRequestLog[] = [];
  readonly #repositories = new Map<string, ServedRepository>();
  /** Former names of repositories, with the present ones. */
  readonly #renamed = new Map<string, string>();
  /** Tokens of accounts that may read nothing in particular. */
  readonly #tokens = new Set<string>();
  readonly #large = new Map<string, ServedFile>();
  #faults: Injected[] = [];
  readonly #closing = new AbortController();
  readonly #hub = this.#serve("hub", (request) => this.#answer(request));
  readonly #storage = this.#serve("storage", (request) => this.#stored(request));

  private constructor() {}

  /** Starts a hub without repositories. */
  static start(): HubServer {
    return new HubServer();
  }

  /** The hub's address, for `HF_ENDPOINT`. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** `127.0.0.1` with the port of the hub. */
  get host(): string {
    return new URL(this.endpoint).host;
  }

  /** `127.0.0.1` with the port of the storage. */
  get storageHost(): string {
    return `127.0.0.1:${this.#storage.addr.port}`;
  }

  /** Adds a repository with a first commit on `main`. */
  async add(
    type: "model" | "dataset",
    id: string,
    files: HubFiles,
    access: HubAccess = {},
  ): Promise<ServedRepository> {
    const repository = new ServedRepository(type, id, access);
    await repository.commit(files);
    this.#repositories.set(`${type}s/${id}`, repository);
    for (const token of repository.readers) this.#tokens.add(token);
    return repository;
  }

  /** Makes a token one of an account that is on no list of readers. */
  addToken(token: string): void {
    this.#tokens.add(token);
  }

  /** Gives a repository another name; the old one is redirected. */
  rename(type: "model" | "dataset", from: string, to: string): void {
    this.#repositories.set(`${type}s/${to}`, this.#repositories.get(`${type}s/${from}`)!);
    this.#repositories.delete(`${type}s/${from}`);
    this.#renamed.set(`${type}s/${from}`, to);
  }

  /**
   * Spoils the next `times` requests of either server whose "METHOD path" matches. Paths at the
   * storage begin with `/storage/`. Of several faults the one that was injected first is taken.
   */
  inject(on: RegExp, fault: HubFault, times = 1): void {
    this.#faults.push({ on, fault, left: times });
  }

  /** Takes back all faults. */
  heal(): void {
    this.#faults = [];
  }

  /** Stops both servers, and what stalls. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#hub.shutdown(), this.#storage.shutdown()]);
  }

  #serve(
    at: "hub" | "storage",
    answer: (request: Request) => Response,
  ): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { method, headers } = request;
      const path = decodeURIComponent(new URL(request.url).pathname);
      const fault = this.#faultFor(`${method} ${path}`);
      const honest = answer(fault?.request?.(request) ?? request);
      const response = fault?.response?.(honest, this.#closing.signal) ?? honest;
      const [range, authorization] = [headers.get("range"), headers.get("authorization")];
      this.requests.push({ at, method, path, range, authorization, status: response.status });
      if (method !== "HEAD") return response;
      return new Response(null, { status: response.status, headers: response.headers });
    });
  }

  #faultFor(line: string): HubFault | undefined {
    const found = this.#faults.find(({ on, left }) => left > 0 && on.test(line));
    if (found !== undefined) found.left--;
    return found?.fault;
  }

  /** What the hub itself answers. */
  #answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    const api = /^\/api\/(models|datasets)\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(pathname);
    const file = /^\/(datasets\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
    const parts = api ?? file;
    if (parts === null) return refuse(404, "RepoNotFound");
    const kind = api ? api[1]! : file![1] ? "datasets" : "models";
    const renamed = this.#renamed.get(`${kind}/${parts[2]!}`);
    if (renamed !== undefined) {
      const location = pathname.replace(parts[2]!, renamed);
      return new Response(null, { status: 307, headers: { location } });
    }
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "");
    if (token !== undefined && !this.#tokens.has(token)) {
      return refuse(401, null, "Invalid credentials in Authorization header");
    }
    const repository = this.#repositories.get(`${kind}/${parts[2]!}`);
    const reads = token !== undefined && repository?.readers.includes(token) === true;
    if (repository === undefined || (repository.access === "private" && !reads)) {
      return refuse(token === undefined ? 401 : 404, "RepoNotFound", "Repository not found");
    }
    if (file && repository.access === "gated" && !reads) {
      return refuse(token === undefined ? 401 : 403, "GatedRepo", "Access is restricted");
    }
    const commit = repository.resolve(decodeURIComponent(api ? api[4]! : file![3]!));
    if (commit === undefined) return refuse(404, "RevisionNotFound", "Invalid rev id");
    if (file) return this.#resolve(repository, commit, decodeURIComponent(file[4]!), request);
    return api![3] === "tree" ? treeOf(repository, commit) : infoOf(repository, commit);
  }

  /** A file, or the way to it. */
  #resolve(
    repository: ServedRepository,
    commit: string,
    path: string,
    request: Request,
  ): Response {
    const file = repository.files(commit).get(path);
    const headers: Record<string, string> = { "x-repo-commit": commit };
    if (file === undefined) return refuse(404, "EntryNotFound", "Entry not found", headers);
    headers["etag"] = `"${file.gitId}"`;
    if (file.sha256 === undefined) return partOf(file, request, headers);
    this.#large.set(file.sha256, file);
    return new Response(null, {
      status: 302,
      headers: {
        ...headers,
        "x-linked-etag": `"${file.sha256}"`,
        "x-linked-size": String(file.size),
        location: `http://${this.storageHost}/storage/${file.sha256}?signature=valid`,
      },
    });
  }

  /** What the storage answers: like S3 it refuses requests that are both signed and authorized. */
  #stored(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (request.headers.has("authorization")) return new Response(null, { status: 400 });
    if (searchParams.get("signature") !== "valid") return new Response(null, { status: 403 });
    const digest = pathname.replace("/storage/", "");
    return partOf(this.#large.get(digest)!, request, { etag: `"md5-of-${digest}"` });
  }
}

/** A whole file or the range that is asked for. */
function partOf(file: ServedFile, request: Request, headers: Record<string, string>): Response {
  const { size } = file;
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]) + 1, size) : size;
  if (range && start >= size) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${size}` } });
  }
  return new Response(request.method === "HEAD" ? null : file.read(start, end), {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      "accept-ranges": "bytes",
      "content-length": String(end - start),
      ...range && { "content-range": `bytes ${start}-${end - 1}/${size}` },
    },
  });
}

function refuse(
  status: number,
  code: string | null,
  message = "",
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error: message }, {
    status,
    headers: {
      ...headers,
      ...code === null ? {} : { "x-error-code": code },
      "x-error-message": message,
    },
  });
}

function infoOf(repository: ServedRepository, sha: string): Response {
  return Response.json({
    id: repository.id,
    sha,
    private: repository.access === "private",
    gated: repository.access === "gated" ? "manual" : false,
    tags: [],
    siblings: [...repository.files(sha).keys()].map((rfilename) => ({ rfilename })),
  });
}

function treeOf(repository: ServedRepository, commit: string): Response {
  return Response.json(
    [...repository.files(commit)].map(([path, { size, gitId, sha256 }]) => ({
      type: "file",
      path,
      size,
      oid: gitId,
      ...sha256 === undefined ? {} : { lfs: { oid: sha256, size, pointerSize: 134 } },
    })),
  );
}
