import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type HubOptions, hubSnapshot } from "../../../../core/io/hub/mod.ts";
import {
  answers,
  corrupted,
  cutAfter,
  ignoresRange,
  sha256,
  stallAfter,
  without,
} from "../../../support/hub_server.ts";
import { userError } from "../support.ts";
import { assertBytes, everything, noise, type Place, withHub } from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(500_000, 11);
const DIGEST = sha256(WEIGHTS);
const FROM_STORAGE = /^GET \/storage/;

/** Runs `body` with a hub that has one large file. */
function withWeights(
  body: (place: Place, fetch: (options?: HubOptions) => Promise<Uint8Array>) => Promise<void>,
): Promise<void> {
  return withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.safetensors": WEIGHTS });
    await body(place, async (options = {}) => {
      const { folder } = await hubSnapshot(MODEL, everything, { ...place.options, ...options });
      return new Uint8Array(fs.readFileSync(join(folder, "model.safetensors")));
    });
  });
}

/** Path of the blob, or of what is there of it. */
const blob = (place: Place, ending = "") =>
  join(place.cache, "models--org--name", "blobs", DIGEST + ending);

/** What an earlier process may have left behind. */
function leaveIncomplete(place: Place, bytes: Uint8Array): void {
  fs.mkdirSync(join(place.cache, "models--org--name", "blobs"), { recursive: true });
  fs.writeFileSync(blob(place, ".incomplete"), bytes);
}

/** The blobs that are there, by name. */
const blobs = (place: Place) => fs.readdirSync(join(place.cache, "models--org--name", "blobs"));

const ranges = (place: Place) => place.downloads().map(({ range }) => range);

Deno.test("a connection that is cut is taken up where it ended", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(FROM_STORAGE, cutAfter(200_000));
    place.hub.inject(FROM_STORAGE, cutAfter(100_000));
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), [null, "bytes=200000-", "bytes=300000-"]);
    assert.deepEqual(place.pauses, [1, 1], "what brings bytes does not count as a failure");
    assert.match(
      place.notes[0]!,
      /^the connection to 127\.0\.0\.1:\d+ failed \(.+\); trying again in 1 s$/,
    );
    assert.deepEqual(blobs(place), [DIGEST]);
  }));

Deno.test("tries that bring nothing are bounded, and what is there is kept", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(FROM_STORAGE, cutAfter(200_000));
    place.hub.inject(FROM_STORAGE, cutAfter(0), Infinity);
    await userError(
      fetch,
      /^Cannot download model\.safetensors of the model org\/name: the connection to 127\.0\.0\.1:\d+ failed \(.+\); check the connection and run again, or set HF_HUB_OFFLINE=1 to use only the cache .+$/,
    );
    assert.deepEqual(place.pauses, [1, 2, 4, 8]);
    assert.equal(ranges(place).length, 5);
    assert.deepEqual(blobs(place), [`${DIGEST}.incomplete`]);
    place.hub.heal();
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), ["bytes=200000-"]);
  }));

Deno.test("a storage that ignores ranges sends the file from its first byte, once", () =>
  withWeights(async (place, fetch) => {
    leaveIncomplete(place, WEIGHTS.subarray(0, 300_000));
    place.hub.inject(FROM_STORAGE, ignoresRange());
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), ["bytes=300000-"]);
    assert.deepEqual(place.notes, []);
  }));

Deno.test("a storage that ignores ranges and cuts does not go on for ever", () =>
  withWeights(async (place, fetch) => {
    // A fault is for one request; of two that match, the first is taken until it is used up.
    for (let i = 0; i < 10; i++) {
      place.hub.inject(FROM_STORAGE, { ...ignoresRange(), ...cutAfter(1000) });
    }
    await userError(fetch, "model.safetensors");
    assert.equal(ranges(place).length, 5);
  }));

Deno.test("what an earlier process left is taken up", () =>
  withWeights(async (place, fetch) => {
    leaveIncomplete(place, WEIGHTS.subarray(0, 123_456));
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), ["bytes=123456-"]);
  }));

Deno.test("what an earlier process left whole needs no byte more", () =>
  withWeights(async (place, fetch) => {
    leaveIncomplete(place, WEIGHTS);
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), []);
  }));

