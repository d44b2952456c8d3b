import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { type HubProgress, hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { cutAfter, filesBelow, gitId, sha256 } from "../../../support/hub_server.ts";
import { inFolder, userError } from "../support.ts";
import { assertBytes, away, contents, everything, noise, offline, withHub } from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(300_000, 1);
const FILES = { "config.json": "{}\n", "sub/model.safetensors": WEIGHTS, "README.md": "read me" };

const only = (...names: readonly string[]) => (files: readonly string[]) =>
  files.filter((file) => names.includes(file));

Deno.test("a snapshot lies in the cache as Python lays it out", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const wanted = only("config.json", "sub/model.safetensors");
    const { folder, commit } = await hubSnapshot(MODEL, wanted, place.options);
    const repository = "models--org--name";
    assert.equal(folder, join(place.cache, repository, "snapshots", commit));
    assertBytes(join(folder, "sub/model.safetensors"), WEIGHTS);
    const [small, large] = [gitId("{}\n"), sha256(WEIGHTS)];
    const { "CACHEDIR.TAG": _tag, ...layout } = contents(place.cache);
    const own = Object.keys(layout).filter((path) => path.includes("dlr"));
    for (const path of own) delete layout[path];
    assert.deepEqual(own, [
      `.locks/${repository}/dlr.lock`,
      `${repository}/.dlr/files/${commit}.json`,
      `${repository}/.dlr/verified.json`,
    ]);
    assert.deepEqual(layout, {
      [`.locks/${repository}/${small}.lock`]: 0,
      [`.locks/${repository}/${large}.lock`]: 0,
      [`${repository}/blobs/${small}`]: 3,
      [`${repository}/blobs/${large}`]: WEIGHTS.length,
      [`${repository}/refs/main`]: 40,
      [`${repository}/snapshots/${commit}/config.json`]: `-> ../../blobs/${small}`,
      [`${repository}/snapshots/${commit}/sub/model.safetensors`]: `-> ../../../blobs/${large}`,
    });
    assert.equal(fs.readFileSync(join(place.cache, repository, "refs/main"), "utf8"), commit);
    assert.match(
      fs.readFileSync(join(place.cache, "CACHEDIR.TAG"), "utf8"),
      /^Signature: 8a477f597d28d172789f06886806bc55\n/,
    );
    assert.deepEqual(place.notes, []);
  }));

Deno.test("datasets, tags and nested revisions have addresses and folders of their own", () =>
  withHub(async (place) => {
    const dataset = await place.hub.add("dataset", "texts", { "a b/ü#.parquet": "first" });
    const first = dataset.resolve("main")!;
    const second = await dataset.commit({ "a b/ü#.parquet": "second" }, "refs/pr/1");
    const read = async (revision?: string) => {
      const repository = { type: "dataset", id: "texts", ...revision && { revision } } as const;
      const { folder } = await hubSnapshot(repository, everything, place.options);
      return fs.readFileSync(join(folder, "a b/ü#.parquet"), "utf8");
    };
    assert.equal(await read(), "first");
    assert.equal(await read("refs/pr/1"), "second");
    assert.equal(await read(first), "first");
    const refs = join(place.cache, "datasets--texts", "refs");
    assert.equal(fs.readFileSync(join(refs, "refs/pr/1"), "utf8"), second);
    assert.deepEqual(fs.readdirSync(refs).sort(), ["main", "refs"]);
  }));

Deno.test("what is in the cache is not fetched again, whatever commit it came with", () =>
  withHub(async (place) => {
    const model = await place.hub.add("model", "org/name", FILES);
    const before = await hubSnapshot(MODEL, everything, place.options);
    place.requests();
    await hubSnapshot(MODEL, everything, place.options);
    assert.deepEqual(place.requests(), ["GET /api/models/org/name/revision/main"]);
    const commit = await model.commit({ ...FILES, "config.json": "{ }\n" });
    const after = await hubSnapshot(MODEL, everything, place.options);
    assert.deepEqual(place.downloads().map(({ path }) => path), [
      `/org/name/resolve/${commit}/config.json`,
    ]);
    assert.equal(after.commit, commit);
    const config = ({ folder }: { folder: string }) =>
      fs.readFileSync(join(folder, "config.json"), "utf8");
    assert.deepEqual([config(before), config(after)], ["{}\n", "{ }\n"]);
  }));

