/** Models that are drawn from a configuration. */

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openModelFolder } from "../../../core/io/mod.ts";
import { drawnModelFolder } from "../../../core/run/drawn_model.ts";
import { llamaKind } from "../../../plugins/models/llama/mod.ts";
import { TINY_CONFIG, writeTinyModel } from "../../end_to_end/tiny_model.ts";
import { RunRepositories } from "../../../core/run/repositories.ts";
import { inFolder, userError } from "../io/support.ts";

Deno.test("a drawn model is a folder as any, always the same, and made once", () =>
  inFolder(async (folder) => {
    const tokenizer = join(folder, "other");
    writeTinyModel(tokenizer);
    const drawn = { name: "mine", config: TINY_CONFIG, kind: llamaKind, tokenizer };
    const path = await drawnModelFolder(drawn, join(folder, "a"));
    using opened = openModelFolder(path);
    assert.deepEqual(opened.config, TINY_CONFIG);
    const model = llamaKind.fromConfig(opened.config, path);
    const names = Object.keys(model.params());
    assert.deepEqual([...opened.weights.tensors.keys()].toSorted(), names.toSorted());
    const made = statSync(join(path, "model.safetensors")).mtimeMs;
    assert.equal(await drawnModelFolder(drawn, join(folder, "a")), path);
    assert.equal(statSync(join(path, "model.safetensors")).mtimeMs, made);
    const again = await drawnModelFolder(drawn, join(folder, "b"));
    const bytes = (dir: string) => Deno.readFileSync(join(dir, "model.safetensors"));
    assert.deepEqual(bytes(again), bytes(path));

    const wider = { ...drawn, config: { ...TINY_CONFIG, hidden_size: 32 } };
    assert.notEqual(await drawnModelFolder(wider, join(folder, "a")), path);
    assert.equal(readdirSync(join(folder, "a")).length, 2);
  }));

Deno.test("a drawn model without a tokenizer, or of a configuration that is wrong, is refused", () =>
  inFolder(async (folder) => {
    const drawn = { name: "mine", config: TINY_CONFIG, kind: llamaKind, tokenizer: folder };
    await assert.rejects(drawnModelFolder(drawn, folder), {
      name: "UserError",
      message: /Cannot make the model "mine": .* has no tokenizer to take; name another model/,
    });
    const wrong = { ...drawn, config: { ...TINY_CONFIG, hidden_size: -1 } };
    await assert.rejects(drawnModelFolder(wrong, folder), {
      name: "UserError",
      message: /the configuration of the model "mine": "hidden_size" is -1/,
    });
    assert.deepEqual(readdirSync(folder), []);
  }));

Deno.test("many may draw the same model at once", () =>
  inFolder(async (folder) => {
    const tokenizer = join(folder, "other");
    writeTinyModel(tokenizer);
    const drawn = { name: "mine", config: TINY_CONFIG, kind: llamaKind, tokenizer };
    const root = join(folder, "models");
    const paths = await Promise.all(Array.from({ length: 8 }, () => drawnModelFolder(drawn, root)));
    assert.equal(new Set(paths).size, 1);
    assert.equal(readdirSync(root).length, 1);
  }));

Deno.test("a run that began with another drawn model says so", async () => {
  const repositories = new RunRepositories({}, true);
  repositories.pin('drawn model "mine"', "mine-1");
  repositories.pin('drawn model "mine"', "mine-1");
  assert.deepEqual(repositories.commits, { 'drawn model "mine"': "mine-1" });
  await userError(
    () => repositories.pin('drawn model "mine"', "mine-2"),
    /The drawn model "mine" is not what the run began with \(mine-2 now, mine-1 then\)/,
  );
});
