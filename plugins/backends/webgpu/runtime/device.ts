/** The device that everything runs on: which one, its pipelines, and what may go wrong with it. */

import { UserError } from "../../../../core/contracts/errors.ts";
import { BufferPool } from "./pool.ts";
import { Staging } from "./staging.ts";
import { failureOf, Watch } from "./watch.ts";

/** What `backend.executionProvider` is where no adapter is asked for; `cpu` unless it is set. */
const UNSET: Readonly<Record<string, GPURequestAdapterOptions>> = { "cpu": {}, "default": {} };

/** Adapters that may be asked for. */
const ADAPTERS: Readonly<Record<string, GPURequestAdapterOptions>> = {
  ...UNSET,
  "high-performance": { powerPreference: "high-performance" },
  "low-power": { powerPreference: "low-power" },
  "fallback": { forceFallbackAdapter: true },
};

/** Limits that are asked for as far as the adapter goes. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** A kernel that reads more values than so many buffers hold is made in parts. */
const MOST_STORAGE_BUFFERS = 16;

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
   * @throws {UserError} when there is none, naming those that may be asked for or what to install.
   */
  static async open(adapterName: string): Promise<Gpu> {
    const wanted = ADAPTERS[adapterName];
    if (!wanted) {
      const names = Object.keys(ADAPTERS).filter((name) => name !== "cpu").join(", ");
      throw new UserError(
        `backend.executionProvider "${adapterName}" is none of WebGPU's adapters; there is ${names}`,
      );
    }
    const adapter = await quietly(() => navigator.gpu?.requestAdapter(wanted));
    if (!adapter) {
      throw new UserError(
        "This machine has no graphics adapter that WebGPU can use" +
          (adapterName in UNSET ? "" : ` as "${adapterName}"`) +
          ": install the Vulkan driver of its graphics card, or mesa-vulkan-drivers for an adapter " +
          "in software; --backend onnx needs none",
      );
    }
    const { limits } = adapter;
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [
      name,
      name === "maxStorageBuffersPerShaderStage"
        ? Math.min(limits[name], MOST_STORAGE_BUFFERS)
        : limits[name],
    ]));
    const device = await adapter.requestDevice({ requiredLimits });
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

/** What the search for a Wayland desktop goes by, of which it complains where there is none. */
const DESKTOP = "XDG_RUNTIME_DIR";

/** Looks for adapters without complaints that there is no desktop: nothing is shown on it. */
async function quietly<T>(look: () => T): Promise<Awaited<T>> {
  if (Deno.build.os !== "linux" || Deno.env.has(DESKTOP)) return await look();
  Deno.env.set(DESKTOP, "/");
  try {
    return await look();
  } finally {
    Deno.env.delete(DESKTOP);
  }
}