Deno.test("a whole commit with its files in the cache needs no hub", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const { commit } = await hubSnapshot(MODEL, only("config.json"), place.options);
    const pinned = { ...MODEL, revision: commit };
    place.requests();
    await hubSnapshot(pinned, only("config.json"), away(place));
    assert.deepEqual(place.notes, []);
    // The list is known, so a file that is missing is asked for without asking for the list.
    await hubSnapshot(pinned, only("README.md"), place.options);
    assert.deepEqual(place.requests(), [
      `HEAD /org/name/resolve/${commit}/README.md`,
      `GET /org/name/resolve/${commit}/README.md`,
    ]);
  }));

Deno.test("a hub that does not answer is replaced by the cache, with a note", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const { commit } = await hubSnapshot(MODEL, only("config.json"), place.options);
    const again = await hubSnapshot(MODEL, only("config.json"), away(place));
    assert.equal(again.commit, commit);
    assert.equal(place.notes.length, 1);
    assert.match(
      place.notes[0]!,
      /^the connection to 127\.0\.0\.1:\d+ failed \(.+\); using the model org\/name from the cache \(commit [0-9a-f]{40}\)$/,
    );
    assert.deepEqual(place.pauses, []);
    // What is not there makes the hub's silence an error.
    await userError(
      () => hubSnapshot(MODEL, everything, away(place)),
      /^Cannot find main of the model org\/name: the connection to 127\.0\.0\.1:\d+ failed \(.+\); check the connection and run again, or set HF_HUB_OFFLINE=1 to use only the cache .+\/hub$/,
    );
    assert.deepEqual(place.pauses, [1, 2, 4, 8]);
  }));

Deno.test("offline nothing is asked, and what is missing is named", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    await userError(
      () => hubSnapshot(MODEL, everything, offline(place)),
      `Cannot use the model org/name: main is not in the cache ${place.cache}, and HF_HUB_OFFLINE ` +
        "is set; run once without it",
    );
    const { commit, folder } = await hubSnapshot(MODEL, only("config.json"), place.options);
    place.requests();
    const there = await hubSnapshot(MODEL, only("config.json"), offline(place));
    assert.deepEqual(there, { commit, folder });
    assert.deepEqual(
      await hubSnapshot({ ...MODEL, revision: commit }, only("config.json"), offline(place)),
      there,
    );
    await userError(
      () => hubSnapshot(MODEL, everything, offline(place)),
      `Cannot use the model org/name: sub/model.safetensors of main is not in the cache ` +
        `${place.cache}, and HF_HUB_OFFLINE is set; run once without it`,
    );
    await userError(
      () => hubSnapshot({ ...MODEL, revision: "v2" }, everything, offline(place)),
      "v2 is not in the cache",
    );
    assert.deepEqual(place.requests(), []);
  }));

Deno.test("an interrupted download is not taken for a whole one offline", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    place.hub.inject(/GET \/storage/, cutAfter(0), Infinity);
    await userError(() => hubSnapshot(MODEL, everything, place.options), "model.safetensors");
    const commit = fs.readdirSync(join(place.cache, "models--org--name/snapshots"))[0]!;
    await userError(
      () => hubSnapshot({ ...MODEL, revision: commit }, everything, offline(place)),
      `sub/model.safetensors of ${commit} is not in the cache`,
    );
  }));

