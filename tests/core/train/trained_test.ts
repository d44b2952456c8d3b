/** What training leaves behind, as an evaluation reads it back. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFolderAtomic } from "../../../core/io/mod.ts";
import { readTrained } from "../../../core/train/mod.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";
import { copyOf, POLICY_ROUTER, ROUTER } from "../../support/tiny_student.ts";
import { inFolder, userError } from "../io/support.ts";
import { fresh, studentWith } from "./support.ts";

const STATE = { step: 3, threshold: 0.1 + 0.2, best: null };

Deno.test("adapters, router and threshold come back from a checkpoint, to the bit", async () => {
  await inFolder(async (folder) => {
    const { params, store } = fresh(folder);
    const path = await store.save(STATE);
    const { weights, threshold } = readTrained(path, studentWith(ROUTER));
    assert.equal(threshold, 0.1 + 0.2);
    assert.deepEqual(copyOf(weights), copyOf(params));
  });
});

Deno.test("a student without a router takes the adapters alone", async () => {
  await inFolder(async (folder) => {
    const path = await fresh(folder).store.save(STATE);
    const { router: _, ...student } = studentWith(ROUTER);
    const { weights, threshold } = readTrained(path, student);
    assert.equal(threshold, 0);
    assert.ok(Object.keys(weights).every((name) => name.startsWith("model.layers.")));
  });
});

Deno.test("a router of other parameters is refused, by the first that is missing or of another shape", async () => {
  await inFolder(async (folder) => {
    const path = await fresh(folder).store.save(STATE);
    // Its second layer is as wide as there are blocks.
    await userError(
      () => readTrained(path, studentWith(POLICY_ROUTER)),
      "router.2.weight",
      "[3,8]",
    );
    const told = tokenGumbel.create(tokenGumbel.options.parse({ readsBudget: true }));
    await userError(() => readTrained(path, studentWith(told)), "router.budget.first");
  });
});

Deno.test("a checkpoint that is damaged or whose router has no threshold is refused", async () => {
  await inFolder(async (folder) => {
    const path = await fresh(folder).store.save(STATE);
    const bare = join(folder, "bare");
    await writeFolderAtomic(bare, (target) => {
      for (const { name } of Deno.readDirSync(path)) {
        if (name === "manifest.json") continue;
        Deno.copyFileSync(join(path, name), join(target, name));
      }
      Deno.writeTextFileSync(join(target, "router_config.json"), "{}");
    });
    await userError(
      () => readTrained(bare, studentWith(ROUTER)),
      "router_config.json",
      "threshold",
    );
    const file = join(path, "router.safetensors");
    const bytes = Deno.readFileSync(file);
    bytes[bytes.length - 3]! ^= 1;
    Deno.writeFileSync(file, bytes);
    await userError(() => readTrained(path, studentWith(ROUTER)), "router.safetensors");
  });
});
