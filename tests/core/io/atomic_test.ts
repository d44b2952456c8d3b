import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import {
  replaceFile,
  temporaryPath,
  writeFileAtomic,
  writeFully,
} from "../../../core/io/atomic.ts";
import {
  MANIFEST,
  newestWholeFolder,
  recoverFolder,
  verifyFolder,
  writeFolderAtomic,
} from "../../../core/io/atomic_folder.ts";
import { writeSafetensors } from "../../../core/io/safetensors_writer.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { inFolder, userError } from "./support.ts";

/** Mounting a file system means starting a process. */
const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
const noRun = mayRun ? "" : " [skipped: needs --allow-run]";

/** A device on which every write fails as on a full disk (Linux). */
const FULL = "/dev/full";
const mayFill = canWrite(FULL);
const noFull = mayFill ? "" : " [skipped: needs Linux and --allow-all]";

function canWrite(path: string): boolean {
  try {
    fs.closeSync(fs.openSync(path, "r+"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs `body` while a call of node:fs, after `allowed` that succeed, fails as the operating system
 * would make it fail, `failures` times.
 */
async function failing(
  call: "writeSync" | "fsyncSync" | "openSync" | "renameSync",
  code: string,
  body: () => Promise<void>,
  allowed = 0,
  failures = Infinity,
): Promise<void> {
  const original = fs[call] as (...args: unknown[]) => unknown;
  let calls = 0;
  const replacement = (...args: unknown[]) => {
    const call = calls++;
    if (call < allowed || call >= allowed + failures) return original(...args);
    throw Object.assign(new Error(`${code}: said the test`), { code });
  };
  Object.assign(fs, { [call]: replacement });
  try {
    await body();
  } finally {
    Object.assign(fs, { [call]: original });
  }
}

const twoFiles = (content: string) => (folder: string) => {
  fs.writeFileSync(join(folder, "a.txt"), content);
  fs.mkdirSync(join(folder, "deep"));
  fs.writeFileSync(join(folder, "deep", "b.txt"), content + content);
};

Deno.test("a file is written whole, replaces the former one and leaves nothing beside it", () =>
  inFolder((folder) => {
    const path = join(folder, "new", "file.json");
    writeFileAtomic(path, "first");
    writeFileAtomic(path, new Uint8Array([104, 105]));
    assert.equal(fs.readFileSync(path, "utf8"), "hi");
    assert.deepEqual(fs.readdirSync(join(folder, "new")), ["file.json"]);
  }));

Deno.test("a write that fails half-way leaves the former file", () =>
  inFolder((folder) => {
    const path = join(folder, "file.txt");
    writeFileAtomic(path, "former");
    assert.throws(() =>
      replaceFile(path, (file) => {
        writeFully(file, new Uint8Array(1000));
        throw new TypeError("half-way");
      }), /half-way/);
    assert.equal(fs.readFileSync(path, "utf8"), "former");
    assert.deepEqual(fs.readdirSync(folder), ["file.txt"]);
  }));

Deno.test("the temporary file of a killed write is replaced by the next", () =>
  inFolder((folder) => {
    const path = join(folder, "file.txt");
    fs.writeFileSync(temporaryPath(path), "half of somethi");
    writeFileAtomic(path, "whole");
    assert.deepEqual(fs.readdirSync(folder), ["file.txt"]);
    assert.equal(fs.readFileSync(path, "utf8"), "whole");
  }));

for (
  const [call, code, said] of [
    ["writeSync", "ENOSPC", "disk is full"],
    ["fsyncSync", "ENOSPC", "disk is full"],
    ["fsyncSync", "EDQUOT", "disk quota"],
    ["openSync", "EROFS", "read-only"],
    ["openSync", "EACCES", "permission denied"],
    ["renameSync", "EPERM", "does not allow"],
  ] as const
) {
  Deno.test(`${code} from ${call} gives one line and leaves what was there`, () =>
    inFolder(async (folder) => {
      const file = join(folder, "file.txt");
      const step = join(folder, "step-1");
      writeFileAtomic(file, "former");
      await writeFolderAtomic(step, twoFiles("former"));
      await failing(call, code, async () => {
        await userError(() => writeFileAtomic(file, "new"), "file.txt", said);
        await userError(() => writeFolderAtomic(step, twoFiles("new")), "step-1", said);
      });
      assert.equal(fs.readFileSync(file, "utf8"), "former");
      verifyFolder(step);
      assert.equal(fs.readFileSync(join(step, "a.txt"), "utf8"), "former");
      assert.deepEqual(fs.readdirSync(folder).sort(), ["file.txt", "step-1"]);
    }));
}

Deno.test({
  name: `a full disk gives one line and leaves the former file${noFull}`,
  ignore: !mayFill,
  fn: () =>
    inFolder(async (folder) => {
      const path = join(folder, "file.txt");
      writeFileAtomic(path, "former");
      const full = fs.openSync(FULL, "w");
      try {
        await userError(
          () => replaceFile(path, () => writeFully(full, new Uint8Array(10))),
          "file.txt",
          "disk is full",
        );
      } finally {
        fs.closeSync(full);
      }
      assert.equal(fs.readFileSync(path, "utf8"), "former");
      assert.deepEqual(fs.readdirSync(folder), ["file.txt"]);
    }),
});

Deno.test({
  name: `a full disk while a folder is filled leaves the former folder${noFull}`,
  ignore: !mayFill,
  fn: () =>
    inFolder(async (folder) => {
      const path = join(folder, "step-1");
      await writeFolderAtomic(path, twoFiles("former"));
      const fill = async (temporary: string) => {
        fs.symlinkSync(FULL, join(temporary, "a.txt"));
        await Deno.writeTextFile(join(temporary, "a.txt"), "new");
      };
      await userError(() => writeFolderAtomic(path, fill), "step-1", "disk is full");
      await userError(() => writeFolderAtomic(join(folder, "step-2"), fill), "disk is full");
      verifyFolder(path);
      assert.equal(fs.readFileSync(join(path, "a.txt"), "utf8"), "former");
      assert.deepEqual(fs.readdirSync(folder), ["step-1"]);
    }),
});

Deno.test({
  name: `a file system without room gives one line and keeps what was there${noRun}`,
  ignore: !mayRun,
  fn: () =>
    inFolder(async (folder) => {
      const run = (...command: string[]) =>
        new Deno.Command(command[0]!, { args: command.slice(1) }).outputSync();
      if (!run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder).success) {
        console.log("cannot mount a small file system here; nothing was tested");
        return;
      }
      try {
        const path = join(folder, "w.safetensors");
        const small = [{ name: "w", tensor: floats([8]) }];
        const large = [{ name: "w", tensor: floats([100_000]) }];
        writeSafetensors(path, small);
        const former = fs.readFileSync(path);
        await userError(() => writeSafetensors(path, large), "w.safetensors", "disk is full");
        await userError(
          () =>
            writeFolderAtomic(join(folder, "step-1"), (temporary) =>
              writeSafetensors(join(temporary, "w.safetensors"), large)),
          "disk is full",
        );
        assert.deepEqual(fs.readFileSync(path), former);
        assert.deepEqual(fs.readdirSync(folder), ["w.safetensors"]);
      } finally {
        run("umount", folder);
      }
    }),
});

Deno.test("a place that cannot be written is named", () =>
  inFolder(async (folder) => {
    writeFileAtomic(join(folder, "file"), "x");
    await userError(() => writeFileAtomic(join(folder, "file", "deeper"), "x"), "Cannot write");
    fs.mkdirSync(join(folder, "taken"));
    await userError(() => writeFileAtomic(join(folder, "taken"), "x"), "taken", "folder");
    await userError(
      () => writeFolderAtomic(join(folder, "file", "deeper"), () => {}),
      "Cannot write",
    );
    assert.deepEqual(fs.readdirSync(folder).sort(), ["file", "taken"]);
  }));

Deno.test("a folder is written with the sizes and digests of its files and replaces the former", () =>
  inFolder(async (folder) => {
    const path = join(folder, "deep", "step-7");
    await writeFolderAtomic(path, twoFiles("former"));
    await writeFolderAtomic(path, (temporary) => {
      fs.writeFileSync(join(temporary, "c.txt"), "abc");
    });
    assert.deepEqual(verifyFolder(path), {
      version: 1,
      files: {
        "c.txt": {
          size: 3,
          // The one-block example of FIPS 180-2, appendix B.1.
          sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        },
      },
    });
    assert.deepEqual(fs.readdirSync(path).sort(), ["c.txt", MANIFEST]);
    assert.deepEqual(fs.readdirSync(join(folder, "deep")), ["step-7"]);
  }));

Deno.test("an error while a folder is filled passes through and leaves the former folder", () =>
  inFolder(async (folder) => {
    const path = join(folder, "step-1");
    await writeFolderAtomic(path, twoFiles("former"));
    await assert.rejects(
      writeFolderAtomic(path, (temporary) => {
        fs.readFileSync(join(temporary, "not there"));
      }),
      { code: "ENOENT" },
    );
    assert.equal(fs.readFileSync(join(path, "a.txt"), "utf8"), "former");
    assert.deepEqual(fs.readdirSync(folder), ["step-1"]);
  }));

Deno.test("a damaged folder is refused by the name of the damaged file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "step-1");
    const damaged = async (damage: () => void, ...patterns: (string | RegExp)[]) => {
      await writeFolderAtomic(path, twoFiles("content"));
      damage();
      await userError(() => verifyFolder(path), "step-1", ...patterns);
    };
    await damaged(() => fs.writeFileSync(join(path, "a.txt"), "cOntent"), "a.txt", "damaged");
    await damaged(() => fs.writeFileSync(join(path, "a.txt"), "con"), "a.txt", "3 bytes");
    await damaged(() => fs.rmSync(join(path, "deep", "b.txt")), "deep/b.txt is missing");
    await damaged(() => fs.rmSync(join(path, MANIFEST)), "no manifest.json");
    await damaged(() => fs.truncateSync(join(path, MANIFEST), 20), "manifest.json is damaged");
    await damaged(() => fs.writeFileSync(join(path, MANIFEST), "[]"), "manifest.json is damaged");
  }));

Deno.test("the newest whole folder is found by number, past damage and leftovers", () =>
  inFolder(async (folder) => {
    assert.equal(newestWholeFolder(join(folder, "none"), "step-"), undefined);
    assert.equal(newestWholeFolder(folder, "step-"), undefined);
    for (const step of ["9", "10", "0011"]) {
      await writeFolderAtomic(join(folder, `step-${step}`), twoFiles(step));
    }
    await writeFolderAtomic(join(folder, "best"), twoFiles("best"));
    fs.mkdirSync(join(folder, ".step-12.tmp"));
    fs.mkdirSync(join(folder, ".other-12.tmp"));
    fs.mkdirSync(join(folder, "step-13"));
    assert.equal(newestWholeFolder(folder, "step-"), join(folder, "step-0011"));
    fs.appendFileSync(join(folder, "step-0011", "a.txt"), "!");
    assert.equal(newestWholeFolder(folder, "step-"), join(folder, "step-10"));
    assert.ok(fs.existsSync(join(folder, ".step-12.tmp")), "a reader removes nothing");
    newestWholeFolder(folder, "step-", { clean: true });
    assert.ok(!fs.existsSync(join(folder, ".step-12.tmp")));
    assert.ok(fs.existsSync(join(folder, ".other-12.tmp")), "another prefix is somebody else's");
  }));

Deno.test("a folder whose replacement was killed between its renames gets its name back", () =>
  inFolder(async (folder) => {
    const path = join(folder, "step-3");
    await writeFolderAtomic(path, twoFiles("former"));
    fs.renameSync(path, join(folder, ".step-3.old"));
    fs.mkdirSync(temporaryPath(path));
    assert.equal(newestWholeFolder(folder, "step-", { clean: true }), path);
    assert.deepEqual(fs.readdirSync(folder), ["step-3"]);
    fs.renameSync(path, join(folder, ".step-3.old"));
    recoverFolder(path);
    verifyFolder(path);
    // Killed after the second rename: the new folder stays and the former one goes.
    fs.cpSync(path, join(folder, ".step-3.old"), { recursive: true });
    fs.writeFileSync(join(folder, ".step-3.old", "a.txt"), "older");
    assert.equal(newestWholeFolder(folder, "step-", { clean: true }), path);
    assert.deepEqual(fs.readdirSync(folder), ["step-3"]);
  }));

Deno.test("a replacement that fails at any rename leaves the former folder in its place", () =>
  inFolder(async (folder) => {
    const path = join(folder, "best");
    await writeFolderAtomic(path, twoFiles("former"));
    // The renames are: of the manifest, of the former folder aside, of the new one into its place.
    for (const allowed of [0, 1, 2]) {
      const write = () => userError(() => writeFolderAtomic(path, twoFiles("new")), "best");
      await failing("renameSync", "EIO", write, allowed, 1);
      assert.deepEqual(fs.readdirSync(folder), ["best"]);
      assert.equal(fs.readFileSync(join(path, "a.txt"), "utf8"), "former");
    }
    // A replacement killed between its renames, and then one that fails before them.
    fs.renameSync(path, join(folder, ".best.old"));
    await assert.rejects(writeFolderAtomic(path, () => Promise.reject(new TypeError("no"))));
    assert.deepEqual(fs.readdirSync(folder), ["best"]);
    assert.equal(fs.readFileSync(join(path, "a.txt"), "utf8"), "former");
  }));

Deno.test({
  name: `a process killed at any moment leaves a whole newest folder${noRun}`,
  ignore: !mayRun,
  fn: () =>
    inFolder(async (folder) => {
      const program = `
        import { writeFolderAtomic } from ${
        JSON.stringify(new URL("../../../core/io/atomic_folder.ts", import.meta.url).href)
      };
        for (let step = 1;; step++) {
          for (const name of ["step-" + step, "best"]) {
            await writeFolderAtomic(${JSON.stringify(folder)} + "/" + name, async (temporary) => {
              await Deno.writeFile(temporary + "/x", new Uint8Array(200_000).fill(step));
            });
          }
          console.log(step);
        }`;
      const script = await Deno.makeTempFile({ suffix: ".ts" });
      await Deno.writeTextFile(script, program);
      for (let round = 0; round < 4; round++) {
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", script],
          stdout: "piped",
        }).spawn();
        const output = child.stdout.getReader();
        await output.read(); // The first folder is whole: from here on there always is one.
        await new Promise((resolve) => setTimeout(resolve, 3 + round * 11));
        child.kill("SIGKILL");
        await child.status;
        await output.cancel();
        const newest = newestWholeFolder(folder, "step-", { clean: true });
        assert.ok(newest !== undefined);
        recoverFolder(join(folder, "best"));
        verifyFolder(join(folder, "best"));
      }
      await Deno.remove(script);
    }),
});