Deno.test("an unfinished download of a new commit leaves the old one for when the hub is away", () =>
  withHub(async (place) => {
    const model = await place.hub.add("model", "org/name", FILES);
    const { commit } = await hubSnapshot(MODEL, everything, place.options);
    await model.commit({ ...FILES, "sub/model.safetensors": noise(200_000, 2) });
    place.hub.inject(/GET \/storage/, cutAfter(0), Infinity);
    await userError(() => hubSnapshot(MODEL, everything, place.options), "model.safetensors");
    assert.equal((await hubSnapshot(MODEL, everything, away(place))).commit, commit);
  }));

Deno.test("files that another program put into the cache are the list where there is no other", () =>
  withHub(async (place) => {
    const commit = "c".repeat(40);
    const folder = join(place.cache, "models--org--name");
    fs.mkdirSync(join(folder, "snapshots", commit, "sub"), { recursive: true });
    fs.mkdirSync(join(folder, "blobs"));
    fs.mkdirSync(join(folder, "refs"));
    fs.writeFileSync(join(folder, "refs/main"), commit);
    fs.writeFileSync(join(folder, "blobs", gitId("{}")), "{}");
    fs.symlinkSync(`../../blobs/${gitId("{}")}`, join(folder, "snapshots", commit, "config.json"));
    fs.symlinkSync("../../../blobs/gone", join(folder, "snapshots", commit, "sub/gone.bin"));
    fs.writeFileSync(join(folder, "snapshots", commit, "sub/copy.bin"), "a copy without a link");
    let listed: readonly string[] = [];
    const note = (files: readonly string[]) => listed = files;
    assert.equal((await hubSnapshot(MODEL, note, offline(place))).commit, commit);
    assert.deepEqual(listed, ["config.json", "sub/copy.bin"]);
    // Python's own list says that there is more.
    fs.mkdirSync(join(folder, "trees"));
    const tree = { "format_version": 1, files: { "config.json": {}, "more.bin": {} } };
    fs.writeFileSync(join(folder, "trees", `${commit}.json`), JSON.stringify(tree));
    await userError(
      () => hubSnapshot(MODEL, everything, offline(place)),
      "more.bin of main is not in the cache",
    );
  }));

Deno.test("a choice is of files that there are", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    await userError(
      () => hubSnapshot(MODEL, () => ["model.safetensors"], place.options),
      "Cannot download model.safetensors of the model org/name: there is no such file at main; " +
        "there are config.json, sub/model.safetensors, README.md",
    );
    const failure = new TypeError("a mistake in the choice");
    const broken = () => {
      throw failure;
    };
    await assert.rejects(hubSnapshot(MODEL, broken, place.options), failure);
    assert.ok(!fs.existsSync(place.cache), "nothing is written before there is a choice");
    // A file that is named twice is fetched once.
    place.requests();
    await hubSnapshot(MODEL, () => ["config.json", "config.json"], place.options);
    assert.equal(place.downloads().length, 1);
  }));

Deno.test("names that no repository has are refused before anything is asked", () =>
  withHub(async (place) => {
    for (
      const id of [
        "",
        "a b",
        "../x",
        "a/b/c",
        "a//b",
        "/a",
        "a--b",
        "a..b",
        "a.git",
        "-a",
        "a/.b",
        "ü/x",
      ]
    ) {
      await userError(
        () => hubSnapshot({ type: "dataset", id }, everything, place.options),
        `Cannot use ${
          JSON.stringify(id)
        } as a dataset of the hub: no repository has such a name; ` +
          'write "organisation/name", of letters, digits, "-", "_" and "."',
      );
    }
    for (const revision of ["", "../main", "/main", "a b", "a..b", "a\nb", "main/", "a//b"]) {
      await userError(
        () => hubSnapshot({ ...MODEL, revision }, everything, place.options),
        `Cannot use ${
          JSON.stringify(revision)
        } as a revision of the model org/name: give a branch, ` +
          "a tag or a commit",
      );
    }
    assert.deepEqual(place.requests(), []);
  }));

