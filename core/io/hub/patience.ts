/** What may be over in a moment: failures of the network, and trying again. */

import { UserError } from "../../contracts/errors.ts";

/** The hub could not be asked, or gave no answer of a hub: nothing is said about the repository. */
export class HubUnavailable extends UserError {
  /** What happened, without what was tried and what to do about it. */
  readonly reason: string;
  /** Whether trying again may help. */
  readonly passing: boolean;
  /** How long the hub asks to be left alone, in seconds. */
  readonly wait: number | undefined;

  /** An error that reads "Cannot `action`: `reason`; `remedy`". */
  constructor(
    action: string,
    reason: string,
    remedy: string,
    { passing = true, wait }: { passing?: boolean; wait?: number | undefined } = {},
  ) {
    super(`Cannot ${action}: ${reason}; ${remedy}`);
    this.reason = reason;
    this.passing = passing;
    this.wait = wait;
  }
}

/** How things are waited for. */
export interface Waiting {
  /** Is told, in a line, why something takes longer. */
  readonly onNote: (line: string) => void;
  /** Ends the waiting, with its reason as the error. */
  readonly signal: AbortSignal;
}

/** How failures that may pass are met. */
export interface Patience extends Waiting {
  /** Tries in a row that may bring nothing. */
  readonly attempts: number;
  /** Waits before the next try. */
  readonly pause: (seconds: number) => Promise<void>;
}

/** A hub that asks for more than this many seconds is not waited for; its windows last 300. */
const LONGEST_WAIT = 300;

/**
 * What `attempt` returns, tried again while it fails with a {@link HubUnavailable} that may pass:
 * after the time that the hub asks for, or after 1, 2, 4, ... seconds.
 *
 * @param attempt calls `progressed` when it got further than ever before; the tries count anew
 * @throws the last failure, or the first of another kind.
 */
export async function persist<T>(
  attempt: (progressed: () => void) => Promise<T>,
  patience: Patience,
): Promise<T> {
  for (let failures = 0;;) {
    patience.signal.throwIfAborted();
    try {
      return await attempt(() => failures = 0);
    } catch (error) {
      // What ended all may be a failure of another transfer, which would look like one of this.
      patience.signal.throwIfAborted();
      failures++;
      if (!(error instanceof HubUnavailable) || !error.passing) throw error;
      const seconds = error.wait ?? 2 ** (failures - 1);
      if (failures >= patience.attempts || seconds > LONGEST_WAIT) throw error;
      patience.onNote(`${error.reason}; trying again in ${seconds} s`);
      await patience.pause(seconds);
    }
  }
}

/** Resolves after `seconds`, or rejects with the reason of `signal` when that is aborted. */
export function delay(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    if (signal.aborted) return fail(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      fail(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      done();
    }, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * How long an answer asks to wait, in seconds: by `Retry-After` (RFC 9110, 10.2.3: a number, or a
 * date), or by the hub's own `RateLimit: "api";r=0;t=55` once nothing remains (`r`) until it resets
 * (`t`).
 */
export function requestedWait(headers: Headers, now = Date.now()): number | undefined {
  const after = headers.get("retry-after")?.trim();
  if (after !== undefined && after !== "") {
    const seconds = /^\d+$/.test(after) ? Number(after) : (Date.parse(after) - now) / 1000;
    if (!Number.isNaN(seconds)) return Math.max(0, Math.ceil(seconds));
  }
  const limit = /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get("ratelimit") ?? "");
  return limit === null ? undefined : Number(limit[1]);
}
