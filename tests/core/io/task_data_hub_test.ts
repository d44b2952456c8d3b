/** Data sets on a hub: that of the repository, or the hub's conversion of it; pinned, and offline. */

import assert from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Repositories } from "../../../core/contracts/mod.ts";
import { type HubOptions, hubSnapshot, taskRows } from "../../../core/io/mod.ts";
import { away, offline, withHub } from "./hub/support.ts";
import { userError } from "./support.ts";

const dataset = { folder: "own", hub: "a/b", config: "main" };

function parquet(...pages: string[]): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "page", data: pages }] }));
}

/** Keeps to the first commit of a repository, as a run does. */
function pinned(options: HubOptions, commits: Record<string, string> = {}): Repositories {
  return {
    async fetch({ type, id, revision: wanted }, choose) {
      const revision = commits[id] ?? wanted;
      const repository = { type, id, ...(revision === undefined ? {} : { revision }) };
      const { folder, commit } = await hubSnapshot(repository, choose, options);
      commits[id] = commit;
      return folder;
    },
  };
}

Deno.test("all parts of a split are read in order, and no other configuration's", () =>
  withHub(async ({ hub, options }) => {
    await hub.add("dataset", "a/b", {
      "main/test-00001-of-00002.parquet": parquet("two"),
      "main/test-00000-of-00002.parquet": parquet("zero", "one"),
      "other/test-00000-of-00001.parquet": parquet("not this"),
    });
    const source = { repositories: pinned(options) };
    const { rows, whereIs } = await taskRows(dataset, "test", source);
    assert.deepEqual(rows.map(({ page }) => page), ["zero", "one", "two"]);
    assert.match(whereIs(2), /test-00001-of-00002\.parquet, row 1$/);
    await userError(
      () => taskRows({ ...dataset, config: "third" }, "test", source),
      'no parquet files for the split "test" of third',
      "--data-dir",
    );
  }));

Deno.test("a data set without parquet files is taken from the hub's conversion, also without the hub", () =>
  withHub(async (place) => {
    const repository = await place.hub.add("dataset", "a/b", { "main/test.json": "{}" });
    const files = {
      "main/test/0000.parquet": parquet("page"),
      "main/train/0000.parquet": parquet("other"),
    };
    const converted = await repository.commit(files, "refs/convert/parquet");
    const commits: Record<string, string> = {};
    const source = { repositories: pinned(place.options, commits) };
    assert.deepEqual((await taskRows(dataset, "test", source)).rows, [{ page: "page" }]);
    assert.deepEqual(commits, { "a/b": converted });
    assert.deepEqual((await taskRows(dataset, "train", source)).rows, [{ page: "other" }]);
    await userError(() => taskRows(dataset, "dev", source), '"dev" of main');
    for (const without of [offline(place), away(place)]) {
      for (const repositories of [pinned(without), pinned(without, { ...commits })]) {
        const { rows } = await taskRows(dataset, "test", { repositories });
        assert.deepEqual(rows, [{ page: "page" }]);
      }
    }
  }));

Deno.test("what the hub says of a data set that is not there is what users are told", () =>
  withHub(async ({ options }) => {
    await userError(() => taskRows(dataset, "test", { repositories: pinned(options) }), "a/b");
  }));