Deno.test("small files come first, and progress is told over all of them", () =>
  withHub(async (place) => {
    const sizes: Record<string, number> = { "b.bin": 70_000, "a.bin": 300_000, "c.txt": 10 };
    await place.hub.add(
      "model",
      "org/name",
      Object.fromEntries(Object.entries(sizes).map(([path, size]) => [path, noise(size, size)])),
    );
    const steps: HubProgress[] = [];
    const onProgress = (step: HubProgress) => steps.push(step);
    await hubSnapshot(MODEL, everything, { ...place.options, onProgress, concurrency: 1 });
    const order = [...new Set(steps.map(({ file }) => file))];
    assert.deepEqual(order, ["c.txt", "b.bin", "a.bin"]);
    assert.deepEqual(steps[0], {
      file: "c.txt",
      receivedBytes: 0,
      totalBytes: 370_010,
      filesDone: 0,
      files: 3,
    });
    assert.deepEqual(steps.at(-1), {
      file: "a.bin",
      receivedBytes: 370_010,
      totalBytes: 370_010,
      filesDone: 3,
      files: 3,
    });
    const received = steps.map(({ receivedBytes }) => receivedBytes);
    assert.deepEqual(received, received.toSorted((a, b) => a - b));
    steps.length = 0;
    await hubSnapshot(MODEL, everything, { ...place.options, onProgress });
    assert.deepEqual(steps, [], "nothing is fetched");
  }));

Deno.test("where links cannot be made the files are copies, and they are checked too", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const { symlinkSync } = fs;
    Object.assign(fs, {
      symlinkSync() {
        throw Object.assign(new Error("said the test"), { code: "EPERM" });
      },
    });
    try {
      const { folder } = await hubSnapshot(MODEL, everything, place.options);
      const file = join(folder, "sub/model.safetensors");
      assert.ok(fs.lstatSync(file).isFile());
      assertBytes(file, WEIGHTS);
      place.requests();
      await hubSnapshot(MODEL, everything, place.options);
      assert.deepEqual(place.downloads(), []);
      fs.writeFileSync(file, "damaged");
      await userError(
        () => hubSnapshot(MODEL, everything, offline(place)),
        `Cannot use the model org/name: sub/model.safetensors is damaged (${file}), and ` +
          "HF_HUB_OFFLINE is set; run once without it",
      );
      await hubSnapshot(MODEL, everything, place.options);
      assertBytes(file, WEIGHTS);
      assert.deepEqual(place.downloads(), [], "the blob was whole");
    } finally {
      Object.assign(fs, { symlinkSync });
    }
  }));

Deno.test("whoever asked may stop a download, and what has arrived is kept", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const onProgress = ({ receivedBytes }: HubProgress) => {
      if (receivedBytes > 100_000) stop.abort(reason);
    };
    const options = { ...place.options, signal: stop.signal, onProgress };
    await assert.rejects(hubSnapshot(MODEL, everything, options), reason);
    place.requests();
    await assert.rejects(hubSnapshot(MODEL, everything, options), reason);
    assert.deepEqual(place.requests(), []);
    await hubSnapshot(MODEL, everything, place.options);
    const [rest] = place.downloads().filter(({ at }) => at === "storage");
    assert.match(rest!.range!, /^bytes=\d{5,}-$/);
  }));

Deno.test("files on disk are served as they are, in parts and whole", () =>
  inFolder(async (folder) => {
    const large = noise(1_000_000, 3);
    fs.mkdirSync(join(folder, "deep"));
    fs.writeFileSync(join(folder, "deep", "model.safetensors"), large);
    fs.writeFileSync(join(folder, "config.json"), "{}");
    await withHub(async (place) => {
      await place.hub.add("model", "org/name", filesBelow(folder));
      place.hub.inject(/GET \/storage/, cutAfter(400_000));
      const snapshot = await hubSnapshot(MODEL, everything, place.options);
      const file = join(snapshot.folder, "deep/model.safetensors");
      assertBytes(file, large);
      assert.deepEqual(contents(snapshot.folder), {
        "config.json": `-> ../../blobs/${gitId("{}")}`,
        "deep/model.safetensors": `-> ../../../blobs/${sha256(large)}`,
      });
    });
  }));
