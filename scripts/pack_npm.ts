/**
 * pack:npm: makes the npm package of what plugins are written against, and tries it out in Node.
 *
 *   deno task pack:npm
 *   npm publish dist/npm
 *
 * Deno translates the modules and writes their types; what the package does not need is left out. Then
 * the package is installed in an empty folder, imported by Node, and its types are checked.
 */

import "../core/run/permissions.ts";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };
import { UserError } from "../core/contracts/errors.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";

/** What runs outside of Deno as well. */
const ENTRIES = [".", "./backends/reference"] as const;

/** Files that a package has beside its modules. */
const BESIDE = ["README.md", "LICENSE"];

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** JavaScript, and TypeScript too: classes, operations, gradients, sizes known at run time only. */
const USE = `
import {
  definePlugin, floats, gradients, input, mul, reduceSum, runtimeSize, UserError,
} from "@dlr/dlr";
import { evaluate, referenceBackend } from "@dlr/dlr/backends/reference";

const x = input("x", [runtimeSize("length")]);
const [slope] = gradients(reduceSum(mul(x, x)), [x]);
const feeds = { x: floats([3], [1, 2, 3]) };
const program = await referenceBackend({ round: true }).compile({ slope: slope });
const run = await program.run(feeds);
const values = [...run.slope.data, ...evaluate([slope], feeds)[0].data];
const plugin = definePlugin({ name: "packed" });
if (values.join() !== "2,4,6,2,4,6") throw new Error("gradients are " + values.join());
if (plugin.api < 1 || !(new UserError("") instanceof Error)) throw new Error("not as it should be");
`;

const command = newCommand(
  "deno task pack:npm",
  "Makes the npm package of what plugins are written against, and tries it out in Node.",
)
  .option("--out <DIR>", "folder for the package", join(ROOT, "dist", "npm"));

/** Runs a program to its end. @throws {UserError} with what it printed, when it does not end well. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`Cannot run ${program}: it is not installed, or not in the PATH`);
  });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) {
    throw new UserError(
      `${program} ${args[0]} did not end well: ${text(stderr) || text(stdout)}`,
    );
  }
  return text(stdout);
}

/** What `entries` need, themselves included: modules by their paths from `folder`, and packages. */
function needsOf(
  folder: string,
  entries: readonly string[],
): { modules: string[]; packages: Set<string> } {
  const modules = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string) => {
    if (modules.has(path)) return;
    modules.add(path);
    const code = fs.readFileSync(join(folder, path), "utf8");
    for (const [, specifier] of code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (!specifier!.startsWith(".")) {
        packages.add(specifier!);
        continue;
      }
      visit(join(dirname(path), specifier!));
      const types = join(dirname(path), specifier!.replace(/\.js$/, ".d.ts"));
      if (fs.existsSync(join(folder, types))) visit(types);
    }
  };
  entries.forEach(visit);
  return { modules: [...modules], packages };
}

/** Makes room for the package. @throws {UserError} when something else is there. */
function clear(out: string): void {
  const manifest = join(out, "package.json");
  const isOurs = fs.existsSync(manifest) &&
    JSON.parse(fs.readFileSync(manifest, "utf8")).name === project.name;
  if (fs.existsSync(out) && !isOurs && fs.readdirSync(out).length > 0) {
    throw new UserError(`Cannot write to ${out}: it holds something else; choose another --out`);
  }
  fs.rmSync(out, { recursive: true, force: true });
}

/** Fills `out` with the package. Returns how many modules it has. */
async function pack(scratch: string, out: string): Promise<number> {
  const archive = join(scratch, "deno.tgz");
  const options = ["--allow-dirty", "--no-source-maps", "--output", archive];
  await run(Deno.execPath(), ["pack", ...options], ROOT);
  await run("tar", ["--extract", "--gzip", "--file", archive], scratch);
  const whole = join(scratch, "package");
  const manifest = JSON.parse(fs.readFileSync(join(whole, "package.json"), "utf8"));
  const exports = Object.fromEntries(ENTRIES.map((entry) => [entry, manifest.exports[entry]]));
  const entries = Object.values(exports).flatMap(({ types, import: code }) => [types, code]);
  const { modules, packages } = needsOf(whole, entries.map((path: string) => join(path)));
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => packages.has(name)),
  );

  clear(out);
  for (const path of [...modules, ...BESIDE]) {
    fs.mkdirSync(join(out, dirname(path)), { recursive: true });
    fs.copyFileSync(join(whole, path), join(out, path));
  }
  const own = {
    ...manifest,
    description: "Dynamic layer routing: what plugins are written against",
    exports,
    dependencies,
    sideEffects: false,
    engines: { node: ">=20" },
  };
  fs.writeFileSync(join(out, "package.json"), JSON.stringify(own, null, 2) + "\n");
  return modules.filter((path) => path.endsWith(".js")).length;
}

/** Installs the package in an empty folder, has Node import it, and checks its types. */
async function tryOut(scratch: string, out: string): Promise<void> {
  const archive = await run("npm", ["pack", "--silent", "--pack-destination", scratch], out);
  const folder = join(scratch, "empty");
  fs.mkdirSync(folder);
  fs.writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  const modules = join(folder, "node_modules");
  const installed = join(modules, ...project.name.split("/"));
  fs.mkdirSync(installed, { recursive: true });
  const extract = ["--extract", "--gzip", "--strip-components=1", "--directory", installed];
  await run("tar", [...extract, "--file", join(scratch, archive)], folder);
  const { dependencies } = JSON.parse(
    fs.readFileSync(join(installed, "package.json"), "utf8"),
  );
  // As they are here: nothing has to be downloaded.
  for (const name of Object.keys(dependencies)) {
    fs.symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  for (const name of ["use.mjs", "use.ts"]) fs.writeFileSync(join(folder, name), USE);
  await run("node", ["use.mjs"], folder);
  await run(Deno.execPath(), ["check", "--quiet", "use.ts"], folder);
  await run(Deno.execPath(), ["run", "--quiet", "use.ts"], folder);
}

await runScript(async () => {
  const out = resolve(readOptions(command).out);
  const scratch = fs.mkdtempSync(join(tmpdir(), "dlr_pack_"));
  try {
    const modules = await pack(scratch, out);
    await tryOut(scratch, out);
    console.log(`${project.name}@${project.version}: ${modules} modules in ${out}`);
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
});
