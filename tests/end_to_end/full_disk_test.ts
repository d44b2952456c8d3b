/** What a full disk does to a run: one line, and nothing lost that was there before. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { verifyFolder } from "../../core/io/mod.ts";
import { assertFinished, complaints, testWithProcesses, Workplace, works } from "./command.ts";

testWithProcesses("a run on a disk that fills up says so, and goes on in more room", async () => {
  using place = new Workplace();
  const disk = place.path("disk");
  using _mount = mountSmall(disk, "160k");
  const run = join(disk, "run");
  const full = await place.run(...place.tiny(), "--quiet", "--out", run);
  assert.equal(full.code, 2, full.stderr);
  const errors = complaints(full).filter((line) => line.startsWith("error"));
  assert.equal(errors.length, 1, full.stderr);
  assert.equal(errors[0], complaints(full).at(-1));
  assert.match(errors[0]!, /^error: Cannot write .*: the disk is full; free some space and/);
  const checkpoints = join(run, "checkpoints");
  const left = readdirSync(checkpoints).filter((name) => name !== "index.json");
  assert.ok(left.length > 0, "the disk is too small for even one checkpoint");
  for (const name of left) verifyFolder(join(checkpoints, name));

  assert.ok(works("mount", "-o", "remount,size=16m", disk));
  assertFinished(await place.run("--resume", run, "--quiet"));
  verifyFolder(join(checkpoints, "step-000006"));
}, whyNoMount);

testWithProcesses("a disk without any room is found before a run begins", async () => {
  using place = new Workplace();
  const disk = place.path("disk");
  using _mount = mountSmall(disk, "4k");
  Deno.writeFileSync(join(disk, "filler"), new Uint8Array(4096));
  const full = await place.run(...place.tiny(), "--quiet", "--out", join(disk, "run"));
  assert.equal(full.code, 2, full.stderr);
  assert.match(
    complaints(full).join("\n"),
    /^error: Cannot write [^\n]*: the disk is full;[^\n]*$/,
  );
  assert.deepEqual(readdirSync(disk), ["filler"]);
}, whyNoMount);

/** A file system of this size in memory, until it is disposed of. */
function mountSmall(path: string, size: string): Disposable {
  Deno.mkdirSync(path);
  if (!works("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path)) {
    Deno.removeSync(path);
    throw new Error(`cannot mount ${path}`);
  }
  return {
    [Symbol.dispose]() {
      works("umount", path);
    },
  };
}

function whyNoMount(): string | undefined {
  const folder = Deno.makeTempDirSync({ prefix: "dlr_mount_" });
  try {
    using _mount = mountSmall(join(folder, "disk"), "64k");
    return undefined;
  } catch {
    return "to mount a file system: Linux, as root";
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
