/** Finished runs, opened again: with the weights and the threshold they ended with, or refused. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { resolveConfig } from "../../../core/run/config.ts";
import { type RouterOptions } from "../../../core/run/config_schema.ts";
import { locateRun, openFinishedRun } from "../../../core/run/finished_run.ts";
import { loadParts } from "../../../core/run/parts.ts";
import { RunRepositories } from "../../../core/run/repositories.ts";
import { createRun } from "../../../core/run/run_folder.ts";
import { AdamW, CheckpointStore } from "../../../core/train/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { tinyLines, writeTinyModel } from "../../end_to_end/tiny_model.ts";
import { inFolder, userError } from "../io/support.ts";

const plugins = builtinPlugins();
const ROUTERS = new Map(
  Array.from(plugins.routers.entries(), ([name, kind]) => [name, kind.options as RouterOptions]),
);

/** A run's folder below `folder`, with checkpoints of steps 1 (the best) and 2; finished unless told. */
async function trained(
  folder: string,
  use: "last" | "best" = "last",
  finished = true,
): Promise<string> {
  const path = join(folder, "run");
  writeTinyModel(join(folder, "model"));
  Deno.writeTextFileSync(join(folder, "text.txt"), tinyLines().join("\n"));
  const config = await resolveConfig({
    defaults: { name: "exp10", router: { name: "token-gumbel", anchorLayers: 1 } },
    routerOptions: ROUTERS,
    sets: [
      `model=${join(folder, "model")}`,
      `data=${join(folder, "text.txt")}`,
      "backend.name=reference",
      "backend.executionProvider=abacus",
      "backend.threads=1",
      "batchSize=2",
      "sequenceLength=8",
      "steps=2",
      "lora.rank=2",
      "evaluation.finalBatches=1",
      `checkpoint.use=${use}`,
    ],
  });
  using run = createRun({ config, commandLine: "deno task exp10 --fresh", out: path });
  await using parts = await loadParts(config, plugins, new RunRepositories(), true);
  const optimizer = new AdamW(parts.trainable, config.optimizer);
  const store = new CheckpointStore(run.file("checkpoints"), {
    student: parts.student,
    optimizer,
    router: { name: "token-gumbel", anchorLayers: 1, reads: "state", bypassRank: 0, options: {} },
    baseModel: "model",
  });
  const best = { step: 1, validationLoss: 2 };
  for (const step of [1, 2]) {
    // So that it shows which checkpoint was read.
    for (const { data } of Object.values(parts.trainable)) data.forEach((_, i) => data[i]! += 0.1);
    await store.save({ step, threshold: step / 8, best });
  }
  if (finished) run.finish({ loss: 2 });
  return path;
}

for (const [use, threshold] of [["last", 0.25], ["best", 0.125]] as const) {
  Deno.test(`a run that ends with its ${use} checkpoint is opened with that one's weights and threshold`, () =>
    inFolder(async (folder) => {
      const path = await trained(folder, use);
      await using run = await openFinishedRun(path, plugins, {}, true);
      assert.deepEqual(run.point, { threshold, targetSkip: 0.3 });
      assert.deepEqual([run.path, run.config.name], [path, "exp10"]);
      const batches = run.parts.validationBatches(run.config.evaluation.finalBatches);
      const { loss } = await run.evaluator.fullDepth(batches);
      // The other checkpoint's adapters give another loss.
      const other = use === "last" ? "best" : "last";
      await using changed = await openFinishedRun(path, plugins, { "checkpoint.use": other }, true);
      assert.notEqual((await changed.evaluator.fullDepth(batches)).loss, loss);
      assert.equal((await run.evaluator.fullDepth(batches)).loss, loss);
    }));
}

