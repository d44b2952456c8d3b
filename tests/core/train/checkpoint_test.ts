/** Checkpoints: the same bits back, no more folders than needed, and runs that go on unbroken. */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  openSafetensors,
  readJson,
  verifyFolder,
  writeFolderAtomic,
} from "../../../core/io/mod.ts";
import { type Weights } from "../../../core/nn/mod.ts";
import { siteOf } from "../../../core/routing/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import {
  AdamW,
  CheckpointStore,
  readAdapter,
  type StepReport,
  Trainer,
  type TrainerState,
  TrainingStep,
} from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import {
  ANCHOR_LAYERS,
  copyOf,
  drawAdapter,
  drawBatch,
  drawRouter,
  drawWeights,
  jitter,
  LORA,
  MODEL,
  ROUTER,
} from "../../support/tiny_student.ts";
import { inFolder, userError } from "../io/support.ts";

const DROPPED = { ...LORA, dropout: 0.2 };

const STUDENT = {
  model: MODEL,
  lora: DROPPED,
  router: { router: ROUTER, anchorLayers: ANCHOR_LAYERS },
  batchSize: 2,
  sequenceLength: 5,
};

const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

const ROUTER_FILE = { name: "token-gumbel", options: { initialBias: 0.5 }, anchorLayers: 1 };

/** A student as a run starts it, and its checkpoints in `folder`. */
function fresh(folder: string, seed = 2) {
  const params: Weights = { ...drawAdapter(DROPPED, seed), ...drawRouter(seed) };
  const optimizer = new AdamW(params, ADAMW);
  const store = new CheckpointStore(folder, {
    student: STUDENT,
    router: ROUTER_FILE,
    optimizer,
    baseModel: "tiny",
  });
  return { params, optimizer, store };
}

/** Fills the optimizer's averages with numbers, as after some steps. */
function spread(optimizer: AdamW, seed: number): void {
  for (const averages of [optimizer.first, optimizer.second]) {
    for (const [name, { data }] of Object.entries(jitter(averages, 1, seed))) {
      averages[name]!.data.set(data);
    }
  }
}

const snapshot = ({ params, first, second }: AdamW) => [params, first, second].map(copyOf);

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
    const source = { student: STUDENT, router: ROUTER_FILE, optimizer, baseModel: "tiny" };
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

/** Trains from where `run` stands to `until`, and gives what each step reported. */
async function train(
  { params, optimizer }: Pick<ReturnType<typeof fresh>, "params" | "optimizer">,
  from: number,
  until: number,
): Promise<Omit<StepReport, "seconds">[]> {
  await using backend = onnxBackend({ threads: 1 });
  const objective = {
    distillWeight: 0.4,
    distillTemperature: 2,
    sparsityWeight: 0.1,
    targetWeight: 3,
  };
  const frozen = Object.fromEntries(
    Object.entries(drawWeights()).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  await using step = await TrainingStep.compile(backend, { ...STUDENT, objective }, frozen, params);
  const trainer = new Trainer(step, optimizer, {
    steps: 6,
    accumulation: 2,
    clipNorm: 1,
    rate: { learningRate: 0.01, schedule: "cosine", warmupSteps: 2, finalRate: 0 },
    schedule: (step) => ({
      temperature: 2 / (1 + step),
      distillShare: 0.05 * step,
      targetSkip: 0.3,
    }),
    batch: (index) => drawBatch([5, 4], 5, index),
    seed: 21,
  });
  trainer.step = from;
  const reports: Omit<StepReport, "seconds">[] = [];
  while (trainer.step < until) {
    const { seconds: _seconds, ...report } = await trainer.next();
    reports.push(report);
  }
  return reports;
}

Deno.test("a run interrupted at half ends with the bits of an unbroken one", async () => {
  await inFolder(async (folder) => {
    const unbroken = fresh(folder);
    const expected = await train(unbroken, 0, 6);

    const before = fresh(folder);
    const firstHalf = await train(before, 0, 3);
    await before.store.save(state(3));
    const after = fresh(folder, 99);
    const restored = after.store.restore()!;
    const secondHalf = await train(after, restored.step, 6);

    assert.deepEqual([...firstHalf, ...secondHalf], expected);
    assert.deepEqual(snapshot(after.optimizer), snapshot(unbroken.optimizer));
    assert.notDeepEqual(snapshot(before.optimizer), snapshot(after.optimizer));
  });
});
