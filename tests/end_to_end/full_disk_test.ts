/** What a full disk does to a run: one line, and nothing lost that was there before. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { verifyFolder } from "../../core/io/mod.ts";
import { assertFinished, complaints, testWithProcesses, Workplace } from "./command.ts";

testWithProcesses(
  "a run on a disk that fills up says so, and goes on once there is room",
  async () => {
    using place = new Workplace();
    const disk = place.path("disk");
    Deno.mkdirSync(disk);
    if (!mounted("-t", "tmpfs", "-o", "size=160k", "tmpfs", disk)) {
      console.log(
        "cannot mount a small file system here (needs Linux and root): nothing was tested",
      );
      return;
    }
    try {
      const run = join(disk, "run");
      const full = await place.run(...place.tiny(), "--quiet", "--out", run);
      assert.equal(full.code, 2, full.stderr);
      const last = complaints(full).at(-1)!;
      assert.match(
        last,
        /^error: Cannot write .*: the disk is full; free some space and run again$/,
      );
      assert.equal(complaints(full).filter((line) => line.startsWith("error")).length, 1);
      const checkpoints = join(run, "checkpoints");
      const left = readdirSync(checkpoints).filter((name) => name !== "index.json");
      assert.ok(left.length > 0, "the disk is too small for even one checkpoint");
      for (const name of left) verifyFolder(join(checkpoints, name));

      assert.ok(mounted("-o", "remount,size=16m", disk));
      assertFinished(await place.run("--resume", run, "--quiet"));
      verifyFolder(join(checkpoints, "step-000006"));
    } finally {
      new Deno.Command("umount", { args: [disk] }).outputSync();
    }
  },
);

testWithProcesses("a disk without any room is found before a run begins", async () => {
  using place = new Workplace();
  const disk = place.path("disk");
  Deno.mkdirSync(disk);
  if (!mounted("-t", "tmpfs", "-o", "size=4k", "tmpfs", disk)) {
    console.log("cannot mount a small file system here (needs Linux and root): nothing was tested");
    return;
  }
  try {
    Deno.writeFileSync(join(disk, "filler"), new Uint8Array(4096));
    const full = await place.run(...place.tiny(), "--quiet", "--out", join(disk, "run"));
    assert.equal(full.code, 2, full.stderr);
    assert.match(
      complaints(full).join("\n"),
      /^error: Cannot write [^\n]*: the disk is full;[^\n]*$/,
    );
    assert.deepEqual(readdirSync(disk), ["filler"]);
  } finally {
    new Deno.Command("umount", { args: [disk] }).outputSync();
  }
});

/** Mounts a file system; false where that is not permitted. */
function mounted(...args: string[]): boolean {
  try {
    return new Deno.Command("mount", { args, stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
