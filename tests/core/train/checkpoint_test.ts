/** Checkpoints: the same bits back, no more folders than needed, and no damage unseen. */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  openSafetensors,
  readJson,
  verifyFolder,
  writeFolderAtomic,
} from "../../../core/io/mod.ts";
import { siteOf } from "../../../core/routing/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { AdamW, CheckpointStore, readAdapter, type TrainerState } from "../../../core/train/mod.ts";
import { ANCHOR_LAYERS, copyOf, jitter, MODEL, ROUTER } from "../../support/tiny_student.ts";
import { inFolder, userError } from "../io/support.ts";
import { ADAMW, DROPPED, fresh, ROUTER_FILE, snapshot, studentWith } from "./support.ts";

/** Fills the optimizer's averages with numbers, as after some steps. */
function spread(optimizer: AdamW, seed: number): void {
  for (const averages of [optimizer.first, optimizer.second]) {
    for (const [name, { data }] of Object.entries(jitter(averages, 1, seed))) {
      averages[name]!.data.set(data);
    }
  }
}

const state = (step: number, best: TrainerState["best"] = null): TrainerState => ({
  step,
  threshold: 0.1 + 0.2,
  best,
});

const folders = (folder: string) =>
  [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory).map(({ name }) => name).sort();

Deno.test("a checkpoint gives back every bit of parameters, optimizer and state", async () => {
  await inFolder(async (folder) => {
    const saved = fresh(folder);
    spread(saved.optimizer, 1);
    await saved.store.save(state(7, { step: 7, validationLoss: 1 / 3 }));
    const other = fresh(folder, 99);
    assert.notDeepEqual(other.params, saved.params);
    assert.deepEqual(other.store.restore(), state(7, { step: 7, validationLoss: 1 / 3 }));
    assert.deepEqual(snapshot(other.optimizer), snapshot(saved.optimizer));
  });
});

Deno.test("a checkpoint holds an adapter for PEFT, the router with its threshold, a manifest", async () => {
  await inFolder(async (folder) => {
    const { params, store } = fresh(folder);
    const path = await store.save(state(12));
    assert.equal(path, join(folder, "step-000012"));
    assert.deepEqual([...Deno.readDirSync(path)].map(({ name }) => name).sort(), [
      "adapter_config.json",
      "adapter_model.safetensors",
      "manifest.json",
      "optimizer.safetensors",
      "router.safetensors",
      "router_config.json",
      "trainer_state.json",
    ]);
    verifyFolder(path);
    const adapter = readAdapter(path, MODEL);
    assert.deepEqual(adapter.options, DROPPED);
    for (const [name, tensor] of Object.entries(adapter.weights)) {
      assert.deepEqual(tensor, params[name]);
    }
    using router = openSafetensors(join(path, "router.safetensors"));
    const names = Object.keys(ROUTER.params(siteOf(MODEL, ANCHOR_LAYERS)));
    assert.deepEqual([...router.tensors.keys()].sort(), names.sort());
    for (const name of names) assert.deepEqual(router.read(name), params[name]);
    assert.deepEqual(readJson(join(path, "router_config.json"), "the router"), {
      ...ROUTER_FILE,
      threshold: 0.1 + 0.2,
    });
  });
});

Deno.test("the best and the latest checkpoint are kept, and index.json names them", async () => {
  await inFolder(async (folder) => {
    const { store } = fresh(folder);
    const index = () => readJson(join(folder, "index.json"), "the index");
    await store.save(state(1));
    assert.deepEqual(index(), { latest: "step-000001", best: null });
    await store.save(state(2, { step: 2, validationLoss: 3 }));
    assert.deepEqual(folders(folder), ["step-000002"]);
    await store.save(state(3, { step: 2, validationLoss: 3 }));
    await store.save(state(4, { step: 2, validationLoss: 3 }));
    assert.deepEqual(folders(folder), ["step-000002", "step-000004"]);
    assert.deepEqual(index(), { latest: "step-000004", best: "step-000002" });
    await store.save(state(5, { step: 5, validationLoss: 2 }));
    assert.deepEqual(folders(folder), ["step-000005"]);
  });
});

/** Flips a bit of a file that a checkpoint is made of. */
function damage(folder: string, step: string): void {
  const path = join(folder, step, "optimizer.safetensors");
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - 5]! ^= 1;
  Deno.writeFileSync(path, bytes);
}

