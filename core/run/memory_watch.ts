/** How much memory a process comes to hold. */

/** Milliseconds between two looks. */
const EVERY = 10;

/**
 * The most memory that this process holds from now on, by looking often. What the operating system
 * calls a process's peak begins, on Linux, with the memory of the process that started it. Dispose of
 * it to stop looking.
 */
export class MemoryWatch implements Disposable {
  #most = 0;
  readonly #timer = setInterval(() => this.#look(), EVERY);

  /** In MB of 10^6 bytes. */
  get peakMb(): number {
    this.#look();
    return this.#most / 1e6;
  }

  #look(): void {
    this.#most = Math.max(this.#most, Deno.memoryUsage().rss);
  }

  /** Stops looking. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
