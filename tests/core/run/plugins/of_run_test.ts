/** The plugins of a run, when it is opened again. */

import { join } from "node:path";
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { loadPluginsOfRun } from "../../../../core/run/plugins/of_run.ts";
import { withPlugins } from "../../../../core/run/plugins/options.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";
import { inFolder, userError } from "../../io/support.ts";

const CONTRACTS = new URL("../../../../core/contracts/mod.ts", import.meta.url).href;

/** Writes a plugin of this name with a model; its URL. */
function write(folder: string, file: string, name: string, model = `${name}-model`): string {
  const path = join(folder, file);
  Deno.writeTextFileSync(
    path,
    `import { definePlugin } from "${CONTRACTS}";
    const models = { "${model}": { description: "a model", folder: "/models/${model}" } };
    export default definePlugin({ name: "${name}", models });`,
  );
  return pathToFileURL(path).href;
}

/** What a run's record says of plugins, by their names and where they were. */
function recordOf(...plugins: readonly (readonly [name: string, specifier: string])[]) {
  return {
    config: { plugins: plugins.map(([, specifier]) => specifier) },
    plugins: plugins.map(([name, specifier]) => ({ name, specifier })),
  };
}

/** A folder for sources and one for a run. */
const inPlaces = (body: (folder: string, run: string) => Promise<void>) =>
  inFolder(async (folder) => {
    const run = join(folder, "run");
    Deno.mkdirSync(run);
    await body(folder, run);
  });

Deno.test("a run's plugins are loaded, also beside others that are given", () =>
  inPlaces(async (folder, run) => {
    const mine = write(folder, "mine.ts", "mine");
    const other = write(folder, "other.ts", "other");
    const plugins = await withPlugins(builtinPlugins(), ["--plugin", other]);
    await loadPluginsOfRun(plugins, { config: {} }, run);
    await loadPluginsOfRun(plugins, recordOf(["mine", mine]), run);
    await loadPluginsOfRun(plugins, recordOf(["mine", mine]), run);
    assert.deepEqual(plugins.loaded.map(({ name }) => name), ["other", "mine"]);
    assert.ok(plugins.models.has("mine-model") && plugins.models.has("other-model"));
  }));

Deno.test("a plugin that is given takes the place of the run's own of that name, which may be gone", () =>
  inPlaces(async (folder, run) => {
    const moved = write(folder, "moved.ts", "mine");
    const record = recordOf(["mine", pathToFileURL(join(folder, "gone.ts")).href]);
    const plugins = await withPlugins(builtinPlugins(), ["--plugin", moved]);
    await loadPluginsOfRun(plugins, record, run);
    assert.deepEqual(plugins.loaded.map(({ specifier }) => specifier), [moved]);
    await userError(
      () => loadPluginsOfRun(builtinPlugins(), record, run),
      /gone\.ts, which is not there any more: give it by --plugin FILE/,
    );
  }));

Deno.test("runs of two plugins of one name are not mixed", () =>
  inPlaces(async (folder, run) => {
    const one = write(folder, "one.ts", "mine", "a");
    const two = write(folder, "two.ts", "mine", "b");
    const plugins = builtinPlugins();
    await loadPluginsOfRun(plugins, recordOf(["mine", one]), run);
    await userError(
      () => loadPluginsOfRun(plugins, recordOf(["mine", two]), run),
      /uses the plugin "mine" in .*two\.ts, and another of that name is loaded, .*one\.ts/,
    );
  }));

Deno.test("what a stranger could have written into a record is not loaded", () =>
  inPlaces(async (_, run) => {
    const others: readonly [specifier: string, says: RegExp][] = [
      [
        "jsr:@someone/else@1",
        /uses the plugin jsr:@someone\/else@1: give it by --plugin jsr:@some/,
      ],
      ["https://example.org/x.ts", /uses the plugin https:.*--plugin https:/],
      [write(run, "own.ts", "own"), /in its own folder.*if you trust it/],
    ];
    for (const [specifier, says] of others) {
      await userError(
        () => loadPluginsOfRun(builtinPlugins(), recordOf(["x", specifier]), run),
        says,
      );
    }
  }));
