/** What the hub for tests promises to tests that are not about the hub. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { answers, filesBelow, HubServer, sha256 } from "../../../support/hub_server.ts";
import { inFolder } from "../support.ts";
import { assertBytes, noise } from "./support.ts";

const WEIGHTS = noise(700_000, 61);

Deno.test("a large file on disk is hashed once, and served a piece at a time", () =>
  inFolder(async (folder) => {
    fs.writeFileSync(join(folder, "model.safetensors"), WEIGHTS);
    await using hub = HubServer.start();
    const { openSync, readFileSync } = Deno;
    let opened = 0;
    Deno.openSync = (...args) => {
      opened++;
      return openSync(...args);
    };
    Deno.readFileSync = () => assert.fail("a large file is not read whole");
    try {
      await hub.add("model", "a", filesBelow(folder));
      await hub.add("model", "b", filesBelow(folder));
      assert.equal(opened, 1);
      const response = await fetch(`${hub.endpoint}/b/resolve/main/model.safetensors`, {
        headers: { range: "bytes=100-699899" },
      });
      assert.equal(response.status, 206);
      assert.equal(response.headers.get("content-range"), "bytes 100-699899/700000");
      assertBytes(await response.bytes(), WEIGHTS.slice(100, 699_900));
      hub.inject(/storage/, answers(500));
      await (await fetch(`${hub.endpoint}/b/resolve/main/model.safetensors`)).body?.cancel();
      assert.equal(opened, 2, "a file that is not sent is not opened");
    } finally {
      Object.assign(Deno, { openSync, readFileSync });
    }
  }));

Deno.test("the log has every request with what it was answered", async () => {
  await using hub = HubServer.start();
  await hub.add("dataset", "texts", { "a.txt": "text", "b.bin": WEIGHTS });
  const read = async (path: string, method = "GET") => {
    const response = await fetch(`${hub.endpoint}/datasets/texts/resolve/${path}`, { method });
    await response.body?.cancel();
  };
  await read("main/a.txt");
  await read("main/b.bin", "HEAD");
  await read("v2/a.txt");
  const log = hub.requests.map(({ at, method, path, status }) => [at, method, path, status]);
  assert.deepEqual(log, [
    ["hub", "GET", "/datasets/texts/resolve/main/a.txt", 200],
    ["hub", "HEAD", "/datasets/texts/resolve/main/b.bin", 302],
    ["storage", "HEAD", `/storage/${sha256(WEIGHTS)}`, 200],
    ["hub", "GET", "/datasets/texts/resolve/v2/a.txt", 404],
  ]);
});
