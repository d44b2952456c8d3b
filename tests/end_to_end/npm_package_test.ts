/** The npm package: made, installed, run by Node and checked, by the script that makes it. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import * as face from "../../mod.ts";
import {
  assertFinished,
  assertRefused,
  outcomeOf,
  ROOT,
  testWithProcesses,
  works,
} from "./command.ts";

function packInto(folder: string) {
  return outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-P", join(ROOT, "scripts/pack_npm.ts"), "--out", folder],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn(),
  );
}

const lacks = () => works("npm", "--version") && works("node", "--version") ? undefined : "Node";

testWithProcesses("the npm package holds the whole face and nothing it does not need", async () => {
  const parent = fs.mkdtempSync(join(tmpdir(), "dlr_npm_"));
  const folder = join(parent, "package");
  try {
    assertFinished(await packInto(folder));
    const manifest = JSON.parse(fs.readFileSync(join(folder, "package.json"), "utf8"));
    assert.equal(manifest.version, project.version);
    assert.deepEqual(Object.keys(manifest.dependencies), ["zod"]);
    assert.deepEqual(Object.keys(manifest.exports), [".", "./backends/reference"]);
    const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    assert.deepEqual(files.filter((name) => /(?<!\.d)\.ts$/.test(name)), []);
    assert.equal(files.some((name) => name.startsWith(join("core", "train"))), false);

    const script = 'import("./mod.js").then((face) => console.log(Object.keys(face).join()))';
    fs.mkdirSync(join(folder, "node_modules"));
    fs.symlinkSync(join(ROOT, "node_modules", "zod"), join(folder, "node_modules", "zod"));
    const { stdout } = await new Deno.Command("node", { args: ["-e", script], cwd: folder })
      .output();
    assert.equal(new TextDecoder().decode(stdout).trim(), Object.keys(face).join());
  } finally {
    fs.rmSync(parent, { recursive: true });
  }
}, lacks);

testWithProcesses("the npm package takes no other folder's place", async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "dlr_npm_"));
  try {
    fs.writeFileSync(join(folder, "thesis.txt"), "years of work");
    assertRefused(await packInto(folder), /holds something else; choose another --out/);
    assert.deepEqual(fs.readdirSync(folder), ["thesis.txt"]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
