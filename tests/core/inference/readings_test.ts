/** Routers that read less than the state decide the same in one pass and with a cache. */

import assert from "node:assert/strict";
import { Passes } from "../../../core/inference/mod.ts";
import { READINGS } from "../../../core/routing/mod.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { promptsOf } from "./support.ts";

for (const reads of READINGS) {
  Deno.test(`a router that reads the ${reads} decides the same after earlier tokens`, async () => {
    const own = tinyModel("routed");
    const router = { ...own.student.router!, reads };
    await using passes = new Passes({ ...own, student: { ...own.student, router } });
    const [prompt] = promptsOf(9) as [Int32Array];
    const [{ gates: whole }, { gates: beginning, ...memory }] = [
      await passes.run({ sequences: [prompt], keepsMemory: true }),
      await passes.run({ sequences: [prompt.subarray(0, 5)], keepsMemory: true }),
    ];
    const { gates: rest } = await passes.run({
      sequences: [prompt.subarray(5)],
      earlier: { memory, lengths: [5], shared: true },
      keepsMemory: true,
    });
    assert.deepEqual([...beginning!.data, ...rest!.data], [...whole!.data]);
    assert.ok(new Set(whole!.data).size === 2, "gates that are all the same show nothing");
  });
}
