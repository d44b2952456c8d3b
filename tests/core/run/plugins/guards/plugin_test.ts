/** Guards of whole plugins: nothing that one brings is lost. */

import assert from "node:assert/strict";
import { type Plugin } from "../../../../../core/contracts/mod.ts";
import { guardPlugin } from "../../../../../core/run/plugins/guards/mod.ts";
import { OWNER } from "./support.ts";

Deno.test("a guarded plugin has every member of the plugin, by its names", () => {
  const all: Required<Plugin> = {
    name: "mine",
    architectures: [],
    models: { small: { description: "small", folder: "models/small" } },
    routers: [],
    tasks: [],
    taskGroups: [{
      name: "both",
      description: "two",
      version: "1",
      members: ["a", "b"],
      metrics: ["acc"],
    }],
    backends: { fast: () => Promise.reject(new Error("none")) },
    corpora: { texts: () => Promise.reject(new Error("none")) },
    launchers: [],
  };
  const safe = guardPlugin(all, OWNER);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(all).toSorted());
  assert.deepEqual([safe.models, safe.taskGroups], [all.models, all.taskGroups]);
  assert.deepEqual([Object.keys(safe.backends!), Object.keys(safe.corpora!)], [["fast"], [
    "texts",
  ]]);
  assert.deepEqual(guardPlugin({ name: "mine" }, OWNER), { name: "mine" });
});
