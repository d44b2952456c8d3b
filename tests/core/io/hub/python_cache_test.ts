/**
 * The cache is Python's: huggingface_hub reads what we wrote, we read what it wrote, both take the
 * same locks, and both read the environment alike.
 */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { hubSettings, hubSnapshot } from "../../../../core/io/hub/mod.ts";
import { testWithProcesses, works } from "../../../end_to_end/command.ts";
import { sha256 } from "../../../support/hub_server.ts";
import { inFolder } from "../support.ts";
import { away, everything, noise, offline, type Place, withHub } from "./support.ts";

const MODEL = { type: "model", id: "org/name" } as const;
const WEIGHTS = noise(300_000, 51);
const FILES = { "config.json": "{}\n", "sub/model.safetensors": WEIGHTS };

/** Starts Python with nothing in its environment but what is given, and a program. */
function python(program: string, environment: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command("/usr/bin/env", {
    args: ["python3", "-c", program],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: "/nowhere", ...environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The JSON that a program prints last. */
async function valueOf(child: Deno.ChildProcess): Promise<unknown> {
  await child.stdin.close();
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

const HAS_HUB = ["/usr/bin/env", "python3", "-c", "import huggingface_hub"] as const;

const testWithPython = (name: string, body: () => Promise<void>) =>
  testWithProcesses(
    name,
    body,
    () => works(...HAS_HUB) ? undefined : "python3 with huggingface_hub",
  );

const online = (place: Place) => ({
  "HF_ENDPOINT": place.hub.endpoint,
  "HF_HUB_CACHE": place.cache,
  "HF_HUB_DISABLE_TELEMETRY": "1",
});

testWithPython("Python reads, offline, what we wrote", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    await place.hub.add("dataset", "texts", { "train.parquet": WEIGHTS });
    const model = await hubSnapshot(MODEL, everything, place.options);
    const dataset = await hubSnapshot({ type: "dataset", id: "texts" }, everything, place.options);
    const read = `
import json
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
scan = scan_cache_dir()
print(json.dumps({
  "model": snapshot_download("org/name"),
  "pinned": snapshot_download("org/name", revision="${model.commit}", allow_patterns="*.json"),
  "file": hf_hub_download("org/name", "sub/model.safetensors"),
  "dataset": snapshot_download("texts", repo_type="dataset"),
  "warnings": [str(warning) for warning in scan.warnings],
  "repositories": sorted([repo.repo_type, repo.repo_id, repo.size_on_disk, repo.nb_files,
    [[revision.commit_hash, sorted(revision.refs)] for revision in repo.revisions]]
    for repo in scan.repos),
}))`;
    assert.deepEqual(await valueOf(python(read, { ...online(place), "HF_HUB_OFFLINE": "1" })), {
      model: model.folder,
      pinned: model.folder,
      file: join(model.folder, "sub/model.safetensors"),
      dataset: dataset.folder,
      warnings: [],
      repositories: [
        ["dataset", "texts", WEIGHTS.length, 1, [[dataset.commit, ["main"]]]],
        ["model", "org/name", WEIGHTS.length + 3, 2, [[model.commit, ["main"]]]],
      ],
    });
    // With the network it asks, and fetches nothing.
    place.requests();
    await valueOf(python(
      `from huggingface_hub import snapshot_download; snapshot_download("org/name"); print(1)`,
      online(place),
    ));
    assert.deepEqual(place.downloads().filter(({ path }) => !path.startsWith("/api")), []);
  }));

testWithPython("we use what Python wrote", () =>
  withHub(async (place) => {
    const model = await place.hub.add("model", "org/name", FILES);
    const commit = model.resolve("main")!;
    const folder = await valueOf(python(
      `import json; from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("org/name")))`,
      online(place),
    ));
    assert.equal(folder, join(place.cache, "models--org--name", "snapshots", commit));
    place.requests();
    // Python listed the files of the commit: that is all that is needed.
    for (const options of [offline(place), away(place)]) {
      const pinned = await hubSnapshot({ ...MODEL, revision: commit }, everything, options);
      assert.deepEqual(pinned, { folder, commit });
    }
    assert.deepEqual(await hubSnapshot(MODEL, everything, place.options), { folder, commit });
    assert.deepEqual(place.requests(), ["GET /api/models/org/name/revision/main"]);
    assert.deepEqual(await hubSnapshot(MODEL, everything, away(place)), { folder, commit });
    assert.equal(place.notes.length, 1);
  }));

testWithPython("we use single files that Python fetched", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", FILES);
    const file = await valueOf(python(
      `import json; from huggingface_hub import hf_hub_download
print(json.dumps(hf_hub_download("org/name", "sub/model.safetensors")))`,
      online(place),
    ));
    let listed: readonly string[] = [];
    const { folder } = await hubSnapshot(MODEL, (files) => listed = files, offline(place));
    assert.deepEqual(listed, ["sub/model.safetensors"]);
    assert.equal(file, join(folder, "sub/model.safetensors"));
    place.requests();
    await hubSnapshot(MODEL, everything, place.options);
    assert.ok(place.downloads().every(({ path }) => path.endsWith("config.json")));
    assert.deepEqual(fs.readdirSync(folder).sort(), ["config.json", "sub"]);
  }));

