/** Stopping the command that watches, not what it watches. */

/** Notices Ctrl-C; a second one ends the process at once. */
export class StopWatching implements Disposable {
  asked = false;
  #wake = () => {};
  readonly #listener = () => {
    if (this.asked) Deno.exit(130);
    this.asked = true;
    this.#wake();
  };

  constructor() {
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  /** Waits; not any longer once it is asked to stop. */
  async pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}
