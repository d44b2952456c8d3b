import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { sha256 } from "../../../support/hub_server.ts";
import { userError } from "../support.ts";
import {
  age,
  assertBytes,
  away,
  everything,
  noise,
  offline,
  type Place,
  withHub,
} from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(100_000, 21);
const DAMAGED = WEIGHTS.map((byte, index) => index === 50_000 ? byte ^ 1 : byte);

/** Runs `body` with a cache that holds one large file and one small one. */
function withCached(body: (place: Place, file: string) => Promise<void>): Promise<void> {
  return withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.bin": WEIGHTS, "config.json": "{}" });
    const { folder } = await hubSnapshot(MODEL, everything, place.options);
    place.downloads();
    await body(place, join(folder, "model.bin"));
  });
}

const own = (place: Place, name: string) => join(place.cache, "models--org--name", ".dlr", name);

/** Counts how often files are opened to be read to their end. */
async function hashed(body: () => Promise<unknown>): Promise<string[]> {
  const { open } = Deno;
  const paths: string[] = [];
  Deno.open = (path, options) => {
    if (options === undefined) paths.push(String(path).replace(/^.*\//, ""));
    return open(path, options);
  };
  try {
    await body();
  } finally {
    Deno.open = open;
  }
  return paths;
}

Deno.test("a file that is as it was is not hashed again, one that was touched is", () =>
  withCached(async (place, file) => {
    const look = () => hubSnapshot(MODEL, everything, offline(place));
    assert.deepEqual(await hashed(look), []);
    age(file);
    assert.deepEqual(await hashed(look), [sha256(WEIGHTS)]);
    assert.deepEqual(await hashed(look), [], "and it is remembered anew");
    fs.rmSync(own(place, "verified.json"));
    assert.equal((await hashed(look)).length, 2);
    assert.deepEqual(await hashed(look), []);
  }));

Deno.test("a damaged memory is like none", () =>
  withCached(async (place) => {
    const look = () => hubSnapshot(MODEL, everything, offline(place));
    const path = own(place, "verified.json");
    const { files } = JSON.parse(fs.readFileSync(path, "utf8"));
    const spoiled = ["", "{", "[]", "null", '{"version":1}', '{"version":1,"files":{"a":3}}'];
    for (const text of [...spoiled, JSON.stringify({ version: 2, files })]) {
      fs.writeFileSync(path, text);
      assert.equal((await hashed(look)).length, 2, text);
      assert.deepEqual(JSON.parse(fs.readFileSync(path, "utf8")), { version: 1, files });
    }
  }));

Deno.test("a damaged file is fetched again, and offline it is an error", () =>
  withCached(async (place, file) => {
    const blob = fs.realpathSync(file);
    for (const wrong of [DAMAGED, WEIGHTS.subarray(0, 99_999), new Uint8Array(0)]) {
      fs.writeFileSync(blob, wrong);
      age(blob);
      await userError(
        () => hubSnapshot(MODEL, everything, offline(place)),
        `Cannot use the model org/name: model.bin is damaged (${file}), and HF_HUB_OFFLINE is set; ` +
          "run once without it",
      );
      await userError(
        () => hubSnapshot(MODEL, everything, away(place)),
        `Cannot use the model org/name: model.bin is damaged (${file}), and the hub does not answer; ` +
          "run again when it does",
      );
      place.notes.length = 0;
      await hubSnapshot(MODEL, everything, place.options);
      assert.deepEqual(place.notes, ["model.bin is damaged in the cache; fetching it again"]);
      assertBytes(file, WEIGHTS);
      assert.equal(place.downloads().length, 1);
    }
  }));

Deno.test("a blob that another commit left damaged is not linked to", () =>
  withCached(async (place, file) => {
    const model = await place.hub.add("model", "org/name", {});
    await model.commit({ "renamed.bin": WEIGHTS });
    fs.writeFileSync(fs.realpathSync(file), DAMAGED);
    age(fs.realpathSync(file));
    const { folder } = await hubSnapshot(MODEL, everything, place.options);
    assertBytes(join(folder, "renamed.bin"), WEIGHTS);
  }));

Deno.test("a link whose blob is gone is a file that is missing", () =>
  withCached(async (place, file) => {
    fs.rmSync(fs.realpathSync(file));
    await userError(
      () => hubSnapshot(MODEL, everything, offline(place)),
      "model.bin of main is not",
    );
    await hubSnapshot(MODEL, everything, place.options);
    assertBytes(file, WEIGHTS);
  }));

Deno.test("what is gone from the cache is forgotten", () =>
  withCached(async (place, file) => {
    const names = () =>
      Object.keys(JSON.parse(fs.readFileSync(own(place, "verified.json"), "utf8")).files);
    assert.equal(names().length, 2);
    fs.rmSync(fs.realpathSync(file));
    age(file.replace("model.bin", "config.json"));
    await hubSnapshot(MODEL, () => ["config.json"], offline(place));
    assert.equal(names().length, 1);
  }));

Deno.test("hashing a large file is announced", () =>
  withCached(async (place, file) => {
    const blob = fs.realpathSync(file);
    const { statSync } = fs;
    Object.assign(fs, {
      statSync: (path: string, options?: fs.StatSyncOptions) =>
        path === blob
          ? { ...statSync(path), size: 5e9, isFile: () => true }
          : statSync(path, options),
    });
    try {
      await hubSnapshot(MODEL, everything, offline(place));
    } finally {
      Object.assign(fs, { statSync });
    }
    assert.deepEqual(place.notes, [`checking ${blob} (5.0 GB) against its checksum`]);
  }));
