/**
 * `deno task watch`: the report of runs that are still going on, on this machine only.
 *
 *   GET  /          the page, with all there is
 *   GET  /events    server-sent events: which version of each run there is now
 *   POST /changes   the runs that are asked for by the names that /events gave
 *
 * No path of a request ever meets the disk: runs are found by name among those that were read. The
 * server listens on the loopback address, and answers only those who call it by it: another site
 * that gets its own name resolved to this machine is refused by the `Host` it sends.
 */

import { z } from "zod";
import { UserError } from "../../contracts/errors.ts";
import { explainFailure } from "../../io/failures.ts";
import { reportPage } from "../../report/page.ts";
import { type PageData } from "../../report/page_data.ts";
import { PageSource, pageVersions } from "./page_source.ts";

const LOOPBACK = "127.0.0.1";
/** Where the page is unless something else is there: a page that was left open finds it again. */
const USUAL_PORT = 4747;
/** Milliseconds between two looks at the folder, and between two signs of life. */
const INTERVAL = 1000;
const SIGN_OF_LIFE = 10_000;
/** Bytes of a request; longer ones are none of ours. */
const LONGEST_REQUEST = 1 << 20;

const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const wanted = z.object({ runs: z.array(z.string()), rest: z.boolean() });

/** How to serve. */
export interface WatchOptions {
  /** Folder of results. */
  readonly results: string;
  /** A port, 0 for any free one; absent: the usual one where it is free. */
  readonly port?: number | undefined;
  /** Milliseconds between two looks at the folder; default 1000. */
  readonly interval?: number;
  /** Takes what goes wrong while it runs, a line each; default stderr. */
  readonly complain?: (line: string) => void;
}

/** A server that runs. Dispose of it to stop it. */
export interface WatchServer extends AsyncDisposable {
  /** `http://127.0.0.1:4747/` */
  readonly address: string;
  /** Settles when the server has ended. */
  readonly finished: Promise<void>;
}

/**
 * Serves the report of a folder and follows it.
 *
 * @throws {UserError} when the port is taken, or the folder may not be read.
 */
export function watchResults(options: WatchOptions): WatchServer {
  const follower = new Follower(options);
  follower.read();
  const server = listen(options.port, (request, port) => answer(request, port, follower));
  return {
    address: `http://${LOOPBACK}:${server.addr.port}/`,
    finished: server.finished,
    [Symbol.asyncDispose]: async () => {
      follower.stop();
      await server.shutdown();
    },
  };
}

type Answer = (request: Request, port: number) => Response | Promise<Response>;

function listen(port: number | undefined, answerTo: Answer): Deno.HttpServer<Deno.NetAddr> {
  const serve = (at: number) => {
    const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
      { hostname: LOOPBACK, port: at, onListen: () => {} },
      (request) => answerTo(request, server.addr.port),
    );
    return server;
  };
  try {
    return serve(port ?? USUAL_PORT);
  } catch (error) {
    if (port === undefined && error instanceof Deno.errors.AddrInUse) return serve(0);
    if (error instanceof Deno.errors.AddrInUse) {
      throw new UserError(`Port ${port} is taken: choose another --port, or leave it out`);
    }
    throw explainFailure(error, "listen on port", String(port));
  }
}

async function answer(request: Request, port: number, follower: Follower): Promise<Response> {
  const own = [`${LOOPBACK}:${port}`, `localhost:${port}`];
  if (!own.includes(request.headers.get("host") ?? "")) return refuse(403, "not for this name");
  const origin = request.headers.get("origin");
  if (origin !== null && !own.some((host) => origin === `http://${host}`)) {
    return refuse(403, "not for other sites");
  }
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /": {
      const page = await reportPage(follower.read(), { live: true });
      return new Response(page, headers("text/html; charset=utf-8"));
    }
    case "GET /events":
      return new Response(follower.events(), headers("text/event-stream"));
    case "POST /changes":
      return await changes(request, follower);
    default:
      return refuse(404, "there is nothing here");
  }
}

async function changes(request: Request, follower: Follower): Promise<Response> {
  if (!/^application\/json\b/.test(request.headers.get("content-type") ?? "")) {
    return refuse(415, "it takes JSON");
  }
  const length = Number(request.headers.get("content-length") ?? NaN);
  if (!(length <= LONGEST_REQUEST)) return refuse(413, "too long");
  const asked = wanted.safeParse(await request.json().catch(() => undefined));
  if (!asked.success) return refuse(400, 'it takes {"runs": [names], "rest": true or false}');
  const names = new Set(asked.data.runs);
  const { runs, rest } = follower.latest;
  const found = runs.filter(({ id }) => names.has(id));
  const body = JSON.stringify({ runs: found, ...(asked.data.rest ? { rest } : {}) });
  return new Response(body, headers("application/json"));
}

function headers(type: string): ResponseInit {
  return { headers: { ...HEADERS, "content-type": type } };
}

function refuse(status: number, why: string): Response {
  return new Response(`${why}\n`, { status, ...headers("text/plain; charset=utf-8") });
}

/** Looks at the folder for as long as somebody listens, and tells them what is there. */
class Follower {
  readonly #source: PageSource;
  readonly #interval: number;
  readonly #complain: (line: string) => void;
  readonly #listeners = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told = "";
  #toldAt = 0;
  #trouble = "";
  latest!: PageData;

  constructor({ results, interval = INTERVAL, complain = console.error }: WatchOptions) {
    this.#source = new PageSource(results);
    this.#interval = interval;
    this.#complain = complain;
  }

  /** What is in the folder now. @throws {UserError} where it may not be read. */
  read(): PageData {
    return this.latest = this.#source.read();
  }

  /** A stream that begins with what is there now. */
  events(): ReadableStream<Uint8Array> {
    let own: ReadableStreamDefaultController<Uint8Array>;
    return new ReadableStream({
      start: (controller) => {
        own = controller;
        this.#listeners.add(controller);
        // Told at once, whatever was told to others.
        this.#told = "";
        clearTimeout(this.#timer);
        this.#look();
      },
      cancel: () => void this.#listeners.delete(own),
    });
  }

  /** Ends all streams. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
  }

  #look(): void {
    if (this.#listeners.size === 0) return;
    const started = performance.now();
    try {
      const { readAt, ...versions } = pageVersions(this.read());
      const now = JSON.stringify(versions);
      if (now !== this.#told || started - this.#toldAt > SIGN_OF_LIFE) {
        this.#told = now;
        this.#toldAt = started;
        this.#tell(`event: versions\ndata: ${JSON.stringify({ ...versions, readAt })}\n\n`);
      }
      this.#trouble = "";
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.message !== this.#trouble) this.#complain(error.message);
      this.#trouble = error.message;
    }
    // A large folder is looked at less often.
    const pause = Math.max(this.#interval, 5 * (performance.now() - started));
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  #tell(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (const listener of this.#listeners) {
      try {
        listener.enqueue(bytes);
      } catch {
        // It went away and the stream was not told yet.
        this.#listeners.delete(listener);
      }
    }
  }
}
