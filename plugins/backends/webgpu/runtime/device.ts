/** The device that everything runs on: which one, its pipelines, and what may go wrong with it. */

import { UserError } from "../../../../core/contracts/errors.ts";
import { limitsOf, openAdapter } from "./adapter.ts";
import { BufferPool } from "./pool.ts";
import { Staging } from "./staging.ts";
import { failureOf, Watch } from "./watch.ts";

/** A kernel, made ready. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A device, and what all programs on it share. */
export class Gpu {
  readonly pool: BufferPool;
  readonly staging: Staging;
  readonly #pipelines = new Map<string, Pipeline>();
  /** Kernels of which the device has yet to say whether it takes them. */
  readonly #fresh: string[] = [];
  #lost: UserError | undefined;
  #failure: Error | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(
    readonly device: GPUDevice,
    readonly info: GPUAdapterInfo,
  ) {
    this.pool = new BufferPool(device);
    this.staging = new Staging(device);
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#failure ??= failureOf((event as GPUUncapturedErrorEvent).error);
    });
    device.lost.then(({ message }) => {
      if (this.#closed) return;
      this.#lost = new UserError(
        `The graphics device was lost (${message || "its driver does not say why"}); what was ` +
          "saved is whole: start again to go on from there, with a smaller batch if memory was short",
      );
    });
  }

  /**
   * Opens the adapter of this name.
   *
   * @throws {UserError} as {@link openAdapter} and {@link limitsOf} do.
   */
  static async open(adapterName: string): Promise<Gpu> {
    const adapter = await openAdapter(adapterName);
    const device = await adapter.requestDevice({ requiredLimits: limitsOf(adapter.limits) });
    return new Gpu(device, adapter.info);
  }

  /** Whether the adapter is the processor itself. */
  get isSoftware(): boolean {
    return this.info.isFallbackAdapter;
  }

  /** What the adapter calls itself. */
  get description(): string {
    const { description, vendor, architecture } = this.info;
    const name = description || [vendor, architecture].filter((part) => part !== "").join(" ");
    return this.isSoftware ? `${name}, in software` : name;
  }

  /** Makes a kernel ready, or finds it where the same one was made ready before. */
  pipeline(code: string): Pipeline {
    let known = this.#pipelines.get(code);
    if (!known) {
      const module = this.device.createShaderModule({ code });
      const pipeline = this.device.createComputePipeline({
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
      known = { pipeline, layout: pipeline.getBindGroupLayout(0) };
      this.#pipelines.set(code, known);
      this.#fresh.push(code);
    }
    return known;
  }

  /**
   * Makes something that needs kernels, in turn. Where the device refuses any of it, its new kernels
   * are not kept for others.
   *
   * @returns what was made, and what was refused of it
   */
  making<T>(make: () => T): Promise<{ made: T; failure: Error | undefined }> {
    return this.inTurn(async () => {
      const watch = new Watch(this.device);
      watch.begin();
      let failure: Error | undefined;
      try {
        return { made: make(), failure: failure = await watch.end() };
      } finally {
        failure ??= await watch.end();
        if (failure) { for (const code of this.#fresh) this.#pipelines.delete(code); }
        this.#fresh.length = 0;
      }
    });
  }

  /** Runs `work` after all that was asked for before it: programs share buffers. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const own = this.#turn.then(work);
    this.#turn = own.catch(() => {});
    return own;
  }

  /** Fails where anything has gone wrong on the device. */
  check(): void {
    if (this.#lost) throw this.#lost;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }

  /** Fails as {@link check} does, once what went wrong has been told. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.check();
  }

  /** Gives the device back. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.staging.close();
    this.pool.close();
    this.device.destroy();
  }
}
