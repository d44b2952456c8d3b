import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { ROOT, testWithProcesses } from "../../../end_to_end/command.ts";
import { answers, HubServer } from "../../../support/hub_server.ts";
import { everything, type Place, withHub, withSettings } from "./support.ts";

const FILES = { "config.json": "{}\n", "model.safetensors": "weights" };

const asReader = (place: Place) =>
  withSettings(place, { token: { value: "hf_reader", source: "HF_TOKEN" } });

Deno.test("a renamed repository is followed, and the token stays with the hub", () =>
  withHub(async (place) => {
    await place.hub.add("model", "old", FILES, { access: "private", readers: ["hf_reader"] });
    place.hub.rename("model", "old", "org/new");
    const { folder } = await hubSnapshot(
      { type: "model", id: "old" },
      everything,
      asReader(place),
    );
    assert.ok(folder.startsWith(join(place.cache, "models--old")), folder);
    assert.deepEqual(fs.readdirSync(folder).sort(), Object.keys(FILES));
    assert.ok(place.hub.requests.some(({ status }) => status === 307));
    for (const { at, authorization } of place.hub.requests) {
      assert.equal(authorization, at === "hub" ? "Bearer hf_reader" : null);
    }
    assert.ok(place.hub.requests.some(({ at }) => at === "storage"));
  }));

testWithProcesses(
  "without the permission to reach the hub Deno's own error is what one sees",
  () =>
    withHub(async (place) => {
      const module = new URL("../../../../core/io/hub/mod.ts", import.meta.url).href;
      const program = `
      import { hubSnapshot } from ${JSON.stringify(module)};
      const settings = ${JSON.stringify(place.settings)};
      try {
        await hubSnapshot({ type: "model", id: "org/name" }, (files) => files, { settings });
      } catch (error) {
        console.log(error instanceof Deno.errors.NotCapable, error.message);
      }`;
      const command = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--no-prompt",
          `--config=${join(ROOT, "deno.json")}`,
          "--allow-read",
          "-",
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      });
      await using child = command.spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(program));
      await writer.close();
      const { stdout } = await child.output();
      assert.match(
        new TextDecoder().decode(stdout),
        /^true Requires net access to "127\.0\.0\.1:\d+", run again with the --allow-net flag\n$/,
      );
    }),
);

Deno.test("a hub that redirects to another hub is followed, without the token", () =>
  withHub(async (place) => {
    await using other = HubServer.start();
    for (const hub of [place.hub, other]) {
      await hub.add("model", "org/name", FILES, { readers: ["hf_reader"] });
    }
    const location = `${other.endpoint}/api/models/org/name/revision/main`;
    place.hub.inject(/^GET \/api/, answers(308, { location }));
    await hubSnapshot({ type: "model", id: "org/name" }, everything, asReader(place));
    assert.deepEqual(other.requests.map(({ status, authorization }) => [status, authorization]), [
      [200, null],
    ]);
  }));
