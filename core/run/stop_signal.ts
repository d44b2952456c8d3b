/** Stopping in good order. */

/** Notices Ctrl-C; a second one ends the process at once. Dispose of it to notice no more. */
export class StopSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener: () => void;

  /** @param onAsked what to do the first time */
  constructor(onAsked: () => void = () => {}) {
    this.#listener = () => {
      if (this.asked) Deno.exit(130);
      this.#controller.abort();
      onAsked();
    };
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  /** Whether it was asked for. */
  get asked(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Aborted when it is asked for. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}
