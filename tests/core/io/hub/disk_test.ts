/** Disks that do not take what the hub sends. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { sha256 } from "../../../support/hub_server.ts";
import { testWithProcesses, works } from "../../../end_to_end/command.ts";
import { userError } from "../support.ts";
import {
  assertBytes,
  contents,
  everything,
  noise,
  offline,
  type Place,
  withHub,
} from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(300_000, 41);
const DIGEST = sha256(WEIGHTS);

testWithProcesses(
  "a full disk gives one line, and more room is enough to go on",
  () =>
    withHub(async (place) => {
      await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
      fs.mkdirSync(place.cache);
      if (!works("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place.cache)) {
        console.log("cannot mount a small file system here; nothing was tested");
        return;
      }
      try {
        await userError(
          () => hubSnapshot(MODEL, everything, place.options),
          `Cannot write ${place.cache}/models--org--name/blobs/${DIGEST}: the disk is full; free ` +
            "some space and run again",
        );
        const names = Object.keys(contents(place.cache)).filter((name) =>
          /blobs|snapshots/.test(name)
        );
        assert.deepEqual(names, [`models--org--name/blobs/${DIGEST}.incomplete`]);
        place.downloads();
        assert.ok(works("mount", "-o", "remount,size=4m", place.cache));
        const { folder } = await hubSnapshot(MODEL, everything, place.options);
        assertBytes(join(folder, "model.bin"), WEIGHTS);
        assert.match(place.downloads()[0]!.range!, /^bytes=\d{5,}-$/);
      } finally {
        works("umount", place.cache);
      }
    }),
);

/** Runs `body` while a call of node:fs fails as on a disk that takes nothing. */
async function failing(call: "mkdirSync" | "openSync", body: () => Promise<void>): Promise<void> {
  const original = fs[call];
  Object.assign(fs, {
    [call]: () => {
      throw Object.assign(new Error("said the test"), { code: "EROFS" });
    },
  });
  try {
    await body();
  } finally {
    Object.assign(fs, { [call]: original });
  }
}

/** A cache that was filled by one who may write it. */
async function filled(place: Place): Promise<void> {
  await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
  await hubSnapshot(MODEL, everything, place.options);
}

Deno.test("a cache that cannot be written says so", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
    await failing("mkdirSync", async () => {
      await userError(
        () => hubSnapshot(MODEL, everything, place.options),
        /^Cannot write .*\/snapshots\/[0-9a-f]{40}: the file system is read-only; choose another folder$/,
      );
    });
  }));

Deno.test("a cache that cannot be written can be used all the same", () =>
  withHub(async (place) => {
    await filled(place);
    fs.rmSync(join(place.cache, "models--org--name/.dlr"), { recursive: true });
    await failing("mkdirSync", async () => {
      await hubSnapshot(MODEL, everything, offline(place));
      await hubSnapshot(MODEL, everything, place.options);
    });
    assert.ok(place.notes.length > 0);
    for (const line of place.notes) {
      assert.match(
        line,
        /^Cannot lock .*dlr\.lock: the file system is read-only; choose another folder$/,
      );
    }
  }));
