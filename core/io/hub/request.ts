/** One request of the hub: its redirects, whom the token is shown to, and connections that die. */

import { HubUnavailable } from "./patience.ts";
import type { HubSettings } from "./settings.ts";

/** What all requests of a download share. */
export interface Connection {
  readonly settings: HubSettings;
  /** Seconds without a byte after which a connection counts as dead. */
  readonly stallSeconds: number;
  /** Stops everything. */
  readonly signal: AbortSignal;
}

/** What is asked. */
export interface HubRequest {
  readonly method: "GET" | "HEAD";
  readonly address: string;
  /** For messages, as after "Cannot": `download config.json of the model a/b`. */
  readonly action: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answer with a redirect that leads away from the hub, instead of following it. */
  readonly stayHome?: boolean;
}

/** What came back. */
export interface HubAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Host that answered, with its port. */
  readonly host: string;
  /** Whether it was the hub itself, not a place that it redirects to. */
  readonly home: boolean;
  /** The body, a piece at a time. */
  chunks(): AsyncIterable<Uint8Array>;
}

const MOST_REDIRECTS = 10;

/** Marks an abort by the clock. */
const STALLED = Symbol("stalled");

/**
 * Sends a request and hands its answer to `handle`; the connection is released when that is done.
 * Redirects are followed, but only the hub's own origin is shown the token.
 *
 * @throws {HubUnavailable} when the host cannot be reached, or the connection is cut or stalls, also
 *   while `handle` reads the body.
 * @throws {Deno.errors.NotCapable} without the permission to reach the host.
 */
export async function send<T>(
  request: HubRequest,
  connection: Connection,
  handle: (answer: HubAnswer) => Promise<T>,
): Promise<T> {
  const { settings } = connection;
  const watch = new Watch(connection, request.action);
  const origin = new URL(settings.endpoint).origin;
  let url = new URL(request.address);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const home = url.origin === origin;
    const headers = new Headers(request.headers);
    // Sizes and ranges are those of the file itself.
    headers.set("accept-encoding", "identity");
    if (home && settings.token) headers.set("authorization", `Bearer ${settings.token.value}`);
    const response = await watch.during(
      url,
      () =>
        fetch(url, { method: request.method, headers, redirect: "manual", signal: watch.signal }),
    );
    try {
      const target = redirectTarget(response, url);
      if (target === undefined || (request.stayHome === true && target.origin !== origin)) {
        const { status, headers } = response;
        const chunks = () => piecesOf(response, watch, url);
        return await handle({ status, headers, host: url.host, home, chunks });
      }
      url = target;
    } finally {
      await release(response.body);
    }
  }
  throw new HubUnavailable(
    request.action,
    `${url.host} redirects more than ${MOST_REDIRECTS} times`,
    "check HF_ENDPOINT",
    { passing: false },
  );
}

function redirectTarget({ status, headers }: Response, url: URL): URL | undefined {
  const location = headers.get("location");
  if (location === null || status < 300 || status >= 400) return undefined;
  const target = URL.parse(location, url.href);
  return target !== null && /^https?:$/.test(target.protocol) ? target : undefined;
}

/** Gives a connection up when it sends nothing for too long, and says so. */
class Watch {
  /** Aborts what is waited for: by the clock, or for whoever stops everything. */
  readonly signal: AbortSignal;
  readonly #clock = new AbortController();
  readonly #connection: Connection;
  readonly #action: string;

  constructor(connection: Connection, action: string) {
    this.#connection = connection;
    this.#action = action;
    this.signal = AbortSignal.any([this.#clock.signal, connection.signal]);
  }

  /** What `wait` brings; the clock runs only while it is waited for. */
  async during<T>(url: URL, wait: () => Promise<T>): Promise<T> {
    const { stallSeconds } = this.#connection;
    const timer = setTimeout(() => this.#clock.abort(STALLED), stallSeconds * 1000);
    try {
      return await wait();
    } catch (error) {
      throw this.#explain(error, url);
    } finally {
      clearTimeout(timer);
    }
  }

  #explain(error: unknown, { host }: URL): unknown {
    const { settings: { cache }, signal, stallSeconds } = this.#connection;
    if (signal.aborted) return signal.reason;
    const unavailable = (reason: string) =>
      new HubUnavailable(
        this.#action,
        reason,
        `check the connection and run again, or set HF_HUB_OFFLINE=1 to use only the cache ${cache}`,
      );
    if (error === STALLED) return unavailable(`${host} sent nothing for ${stallSeconds} seconds`);
    // Deno throws TypeErrors for the network; a missing permission is another kind, and passes.
    if (!(error instanceof TypeError)) return error;
    return unavailable(`the connection to ${host} failed (${causeOf(error)})`);
  }
}

/** What went wrong, without the address and the names of Deno's layers. */
function causeOf(error: TypeError): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message
    .replace(/^error sending request for url \(.*?\): /, "")
    .replace(/^client error \(\w+\): /, "")
    .replaceAll(/\s+/g, " ");
}

async function* piecesOf(response: Response, watch: Watch, url: URL): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await watch.during(url, () => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

/** Ends a body that nobody reads to its end. */
async function release(body: ReadableStream<Uint8Array> | null): Promise<void> {
  try {
    await body?.cancel();
  } catch {
    // A body that broke off has nothing left to release, and its failure is reported already.
  }
}
