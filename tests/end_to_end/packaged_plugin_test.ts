/**
 * Plugins that are packages: those from JSR and from npm get the dlr that runs, not a copy of their
 * own, as nodes and operations of two copies do not go together.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { serveJsr } from "../support/jsr_registry.ts";
import { assertFinished, type Outcome, outcomeOf, ROOT, testWithProcesses } from "./command.ts";

/** A plugin that imports dlr by this specifier. */
const pluginOf = (dlr: string) => `
import { definePlugin, scalar } from ${JSON.stringify(dlr)};
export const one = scalar(1);
export default definePlugin({ name: "acme" });
`;

/** Loads the plugin that is its first argument, and says whether it is made of this dlr. */
const PROBE = `
import { definePlugin, ops } from ${JSON.stringify(pathToFileURL(join(ROOT, "mod.ts")).href)};
import { shareThisCopy } from ${
  JSON.stringify(pathToFileURL(join(ROOT, "core/run/plugins/this_copy.ts")).href)
};
if (Deno.args[1] === "share") shareThisCopy();
const { default: plugin, one } = await import(Deno.args[0]!);
const own = definePlugin({ name: "probe" });
console.log(JSON.stringify({
  sameDefinition: plugin.builtAgainst === own.builtAgainst,
  sameOperations: one.op === ops.constant,
}));
`;

/** A temporary folder with the probe; what Deno caches is in it as well. */
class Workplace implements Disposable {
  readonly folder = fs.realpathSync(Deno.makeTempDirSync({ prefix: "dlr_packages_" }));

  constructor() {
    fs.writeFileSync(join(this.folder, "probe.ts"), PROBE);
    fs.copyFileSync(join(ROOT, "deno.lock"), join(this.folder, "deno.lock"));
  }

  /** What Deno is told for a script of dlr's, with dlr's configuration. */
  get asScript(): string[] {
    return ["--config", join(ROOT, "deno.json"), "--lock", join(this.folder, "deno.lock")];
  }

  /** Runs the probe, with a cache of its own. */
  probe(
    options: readonly string[],
    args: readonly string[],
    env: Record<string, string>,
  ): Promise<Outcome> {
    return outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-prompt", "--allow-read", "--allow-env", "--allow-import"],
          ...options,
          join(this.folder, "probe.ts"),
          ...args,
        ],
        cwd: this.folder,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        env: { NO_COLOR: "1", DENO_DIR: join(this.folder, "deno"), ...env },
      }).spawn(),
    );
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true });
  }
}

/** Runs the probe on a plugin from JSR that imports `dlr`. */
async function probeFromJsr(dlr: string): Promise<Outcome> {
  using place = new Workplace();
  const files = { "mod.ts": pluginOf(dlr) };
  await using registry = serveJsr({
    "@acme/router": { version: "0.1.0", exports: { ".": "./mod.ts" }, files },
  });
  return await place.probe(place.asScript, ["jsr:@acme/router@^0.1.0"], {
    JSR_URL: `http://127.0.0.1:${registry.addr.port}/`,
  });
}

testWithProcesses("a plugin from JSR gets the dlr that runs", async () => {
  const outcome = await probeFromJsr(`jsr:@dlr/dlr@^${project.version}`);
  assertFinished(outcome);
  assert.deepEqual(JSON.parse(outcome.stdout), { sameDefinition: true, sameOperations: true });
});

testWithProcesses("a plugin from JSR for another version of dlr looks for that one", async () => {
  const { code, stderr } = await probeFromJsr("jsr:@dlr/dlr@^99.0.0");
  assert.equal(code, 1, stderr);
  assert.match(stderr, /JSR package not found: @dlr\/dlr/);
});

/** What npm would put beside the plugin: a copy of dlr of its own, here a very small one. */
const OTHER_COPY = `
export const definePlugin = (plugin) => ({ ...plugin, api: 1, builtAgainst: import.meta.url });
export const scalar = () => ({ op: "another" });
`;

/** The gzipped tar archive of a package of one module, as npm downloads it. */
async function archiveOf(manifest: unknown, module: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = Deno.makeTempDirSync({ prefix: "dlr_archive_" });
  try {
    fs.mkdirSync(join(folder, "package"));
    fs.writeFileSync(join(folder, "package", "package.json"), JSON.stringify(manifest));
    fs.writeFileSync(join(folder, "package", "mod.js"), module);
    const { stdout } = await new Deno.Command("tar", {
      args: ["--create", "--gzip", "--directory", folder, "package"],
    }).output();
    return stdout;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** An npm registry with these packages of one module each. */
async function serveNpm(
  modules: Readonly<Record<string, { module: string; peers?: Record<string, string> }>>,
): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const packages = new Map<string, { manifest: object; archive: Uint8Array<ArrayBuffer> }>();
  for (const [name, { module, peers = {} }] of Object.entries(modules)) {
    const version = project.version;
    const manifest = {
      name,
      version,
      type: "module",
      exports: "./mod.js",
      peerDependencies: peers,
    };
    packages.set(name, { manifest, archive: await archiveOf(manifest, module) });
  }
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, ({ url }) => {
    const { pathname, origin } = new URL(url);
    const asked = decodeURIComponent(pathname).slice(1);
    const name = asked.replace("/package.tgz", "");
    const found = packages.get(name);
    if (!found) return new Response("none", { status: 404 });
    if (asked !== name) return new Response(found.archive);
    const integrity = `sha512-${createHash("sha512").update(found.archive).digest("base64")}`;
    const dist = { tarball: `${origin}/${name}/package.tgz`, integrity };
    const versions = { [project.version]: { ...found.manifest, dist } };
    return Response.json({ name, "dist-tags": { latest: project.version }, versions });
  });
}

testWithProcesses("a plugin from npm gets the dlr that runs, not its own copy", async () => {
  using place = new Workplace();
  await using registry = await serveNpm({
    "@acme/router": { module: pluginOf("@dlr/dlr"), peers: { "@dlr/dlr": project.version } },
    "@dlr/dlr": { module: OTHER_COPY },
  });
  const address = `http://127.0.0.1:${registry.addr.port}/`;
  fs.writeFileSync(
    join(place.folder, ".npmrc"),
    `@acme:registry=${address}\n@dlr:registry=${address}\n`,
  );
  // Not with dlr's configuration, whose packages would all be downloaded into the new cache.
  const zod = pathToFileURL(join(ROOT, "node_modules/zod/index.js")).href;
  fs.writeFileSync(join(place.folder, "deno.json"), JSON.stringify({ imports: { zod } }));
  const options = ["--no-lock"];
  const env = { HOME: place.folder };
  const alone = await place.probe(options, ["npm:@acme/router"], env);
  const shared = await place.probe(options, ["npm:@acme/router", "share"], env);
  assertFinished(alone);
  assertFinished(shared);
  assert.deepEqual(JSON.parse(alone.stdout), { sameDefinition: false, sameOperations: false });
  assert.deepEqual(JSON.parse(shared.stdout), { sameDefinition: true, sameOperations: true });
});
