import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type HubRepository, hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { requestedWait } from "../../../../core/io/hub/patience.ts";
import { answers, garbage, without } from "../../../support/hub_server.ts";
import { userError } from "../support.ts";
import { everything, type Place, withHub, withSettings } from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const FILES = { "config.json": "{}\n", "model.safetensors": "weights" };

const token = (value: string) => ({ token: { value, source: "HF_TOKEN" } });

/** Fetches everything, as the owner of a token or as a stranger. */
const fetch = (place: Place, repository: HubRepository, as?: string) =>
  hubSnapshot(repository, everything, as ? withSettings(place, token(as)) : place.options);

Deno.test("a repository that there is not may be one that the reader may not see", () =>
  withHub(async (place) => {
    const { hub: { host } } = place;
    await place.hub.add("model", "org/secret", FILES, {
      access: "private",
      readers: ["hf_reader"],
    });
    place.hub.addToken("hf_stranger");
    for (const id of ["org/secret", "org/nothing"]) {
      await userError(
        () => fetch(place, { type: "model", id }),
        `Cannot find main of the model ${id}: ${host} has no such model, or it is private or gated; ` +
          "check the name, and set HF_TOKEN if you may read it",
      );
      await userError(
        () => fetch(place, { type: "model", id }, "hf_stranger"),
        `Cannot find main of the model ${id}: ${host} has no such model, or it is private or gated; ` +
          "check the name, and that the token in HF_TOKEN may read it",
      );
    }
    await userError(() => fetch(place, { type: "dataset", id: "org/secret" }), "no such dataset");
    const { folder } = await fetch(place, { type: "model", id: "org/secret" }, "hf_reader");
    assert.equal(fs.readFileSync(join(folder, "model.safetensors"), "utf8"), "weights");
    assert.deepEqual(place.pauses, [], "a refusal is not asked for twice");
  }));

Deno.test("a gated repository says where its licence is", () =>
  withHub(async (place) => {
    const { hub: { endpoint } } = place;
    for (const type of ["model", "dataset"] as const) {
      await place.hub.add(type, "org/gated", FILES, { access: "gated", readers: ["hf_reader"] });
    }
    place.hub.addToken("hf_stranger");
    await userError(
      () => fetch(place, { type: "model", id: "org/gated" }),
      /^Cannot download (config\.json|model\.safetensors) of the model org\/gated: /,
      `the model org/gated is gated; accept its licence at ${endpoint}/org/gated, then set ` +
        "HF_TOKEN to a token of your account",
    );
    await userError(
      () => fetch(place, { type: "dataset", id: "org/gated" }, "hf_stranger"),
      `the dataset org/gated is gated; accept its licence at ${endpoint}/datasets/org/gated with ` +
        "the account of the token in HF_TOKEN",
    );
    await fetch(place, { type: "model", id: "org/gated" }, "hf_reader");
  }));

Deno.test("a token that the hub does not know is named by where it was found", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    await userError(
      () => fetch(place, MODEL, "hf_old"),
      `Cannot find main of the model org/name: ${place.hub.host} does not accept the token in ` +
        `HF_TOKEN; make a new one at ${place.hub.endpoint}/settings/tokens`,
    );
  }));

Deno.test("revisions and files that there are not are named", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    await userError(
      () => fetch(place, { ...MODEL, revision: "v2" }),
      "Cannot find v2 of the model org/name: the model has no such revision; give one of its " +
        "branches, tags or commits",
    );
    place.hub.inject(/^HEAD .*config/, answers(404, { "x-error-code": "EntryNotFound" }));
    await userError(
      () => fetch(place, MODEL),
      "Cannot download config.json of the model org/name: the hub has no such file; check the name",
    );
  }));

Deno.test("other refusals are told with what the hub says of them", () =>
  withHub(async (place) => {
    const said = { "x-error-message": "Access to this resource is disabled." };
    place.hub.inject(/^GET/, answers(403, said));
    await userError(
      () => fetch(place, MODEL),
      `Cannot find main of the model org/name: ${place.hub.host} refused it (403, "Access to this ` +
        'resource is disabled."); check what the token may read',
    );
    place.hub.inject(/^GET/, answers(410));
    await userError(() => fetch(place, MODEL), "refused it (410); check HF_ENDPOINT");
  }));