Deno.test("tokens are counted over the text that the run was trained on, each once", () =>
  inFolder(async (folder) => {
    await using run = await openFinishedRun(await trained(folder), plugins, {}, true);
    // Two batches of two sequences of eight tokens are all that two steps read.
    const read = [0, 1].flatMap((index) => [...run.parts.trainingBatch(index).tokens.data]);
    const counts = run.parts.trainingTokenCounts();
    assert.equal(counts.reduce((sum, count) => sum + count, 0), 32);
    assert.equal(counts.length, run.parts.student.model.dims.vocabSize);
    counts.forEach((count, id) => {
      assert.equal(count, read.filter((one) => one === id).length, `id ${id}`);
    });
  }));

Deno.test("settings of a finished run may differ where they are said to, and are checked", () =>
  inFolder(async (folder) => {
    const path = await trained(folder);
    const more = { "evaluation.finalBatches": "3", data: undefined };
    await using run = await openFinishedRun(path, plugins, more, true);
    assert.equal(run.config.evaluation.finalBatches, 3);
    assert.equal(run.config.data, join(folder, "text.txt"));
    await userError(
      () => openFinishedRun(path, plugins, { "evaluation.finalBatches": "0" }),
      "evaluation.finalBatches = 0",
    );
    await userError(
      () => openFinishedRun(path, plugins, { data: join(folder, "absent.txt") }, true),
      /absent\.txt: no such file/,
    );
  }));

Deno.test("on another backend a run goes without what was meant for its own", () =>
  inFolder(async (folder) => {
    const path = await trained(folder);
    const on = async (name: string | undefined) =>
      (await locateRun(path, plugins, { "backend.name": name })).config.backend;
    assert.equal((await on(undefined)).executionProvider, "abacus");
    assert.equal((await on("reference")).executionProvider, "abacus");
    assert.deepEqual(await on("onnx"), {
      name: "onnx",
      threads: 1,
      executionProvider: "cpu",
      sessionOptions: {},
    });
  }));

Deno.test("a name that is neither a folder nor an experiment with a finished run is refused", () =>
  userError(
    () => openFinishedRun("exp99", plugins),
    'no folder and no finished run of an experiment "exp99"',
    "deno task exp99 --fresh",
  ));

Deno.test("a run that is not finished is refused, with the way to go on", () =>
  inFolder(async (folder) => {
    const path = await trained(folder, "last", false);
    await userError(
      () => openFinishedRun(path, plugins),
      `The run in ${path} is not finished: continue it with --resume ${path}`,
    );
  }));

Deno.test("a folder that is no run, and one whose record is damaged, are refused", () =>
  inFolder(async (folder) => {
    await userError(() => openFinishedRun(folder, plugins), `${folder} is no run folder`);
    Deno.writeTextFileSync(join(folder, "run.json"), "{");
    await userError(() => openFinishedRun(folder, plugins), "run.json is damaged");
  }));

Deno.test("a run whose checkpoints are damaged or gone is refused in one line", () =>
  inFolder(async (folder) => {
    const path = await trained(folder);
    const index = join(path, "checkpoints", "index.json");
    const refused = (...says: (string | RegExp)[]) =>
      userError(() => openFinishedRun(path, plugins, {}, true), ...says);
    const write = (text: string) => Deno.writeTextFileSync(index, text);

    write("{}");
    await refused("index.json is damaged: it names no checkpoint");
    write('{"latest": 2}');
    await refused("index.json is damaged: it names no checkpoint");
    write('{"latest": "step-0000');
    await refused("the list of checkpoints", "it is not valid JSON");
    write("[]");
    await refused("index.json: it should hold a JSON object");
    Deno.removeSync(index);
    await refused("Cannot read the list of checkpoints", "no such file");

    write('{"latest": "step-000007", "best": null}');
    await refused("step-000007");
    write('{"latest": "step-000002", "best": null}');
    const file = join(path, "checkpoints", "step-000002", "router.safetensors");
    const bytes = Deno.readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    Deno.writeFileSync(file, bytes);
    await refused("router.safetensors");
  }));
