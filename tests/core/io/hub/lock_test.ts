import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { withLock } from "../../../../core/io/hub/lock.ts";
import { sha256 } from "../../../support/hub_server.ts";
import { inFolder, userError } from "../support.ts";
import { assertBytes, everything, noise, withHub } from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(200_000, 31);

Deno.test("a file that another process is fetching is waited for, and taken from it", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
    const locks = join(place.cache, ".locks", "models--org--name");
    const blobs = join(place.cache, "models--org--name", "blobs");
    fs.mkdirSync(locks, { recursive: true });
    const other = Deno.openSync(join(locks, `${sha256(WEIGHTS)}.lock`), {
      write: true,
      create: true,
    });
    assert.ok(other.tryLockSync(true));
    const snapshot = hubSnapshot(MODEL, everything, {
      ...place.options,
      onNote(line) {
        assert.equal(line, "waiting for another process that works on model.bin");
        fs.mkdirSync(blobs, { recursive: true });
        fs.writeFileSync(join(blobs, sha256(WEIGHTS)), WEIGHTS);
        other.close();
      },
    });
    const { folder } = await snapshot;
    assertBytes(join(folder, "model.bin"), WEIGHTS);
    assert.deepEqual(place.downloads(), []);
  }));

Deno.test("waiting for a lock ends with the download that waits", () =>
  inFolder(async (folder) => {
    const path = join(folder, "deep", "a.lock");
    const stop = new AbortController();
    const wait = { onNote: () => stop.abort(new Error("enough")), signal: stop.signal };
    await withLock(path, "a", wait, async () => {
      await assert.rejects(
        withLock(path, "a", wait, () => assert.fail("not alone")),
        /^Error: enough$/,
      );
    });
    assert.equal(await withLock(path, "a", wait, () => 7), 7);
    assert.deepEqual(fs.readdirSync(join(folder, "deep")), ["a.lock"]);
    await userError(
      () => withLock(join(path, "b.lock"), "b", wait, () => 7),
      /^Cannot lock .*b\.lock: a (part of the path is a file, not a folder|file is in the way of a folder); check the path$/,
    );
  }));

Deno.test("a file system without locks does not keep files from being fetched", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
    const { tryLockSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.tryLockSync = () => {
      throw new Error("Function not implemented (os error 38)");
    };
    try {
      const { folder } = await hubSnapshot(MODEL, everything, place.options);
      assertBytes(join(folder, "model.bin"), WEIGHTS);
    } finally {
      Deno.FsFile.prototype.tryLockSync = tryLockSync;
    }
    assert.match(
      place.notes[0]!,
      /^cannot lock .+\.lock \(Function not implemented .+\); going on$/,
    );
  }));