Deno.test("what an earlier process left wrong or too long is fetched again from zero", () =>
  withWeights(async (place, fetch) => {
    leaveIncomplete(place, noise(1000, 5));
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), ["bytes=1000-", null]);
    assert.deepEqual(place.notes, ["model.safetensors arrived damaged; fetching it again"]);
    fs.rmSync(blob(place));
    leaveIncomplete(place, noise(WEIGHTS.length + 1, 5));
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), [null]);
  }));

Deno.test("a range that the storage does not have means to begin again", () =>
  withWeights(async (place, fetch) => {
    for (
      const wrong of [answers(416), answers(206, { "content-range": "bytes 400000-499999/500000" })]
    ) {
      fs.rmSync(place.cache, { recursive: true, force: true });
      leaveIncomplete(place, WEIGHTS.subarray(0, 300_000));
      place.hub.inject(FROM_STORAGE, wrong);
      assertBytes(await fetch(), WEIGHTS);
      assert.deepEqual(ranges(place), ["bytes=300000-", null]);
      assert.deepEqual(place.notes.splice(0), [
        "the hub does not go on where the last try ended; trying again in 1 s",
      ]);
    }
  }));

Deno.test("a connection that stalls is given up", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(FROM_STORAGE, stallAfter(100_000));
    assertBytes(await fetch({ stallSeconds: 1 }), WEIGHTS);
    assert.deepEqual(ranges(place), [null, "bytes=100000-"]);
    assert.match(
      place.notes[0]!,
      /^127\.0\.0\.1:\d+ sent nothing for 1 seconds; trying again in 1 s$/,
    );
    fs.rmSync(place.cache, { recursive: true });
    place.hub.inject(/^GET \/api/, stallAfter(10), Infinity);
    await userError(
      () => fetch({ stallSeconds: 0.05 }),
      /^Cannot find main of the model org\/name: 127\.0\.0\.1:\d+ sent nothing for 0\.05 seconds; check/,
    );
  }));

Deno.test("damaged bytes are fetched again from zero once, and then it is an error", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(FROM_STORAGE, corrupted());
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), [null, null]);
    assert.deepEqual(place.notes, ["model.safetensors arrived damaged; fetching it again"]);
    fs.rmSync(place.cache, { recursive: true });
    place.hub.inject(FROM_STORAGE, corrupted(), 2);
    await userError(
      fetch,
      "Cannot download model.safetensors of the model org/name: it arrived damaged twice (it has not " +
        "the size or the checksum that the hub names); run again later, or over another network",
    );
    assert.deepEqual(blobs(place), []);
  }));

Deno.test("the bytes of a small file are checked against git's checksum", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", { "config.json": "{}\n", "empty.txt": "" });
    place.hub.inject(/^GET .*config/, corrupted());
    const { folder } = await hubSnapshot(MODEL, everything, place.options);
    assert.equal(fs.readFileSync(join(folder, "config.json"), "utf8"), "{}\n");
    assert.equal(fs.readFileSync(join(folder, "empty.txt"), "utf8"), "");
    assert.deepEqual(place.notes, ["config.json arrived damaged; fetching it again"]);
    // What git hash-object says of "{}\n" and of nothing.
    assert.deepEqual(blobs(place).sort(), [
      "0967ef424bce6791893e9a57bb952f80fd536e93",
      "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    ]);
  }));

Deno.test("a file of which the hub does not say the size is held against its checksum alone", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(/^HEAD/, without("x-linked-size"));
    assertBytes(await fetch(), WEIGHTS);
    fs.rmSync(place.cache, { recursive: true });
    place.hub.inject(/^HEAD/, without("x-linked-size"));
    leaveIncomplete(place, WEIGHTS);
    place.downloads();
    // All of it is here, but only the storage knows.
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(ranges(place), ["bytes=500000-", null]);
  }));

Deno.test("a storage that sends more than the file is not believed", () =>
  withWeights(async (place, fetch) => {
    const more = new Uint8Array(WEIGHTS.length + 1000);
    more.set(WEIGHTS);
    place.hub.inject(FROM_STORAGE, { response: () => new Response(more) });
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(place.notes, ["model.safetensors arrived damaged; fetching it again"]);
  }));

