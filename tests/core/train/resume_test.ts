/** Runs that are interrupted and go on: nothing of them is lost, and no bit is another. */

import assert from "node:assert/strict";
import { POLICY_ROUTER, ROUTER } from "../../support/tiny_student.ts";
import { inFolder } from "../io/support.ts";
import { fresh, snapshot, train } from "./support.ts";

const START = { step: 0, usualCost: undefined };

for (const router of [ROUTER, POLICY_ROUTER]) {
  Deno.test(`a ${router.name} run interrupted at half ends with the bits of an unbroken one`, async () => {
    await inFolder(async (folder) => {
      const unbroken = fresh(folder, 2, router);
      const expected = await train(unbroken, START, 6);

      const before = fresh(folder, 2, router);
      const { reports: firstHalf, usualCost } = await train(before, START, 3);
      await before.store.save({
        step: 3,
        threshold: 0,
        best: null,
        ...(usualCost === undefined ? {} : { usualCost }),
      });
      const after = fresh(folder, 99, router);
      const restored = after.store.restore()!;
      assert.equal(restored.usualCost, usualCost);
      const secondHalf = await train(after, { usualCost: undefined, ...restored }, 6);

      assert.deepEqual([...firstHalf, ...secondHalf.reports], expected.reports);
      assert.equal(secondHalf.usualCost, expected.usualCost);
      assert.deepEqual(snapshot(after.optimizer), snapshot(unbroken.optimizer));
      assert.notDeepEqual(snapshot(before.optimizer), snapshot(after.optimizer));
    });
  });
}

Deno.test("what a sequence usually costs is part of a run: without it another run follows", async () => {
  await inFolder(async (folder) => {
    const whole = fresh(folder, 2, POLICY_ROUTER);
    const { usualCost } = await train(whole, START, 3);
    assert.ok(usualCost! > 0);
    const goOn = async (usual: number | undefined) => {
      const run = fresh(folder, 2, POLICY_ROUTER);
      await train(run, { step: 3, usualCost: usual }, 4);
      return snapshot(run.optimizer);
    };
    assert.deepEqual(await goOn(usualCost), await goOn(usualCost));
    assert.notDeepEqual(await goOn(undefined), await goOn(usualCost));
  });
});
