/** Loading modules as plugins. */

import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { absoluteSpecifier } from "../../../../core/run/plugins/load.ts";
import { pluginArgs, pluginsAskedFor, withPlugins } from "../../../../core/run/plugins/options.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";
import { inFolder, userError } from "../../io/support.ts";

const CONTRACTS = new URL("../../../../core/contracts/mod.ts", import.meta.url).href;

/** A module that exports a plugin of this name, with a model. */
function source(name: string, model = `${name}-model`): string {
  return `import { definePlugin } from "${CONTRACTS}";
    export default definePlugin({
      name: "${name}",
      models: { "${model}": { description: "a model", folder: "/models/${model}" } },
    });`;
}

function write(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("a plugin's models are there once it is loaded, and it is loaded once", () =>
  inFolder(async (folder) => {
    const file = write(folder, "mine.ts", source("mine"));
    const plugins = await withPlugins(builtinPlugins(), ["--steps", "3", "--plugin", file]);
    await withPlugins(plugins, [`--plugin=${file}`]);
    assert.equal(plugins.models.get("mine-model").description, "a model");
    assert.match(plugins.models.owner("mine-model"), /^plugin "mine" \(.*mine\.ts\)$/);
    assert.deepEqual(plugins.loaded.map(({ name, specifier }) => [name, specifier]), [
      ["mine", pathToFileURL(file).href],
    ]);
    assert.match(plugins.loaded[0]!.sha256!, /^[0-9a-f]{64}$/);
    assert.deepEqual(pluginArgs(plugins), ["--plugin", relative(Deno.cwd(), file)]);
  }));

Deno.test("two plugins with one name for a model are told apart by their files", () =>
  inFolder(async (folder) => {
    const one = write(folder, "one.ts", source("one", "same"));
    const two = write(folder, "two.ts", source("two", "same"));
    const args = ["--plugin", one, "--plugin", two];
    await userError(
      () => withPlugins(builtinPlugins(), args),
      /model "same" from plugin "two" \(.*two\.ts\): plugin "one" \(.*one\.ts\)/,
    );
    const nano = write(folder, "nano.ts", source("third", "nano"));
    await userError(
      () => withPlugins(builtinPlugins(), ["--plugin", nano]),
      /Cannot register model "nano" from plugin "third" .*: dlr already has one of that name/,
    );
  }));

Deno.test("what cannot be loaded is refused in a line that says why", () =>
  inFolder(async (folder) => {
    const cases: readonly [name: string, text: string, says: RegExp][] = [
      ["throws.ts", `throw new RangeError("boom");`, /throws\.ts: RangeError: boom$/],
      ["syntax.ts", "let let = (;", /syntax\.ts: .*SyntaxError/],
      ["import.ts", `import "./absent.ts";`, /import\.ts: .*not found.*absent\.ts/i],
      ["nothing.ts", "export {};", /nothing\.ts: it has no default export/],
    ];
    for (const [name, text, says] of cases) {
      const file = write(folder, name, text);
      await userError(() => withPlugins(builtinPlugins(), ["--plugin", file]), says);
    }
  }));

Deno.test("a specifier is a file, a package or an address", () =>
  inFolder(async (folder) => {
    const file = write(folder, "mine.ts", "");
    assert.equal(absoluteSpecifier("mine.ts", folder), pathToFileURL(file).href);
    assert.equal(absoluteSpecifier("./mine.ts", folder), pathToFileURL(file).href);
    for (const kept of ["npm:x@1", "jsr:@a/b@1", "https://example.org/x.ts", "file:///x.ts"]) {
      assert.equal(absoluteSpecifier(kept, folder), kept);
    }
    await userError(() => absoluteSpecifier("other.ts", folder), /there is no file .*other/);
    await userError(() => absoluteSpecifier(".", folder), /it is a folder/);
  }));

Deno.test("an experiment asks for plugins in its configuration, by --set and by --plugin", () =>
  inFolder((folder) => {
    const [a, b, c] = ["a.ts", "b.ts", "c.ts"].map((name) => write(folder, name, ""));
    const config = write(folder, "config.json", JSON.stringify({ plugins: ["./a.ts", "npm:x"] }));
    const args = ["--config", config, "--set", `plugins=${b}`, "--plugin", c!, "--plugin", a!];
    assert.deepEqual(
      pluginsAskedFor(args),
      [a!, b!, c!].map((path) => pathToFileURL(path).href).toSpliced(1, 0, "npm:x"),
    );
    assert.deepEqual(pluginsAskedFor(["--config", join(folder, "absent.json")]), []);
    assert.deepEqual(pluginsAskedFor(["--steps", "3"]), []);
    // No name of a file: whoever reads the whole configuration says what it should be.
    for (const plugins of [[3], ["./a.ts", null], "./a.ts"]) {
      const wrong = write(folder, "wrong.json", JSON.stringify({ plugins }));
      assert.deepEqual(pluginsAskedFor(["--config", wrong]), []);
    }
  }));

Deno.test("paths of a plugin's models are from its own folder", () =>
  inFolder(async (folder) => {
    const file = write(
      folder,
      "mine.ts",
      `import { definePlugin } from "${CONTRACTS}";
      const tiny = { description: "d", config: {} };
      export default definePlugin({ name: "mine", models: {
        "a": { description: "d", folder: "models/a" },
        "b": { ...tiny, tokenizer: "./tokenizers/b" },
        "c": { ...tiny, tokenizer: "nano" },
      } });`,
    );
    const { models } = await withPlugins(builtinPlugins(), ["--plugin", file]);
    const [a, b, c] = ["a", "b", "c"].map((name) => models.get(name) as Record<string, unknown>);
    assert.equal(a!["folder"], join(folder, "models", "a"));
    assert.equal(b!["tokenizer"], join(folder, "tokenizers", "b"));
    assert.equal(c!["tokenizer"], "nano");
  }));

Deno.test("a plugin's hash is that of its sources, however they are put together", () =>
  inFolder(async (folder) => {
    write(folder, "part.ts", "export const x = 1;");
    const file = write(folder, "mine.ts", `import "./part.ts";\n${source("mine")}`);
    const hash = async () =>
      (await withPlugins(builtinPlugins(), ["--plugin", file])).loaded[0]!.sha256;
    const before = await hash();
    assert.equal(await hash(), before);
    write(folder, "part.ts", "export const x = 2;");
    assert.notEqual(await hash(), before);
  }));
