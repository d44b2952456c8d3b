/** Tests on a graphics adapter, where there is one. */

import { type Backend } from "../../../../core/contracts/backend.ts";
import { UserError } from "../../../../core/contracts/errors.ts";
import { type Node } from "../../../../core/graph/mod.ts";
import { type HostTensor } from "../../../../core/tensor/mod.ts";
import { evaluate } from "../../../../plugins/backends/reference/mod.ts";
import { lower, type LoweringOptions } from "../../../../plugins/backends/webgpu/lowering/lower.ts";
import { openWebgpuBackend, type Tuning } from "../../../../plugins/backends/webgpu/mod.ts";
import { assertClose, CLOSE, type Tolerance } from "../../../conformance/close.ts";

/** Whether there is an adapter, if only one in software. */
export const hasAdapter = await openWebgpuBackend().then(
  async (backend) => {
    await backend[Symbol.asyncDispose]();
    return true;
  },
  (error) => {
    if (error instanceof UserError) return false;
    throw error;
  },
);

/** A test that is skipped, and says so, on machines without an adapter. */
export function adapterTest(name: string, body: (backend: Backend) => Promise<void>): void {
  tunedTest(name, {}, body);
}

/** As {@link adapterTest}, on a device that is taken for another one. */
export function tunedTest(
  name: string,
  tuning: Tuning,
  body: (backend: Backend) => Promise<void>,
): void {
  Deno.test({
    name: hasAdapter ? name : `${name} (no graphics adapter here)`,
    ignore: !hasAdapter,
    async fn() {
      await using backend = await openWebgpuBackend({}, tuning);
      await body(backend);
    },
  });
}

/** What a graph gives. */
export type Outputs = Readonly<Record<string, Node>>;
/** What it is fed. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** Compiles, runs, and holds every output against the reference. */
export async function check(
  backend: Backend,
  outputs: Outputs,
  feeds: Feeds,
  tolerance: Tolerance = CLOSE.float32,
): Promise<void> {
  await using program = await backend.compile(outputs);
  const actual = await program.run(feeds);
  const expected = evaluate(outputs, feeds);
  for (const name of Object.keys(outputs)) {
    assertClose(actual[name]!, expected[name]!, tolerance, name);
  }
}

/** Sums of thousands of terms of order one lose some digits. */
export const LONG_SUMS: Tolerance = { relative: 1e-5, absolute: 1e-4 };

/** A device as WebGPU promises at least. */
export const DEVICE: LoweringOptions = {
  mostBindings: 8,
  mostBound: 2 ** 25,
  workgroupMemory: 2 ** 14,
  tiles: "shared",
};

/** The kernels of a program. */
export function labelsOf(outputs: Outputs, device: LoweringOptions): string[] {
  return lower(outputs, device).steps.map((step) => step.kind === "dispatch" ? step.label : "");
}