Deno.test("a baseline of the policy gradient comes back, to the bit", async () => {
  await inFolder(async (folder) => {
    const usualCost = 2 / 3;
    await fresh(folder).store.save({ ...state(2), usualCost });
    assert.deepEqual(fresh(folder, 99).store.restore(), { ...state(2), usualCost });
  });
});

Deno.test("one checkpoint of several can be asked for, and the others stay", async () => {
  await inFolder(async (folder) => {
    const { optimizer, store } = fresh(folder);
    const best = { step: 3, validationLoss: 2 };
    await store.save(state(3, best));
    const good = snapshot(optimizer);
    spread(optimizer, 2);
    await store.save(state(4, best));
    const other = fresh(folder, 99);
    assert.deepEqual(other.store.restoreFrom(store.path(3)), state(3, best));
    assert.deepEqual(snapshot(other.optimizer), good);
    assert.deepEqual(folders(folder), ["step-000003", "step-000004"]);
    assert.equal(fresh(folder).store.restore()?.step, 4, "the latest is still the latest");
  });
});

Deno.test("a checkpoint that is asked for and damaged is refused, and nothing taken from it", async () => {
  await inFolder(async (folder) => {
    const { store } = fresh(folder);
    await store.save(state(3));
    damage(folder, "step-000003");
    const other = fresh(folder, 99);
    const before = snapshot(other.optimizer);
    await userError(() => other.store.restoreFrom(store.path(3)), "optimizer.safetensors");
    assert.deepEqual(snapshot(other.optimizer), before);
    await userError(() => other.store.restoreFrom(store.path(5)), "step-000005");
  });
});

Deno.test("a damaged checkpoint is passed over for the one before", async () => {
  await inFolder(async (folder) => {
    const { optimizer, store } = fresh(folder);
    const best = { step: 3, validationLoss: 2 };
    await store.save(state(3, best));
    const good = snapshot(optimizer);
    spread(optimizer, 2);
    await store.save(state(4, best));
    damage(folder, "step-000004");
    const other = fresh(folder, 99);
    assert.deepEqual(other.store.restore(), state(3, best));
    assert.deepEqual(snapshot(other.optimizer), good);
    assert.deepEqual(folders(folder), ["step-000003"], "the damaged one is removed");
    // The run goes on from there and writes that step anew.
    await other.store.save(state(4, best));
    assert.equal(fresh(folder).store.restore()?.step, 4);
  });
});

Deno.test("where every checkpoint is damaged, none is taken for a fresh start", async () => {
  await inFolder(async (folder) => {
    const { store } = fresh(folder);
    await store.save(state(3));
    damage(folder, "step-000003");
    await userError(() => fresh(folder).store.restore(), "step-000003", "optimizer.safetensors");
  });
});

Deno.test("a run that was killed before its first checkpoint was whole starts afresh", async () => {
  await inFolder((folder) => {
    assert.equal(fresh(folder).store.restore(), undefined);
    assert.equal(fresh(join(folder, "not-there")).store.restore(), undefined);
    Deno.mkdirSync(join(folder, ".step-000001.tmp"));
    Deno.writeTextFileSync(join(folder, ".step-000001.tmp", "trainer_state.json"), "{");
    const { params, store } = fresh(folder);
    const before = copyOf(params);
    assert.equal(store.restore(), undefined);
    assert.deepEqual(copyOf(params), before);
    assert.deepEqual(folders(folder), [], "what was left behind is removed");
  });
});

Deno.test("a checkpoint of another configuration is refused by the tensor's name", async () => {
  await inFolder(async (folder) => {
    await fresh(folder).store.save(state(1));
    const name = "router.4.bias";
    const { params } = fresh(folder);
    const optimizer = new AdamW({ ...params, [name]: floats([5]) }, ADAMW);
    const source = {
      student: studentWith(ROUTER),
      router: ROUTER_FILE,
      optimizer,
      baseModel: "tiny",
    };
    const store = new CheckpointStore(folder, source);
    await userError(() => store.restore(), name, "[3]", "[5]");
  });
});

Deno.test("a trainer's state from another version of the format is refused", async () => {
  await inFolder(async (folder) => {
    const { store } = fresh(folder);
    await writeFolderAtomic(store.path(1), (path) => {
      const content = JSON.stringify({ version: 2, ...state(1) });
      Deno.writeTextFileSync(join(path, "trainer_state.json"), content);
    });
    await userError(() => store.restore(), "trainer_state.json", '"version"');
  });
});
