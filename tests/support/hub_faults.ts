/** What can go wrong between a hub and its client, to be injected into the hub for tests. */

/** A request as the hub's log has it. */
export interface HubRequestLog {
  /** The hub itself, or the storage that it redirects to for large files, on another port. */
  readonly at: "hub" | "storage";
  readonly method: string;
  /** Decoded, without what follows a `?`. */
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
  /** Status of the answer. */
  readonly status: number;
}

/** How an answer is spoiled. */
export interface HubFault {
  /** Changes a request before it is answered. */
  readonly request?: (request: Request) => Request;
  /** Changes the answer, or gives another one; `closing` is aborted when the hub closes. */
  readonly response?: (response: Response, closing: AbortSignal) => Response;
}

/** Another answer altogether. */
export function answers(status: number, headers: Record<string, string> = {}, body = ""): HubFault {
  return { response: () => new Response(body === "" ? null : body, { status, headers }) };
}

/** A page for people, as a login page or a proxy would give it. */
export function garbage(): HubFault {
  return answers(200, { "content-type": "text/html" }, "<!doctype html>\n<p>Please log in.</p>\n");
}

/** The connection ends after so many bytes of the body. */
export function cutAfter(bytes: number): HubFault {
  return { response: (response) => respoiled(response, firstBytes(response, bytes)) };
}

/** After so many bytes of the body nothing comes any more, and the connection stays open. */
export function stallAfter(bytes: number): HubFault {
  return {
    response: (response, closing) =>
      respoiled(response, firstBytes(response, bytes, () => aborted(closing))),
  };
}

/** The first byte of the body is another one. */
export function corrupted(): HubFault {
  return {
    response(response) {
      let first = true;
      const flip = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          const copy = piece.slice();
          if (first) copy[0]! ^= 1;
          first = false;
          controller.enqueue(copy);
        },
      });
      return respoiled(response, response.body?.pipeThrough(flip) ?? null);
    },
  };
}

/** The hub sends files whole, whatever part is asked for. */
export function ignoresRange(): HubFault {
  return {
    request(request) {
      const headers = new Headers(request.headers);
      headers.delete("range");
      return new Request(request.url, { method: request.method, headers });
    },
  };
}

/** The answer without some of its headers. */
export function without(...names: readonly string[]): HubFault {
  return {
    response(response) {
      const headers = new Headers(response.headers);
      for (const name of names) headers.delete(name);
      return new Response(response.body, { status: response.status, headers });
    },
  };
}

function respoiled({ status, headers }: Response, body: ReadableStream | null): Response {
  return new Response(body, { status, headers });
}

/** The first bytes of a body; the length that was promised stays, so that the rest is missed. */
function firstBytes(
  { body }: Response,
  bytes: number,
  then: () => Promise<void> = () => Promise.resolve(),
): ReadableStream<Uint8Array> | null {
  const reader = body?.getReader();
  if (reader === undefined) return null;
  let left = bytes;
  return new ReadableStream({
    async pull(controller) {
      const { value } = left > 0 ? await reader.read() : {};
      if (value !== undefined) {
        controller.enqueue(value.subarray(0, left));
        left -= value.length;
        return;
      }
      await reader.cancel();
      await then();
      controller.close();
    },
    cancel: () => reader.cancel(),
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
