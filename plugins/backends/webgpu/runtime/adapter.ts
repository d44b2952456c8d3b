/** Graphics adapters: which may be asked for, and what is asked of them. */

import { UserError } from "../../../../core/contracts/errors.ts";

/** What `backend.executionProvider` is where no adapter is asked for; `cpu` unless it is set. */
const UNSET: Readonly<Record<string, GPURequestAdapterOptions>> = { "cpu": {}, "default": {} };

/** Adapters that may be asked for. */
const ADAPTERS: Readonly<Record<string, GPURequestAdapterOptions>> = {
  ...UNSET,
  "high-performance": { powerPreference: "high-performance" },
  "low-power": { powerPreference: "low-power" },
  "fallback": { forceFallbackAdapter: true },
};

/**
 * The adapter of this name.
 *
 * @throws {UserError} when there is none, naming those that may be asked for or what to install.
 */
export async function openAdapter(adapterName: string): Promise<GPUAdapter> {
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
  return adapter;
}

/** Limits that are asked for as far as the adapter goes, and what WebGPU promises of each. */
const LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
} as const;

type Limit = keyof typeof LIMITS;

/** A kernel that reads more values than so many buffers hold is made in parts. */
const MOST_STORAGE_BUFFERS = 16;

/**
 * The limits to ask an adapter for.
 *
 * @throws {UserError} where it has less than WebGPU promises, as through OpenGL.
 */
export function limitsOf(limits: Readonly<Record<Limit, number>>): Record<Limit, number> {
  const own = Object.entries(LIMITS).map(([name, promised]) => {
    const most = limits[name as Limit];
    if (most < promised) {
      throw new UserError(
        `The graphics adapter's ${name} is ${most}, and WebGPU promises ${promised}: install the ` +
          "Vulkan driver of its graphics card, as OpenGL will not do; --backend onnx needs none",
      );
    }
    // Some have no limit and say 2^64 - 1, which is more than a device can be asked for.
    const cap = name === "maxStorageBuffersPerShaderStage"
      ? MOST_STORAGE_BUFFERS
      : Number.MAX_SAFE_INTEGER;
    return [name, Math.min(most, cap)];
  });
  return Object.fromEntries(own) as Record<Limit, number>;
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