Deno.test("an endpoint that is no hub is told from one", () =>
  withHub(async (place) => {
    const { hub: { endpoint } } = place;
    await place.hub.add("model", "org/name", FILES);
    const commit = "d".repeat(40);
    const info = (value: unknown) => answers(200, {}, JSON.stringify(value));
    const listing = (...names: unknown[]) =>
      info({ sha: commit, siblings: names.map((rfilename) => ({ rfilename })) });
    const cases = [
      [garbage(), "it is not JSON"],
      [answers(200), "it is not JSON"],
      [info([]), "it names no commit"],
      [info({ sha: "main", siblings: [] }), "it names no commit"],
      [info({ sha: commit }), "it lists no files"],
      [listing("config.json", "../../.ssh/config"), 'it lists a file "../../.ssh/config"'],
      [listing("/etc/passwd"), 'it lists a file "/etc/passwd"'],
      [listing("a//b"), 'it lists a file "a//b"'],
      [listing("a\nb"), 'it lists a file "a\\nb"'],
      [listing(7), "it lists a file 7"],
    ] as const;
    for (const [fault, what] of cases) {
      place.hub.inject(/^GET \/api/, fault);
      await userError(
        () => fetch(place, MODEL),
        `Cannot find main of the model org/name: ${endpoint} answers as no hub does (${what}); ` +
          "check HF_ENDPOINT, and that no proxy or login page is in between",
      );
    }
    assert.ok(!fs.existsSync(place.cache));
    place.hub.inject(/^GET \/api/, listing("config.json"));
    await userError(
      () => fetch(place, { ...MODEL, revision: "e".repeat(40) }),
      `it is about the commit ${commit}`,
    );
    place.hub.inject(/^HEAD/, without("x-repo-commit"), 2);
    await userError(() => fetch(place, MODEL), "it names no such commit");
    place.hub.inject(/^HEAD/, without("etag", "x-linked-etag"), 2);
    await userError(() => fetch(place, MODEL), "it gives no checksum");
    place.hub.inject(
      /^GET \/api/,
      answers(302, { location: "/api/models/org/name/revision/main" }),
      20,
    );
    await userError(() => fetch(place, MODEL), "redirects more than 10 times; check HF_ENDPOINT");
  }));

Deno.test("a page in the way of the hub does not keep the cache from being used", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const { commit } = await fetch(place, MODEL);
    place.hub.inject(/^GET \/api/, garbage());
    assert.equal((await fetch(place, MODEL)).commit, commit);
    assert.deepEqual(place.notes, [
      `${place.hub.endpoint} answers as no hub does (it is not JSON); using the model org/name from ` +
      `the cache (commit ${commit})`,
    ]);
    // What the hub does answer is not overridden by the cache.
    place.hub.inject(/^GET \/api/, answers(404, { "x-error-code": "RevisionNotFound" }));
    await userError(() => fetch(place, MODEL), "no such revision");
  }));

Deno.test("how long to wait is read from a number, a date or the hub's own header", () => {
  const now = Date.parse("2026-11-24T10:00:00Z");
  const wait = (headers: Record<string, string>) => requestedWait(new Headers(headers), now);
  assert.equal(wait({ "retry-after": "12" }), 12);
  assert.equal(wait({ "retry-after": "Tue, 24 Nov 2026 10:01:30 GMT" }), 90);
  assert.equal(wait({ "retry-after": "Tue, 24 Nov 2026 09:00:00 GMT" }), 0);
  assert.equal(wait({ "retry-after": "soon" }), undefined);
  assert.equal(wait({ "ratelimit": '"resolvers";r=0;t=42' }), 42);
  assert.equal(wait({ "ratelimit": '"resolvers";r=10;t=42' }), undefined);
  assert.equal(wait({}), undefined);
});
