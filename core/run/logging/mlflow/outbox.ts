/**
 * Metrics on their way to a server: collected, sent in batches in their order, kept and sent again
 * when the server does not take them. Whatever happens to the server, adding to it neither waits nor
 * fails.
 */

import { MlflowFailure } from "./client.ts";

/** How an outbox goes about it. */
export interface OutboxOptions {
  /** The most items of a batch. */
  readonly batch: number;
  /** The most items that are kept; what comes on top is lost. */
  readonly most: number;
  /** Seconds in which items are collected before they are sent. */
  readonly gather: number;
  /** Longest pause between two tries, in seconds; the first ones are of 1, 2, 4, ... */
  readonly longestPause: number;
  /** Waits, in seconds; may be cut short by the signal. */
  readonly pause: (seconds: number, signal: AbortSignal) => Promise<void>;
}

/** What an outbox could not deliver. */
export interface Undelivered {
  /** Items that are still there. */
  readonly waiting: number;
  /** Items that the server refused. */
  readonly refused: number;
  /** Items for which there was no room. */
  readonly lost: number;
  /** What the last failure was. */
  readonly reason: string | undefined;
}

/** Tries in a row that may fail once everything is to be sent. */
const LAST_TRIES = 3;

/** A queue that empties itself by `send`. */
export class Outbox<Item> {
  readonly #send: (batch: readonly Item[], signal: AbortSignal) => Promise<void>;
  readonly #options: OutboxOptions;
  readonly #waiting: Item[] = [];
  #refused = 0;
  #lost = 0;
  #reason: string | undefined;
  #failures = 0;
  /** The work in the background, while there is any. */
  #work: Promise<void> | undefined;
  /** Cuts the present pause short. */
  #wake = new AbortController();
  #closing = false;
  readonly #stop = new AbortController();

  /** @param send delivers a batch; throws {@link MlflowFailure} when it could not */
  constructor(
    send: (batch: readonly Item[], signal: AbortSignal) => Promise<void>,
    options: OutboxOptions,
  ) {
    this.#send = send;
    this.#options = options;
  }

  /** Adds items; returns at once. */
  add(items: readonly Item[]): void {
    const room = this.#options.most - this.#waiting.length;
    for (const item of items.slice(0, room)) this.#waiting.push(item);
    this.#lost += Math.max(0, items.length - room);
    if (this.#waiting.length > 0) this.#work ??= this.#empty();
  }

  /** Sends what is there, in at most so many seconds. Nothing may be added afterwards. */
  async close(seconds: number): Promise<Undelivered> {
    this.#closing = true;
    this.#failures = Math.min(this.#failures, 1);
    this.#wake.abort();
    const timer = setTimeout(() => {
      this.#stop.abort();
      this.#wake.abort();
    }, seconds * 1000);
    await this.#work;
    clearTimeout(timer);
    return {
      waiting: this.#waiting.length,
      refused: this.#refused,
      lost: this.#lost,
      reason: this.#reason,
    };
  }

  async #empty(): Promise<void> {
    const { batch, gather } = this.#options;
    while (this.#waiting.length > 0 && !this.#givesUp()) {
      if (this.#failures > 0) await this.#pause(this.#backoff());
      else if (this.#waiting.length < batch && !this.#closing) await this.#pause(gather);
      if (this.#stop.signal.aborted) break;
      await this.#sendBatch(this.#waiting.slice(0, batch));
    }
    this.#work = undefined;
  }

  async #sendBatch(items: readonly Item[]): Promise<void> {
    try {
      await this.#send(items, this.#stop.signal);
      this.#waiting.splice(0, items.length);
      this.#failures = 0;
    } catch (error) {
      // Training goes on whatever this was; the reason is told at the end.
      if (this.#stop.signal.aborted) this.#reason ??= "the server is too slow";
      else this.#reason = error instanceof Error ? error.message : String(error);
      if (error instanceof MlflowFailure && error.final) {
        this.#waiting.splice(0, items.length);
        this.#refused += items.length;
      } else this.#failures++;
    }
  }

  #givesUp(): boolean {
    return this.#stop.signal.aborted || (this.#closing && this.#failures >= LAST_TRIES);
  }

  #backoff(): number {
    return Math.min(2 ** (this.#failures - 1), this.#options.longestPause);
  }

  async #pause(seconds: number): Promise<void> {
    await this.#options.pause(seconds, this.#wake.signal);
    if (!this.#stop.signal.aborted) this.#wake = new AbortController();
  }
}

/** Resolves after so many seconds, or when the signal says so. */
export function pauseFor(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}