Deno.test("the hub is left alone for as long as it asks, and its own failures pass", () =>
  withWeights(async (place, fetch) => {
    place.hub.inject(/^GET \/api/, answers(429, { "retry-after": "17" }));
    place.hub.inject(/^GET \/api/, answers(429, { "ratelimit": '"api";r=0;t=55' }));
    place.hub.inject(/^GET \/api/, answers(503));
    place.hub.inject(/^HEAD/, answers(502));
    place.hub.inject(/^GET \/org/, answers(500));
    place.hub.inject(FROM_STORAGE, answers(504));
    place.hub.inject(FROM_STORAGE, answers(403));
    assertBytes(await fetch(), WEIGHTS);
    assert.deepEqual(place.pauses, [17, 55, 4, 1, 1, 2, 4]);
    assert.match(
      place.notes[0]!,
      /^127\.0\.0\.1:\d+ was asked too often \(429\); trying again in 17 s$/,
    );
    assert.match(place.notes[2]!, /^127\.0\.0\.1:\d+ has a failure of its own \(503\); trying/);
  }));

Deno.test("a hub that stays busy or broken is given up", () =>
  withWeights(async (place, fetch) => {
    const { host } = place.hub;
    place.hub.inject(/^GET \/api/, answers(429), Infinity);
    await userError(
      fetch,
      `Cannot find main of the model org/name: ${host} was asked too often (429); wait a few ` +
        "minutes and run again, or set HF_TOKEN, which raises the limit",
    );
    assert.deepEqual(place.pauses.splice(0), [1, 2, 4, 8]);
    place.hub.heal();
    place.hub.inject(/^GET \/api/, answers(429, { "retry-after": "3600" }), Infinity);
    await userError(fetch, `${host} was asked too often (429); wait 3600 seconds and run again`);
    assert.deepEqual(place.pauses, [], "an hour is not waited for");
    place.hub.heal();
    place.hub.inject(/^HEAD/, answers(500), Infinity);
    await userError(
      fetch,
      `Cannot download model.safetensors of the model org/name: ${host} has a failure of its own ` +
        `(500); run again later, or set HF_HUB_OFFLINE=1 to use only the cache ${place.cache}`,
    );
    place.hub.heal();
    place.hub.inject(FROM_STORAGE, answers(403), Infinity);
    await userError(
      fetch,
      `Cannot download model.safetensors of the model org/name: ${place.hub.storageHost} refused it ` +
        "(403); run again later",
    );
  }));

Deno.test("the first failure stops the other files", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", {
      "a.bin": noise(100_000, 1),
      "b.bin": noise(200_000, 2),
      "c.bin": noise(300_000, 3),
    });
    const refused = new RegExp(`^GET .*${sha256(noise(100_000, 1))}`);
    place.hub.inject(refused, answers(403), Infinity);
    place.hub.inject(FROM_STORAGE, stallAfter(0), Infinity);
    await userError(
      () => hubSnapshot(MODEL, everything, { ...place.options, stallSeconds: 5 }),
      "Cannot download a.bin of the model org/name",
    );
    assert.deepEqual(place.pauses, [1, 2, 4, 8], "the others are not waited for");
    const left = blobs(place);
    assert.ok(left.length > 0 && left.every((name) => name.endsWith(".incomplete")), `${left}`);
  }));

Deno.test("two downloads of the same file in one process make one transfer", () =>
  withWeights(async (place, fetch) => {
    const both = await Promise.all([fetch(), fetch()]);
    for (const bytes of both) assertBytes(bytes, WEIGHTS);
    assert.equal(place.downloads().length, 1);
    assert.ok(
      place.notes.every((line) =>
        line === "waiting for another process that works on model.safetensors"
      ),
    );
  }));

Deno.test("bytes are on the disk before the file has its name", () =>
  withWeights(async (place, fetch) => {
    const { sync } = Deno.FsFile.prototype;
    const { renameSync } = fs;
    const calls: string[] = [];
    Deno.FsFile.prototype.sync = async function () {
      calls.push(`sync ${(await this.stat()).size}`);
      return await sync.call(this);
    };
    Object.assign(fs, {
      renameSync(from: string, to: string) {
        if (to === blob(place)) calls.push("rename");
        return renameSync(from, to);
      },
    });
    try {
      await fetch();
    } finally {
      Deno.FsFile.prototype.sync = sync;
      Object.assign(fs, { renameSync });
    }
    assert.deepEqual(calls, [`sync ${WEIGHTS.length}`, "rename"]);
  }));
