/** Tests on a graphics adapter, where there is one. */

import { type Backend } from "../../../../core/contracts/backend.ts";
import { UserError } from "../../../../core/contracts/errors.ts";
import { openWebgpuBackend, type Tuning } from "../../../../plugins/backends/webgpu/mod.ts";

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