testWithPython("Python and we wait for each other's locks", () =>
  withHub(async (place) => {
    await place.hub.add("model", "org/name", { "model.bin": WEIGHTS });
    const lock = join(place.cache, ".locks/models--org--name", `${sha256(WEIGHTS)}.lock`);
    fs.mkdirSync(join(lock, ".."), { recursive: true });
    await using holder = python(
      `from huggingface_hub.utils import WeakFileLock
with WeakFileLock("${lock}"):
    print("held", flush=True)
    input()`,
      {},
    );
    const output = holder.stdout.getReader();
    assert.equal(new TextDecoder().decode((await output.read()).value), "held\n");
    const notes: string[] = [];
    const onNote = (line: string) => {
      notes.push(line);
      void holder.stdin.close();
    };
    await hubSnapshot(MODEL, everything, { ...place.options, onNote });
    assert.deepEqual(notes, ["waiting for another process that works on model.bin"]);
    await output.cancel();
    await holder.stderr.cancel();

    using ours = Deno.openSync(lock, { write: true });
    assert.ok(ours.tryLockSync(true), "Python gave the lock back");
    const waits = await valueOf(python(
      `from filelock import Timeout
from huggingface_hub.utils import WeakFileLock
try:
    with WeakFileLock("${lock}", timeout=0.3): print("false")
except Timeout: print("true")`,
      {},
    ));
    assert.equal(waits, true);
  }));

testWithPython("the environment is read as Python reads it", () =>
  inFolder(async (folder) => {
    fs.writeFileSync(join(folder, "token"), "hf_file\n");
    fs.mkdirSync(join(folder, "other/huggingface"), { recursive: true });
    fs.writeFileSync(join(folder, "other/huggingface/token"), " hf_other ");
    const environments: Record<string, string>[] = [
      {},
      { "HF_HOME": folder, "HF_ENDPOINT": "https://mirror.org/hf/" },
      { "XDG_CACHE_HOME": join(folder, "other"), "HF_HUB_OFFLINE": "yes" },
      { "HF_HOME": "~/hf", "HF_TOKEN": " hf_a\n", "TRANSFORMERS_OFFLINE": "1" },
      {
        "HF_HUB_CACHE": "$ROOM/${NAME}x/$NOTHING",
        ROOM: "/r",
        NAME: "a",
        "HUGGING_FACE_HUB_TOKEN": "hf_b",
      },
      { "HUGGINGFACE_HUB_CACHE": "~/old", "HF_TOKEN_PATH": join(folder, "token") },
      { "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1", "HF_TOKEN": "" },
    ];
    const read = `
import json
from huggingface_hub import constants, get_token
print(json.dumps({"endpoint": constants.ENDPOINT, "cache": constants.HF_HUB_CACHE,
  "offline": constants.HF_HUB_OFFLINE, "token": get_token()}))`;
    for (const environment of environments) {
      const { token, ...settings } = hubSettings({ HOME: "/nowhere", ...environment });
      assert.deepEqual(
        { ...settings, token: token?.value ?? null },
        await valueOf(python(read, environment)),
        JSON.stringify(environment),
      );
    }
  }));
