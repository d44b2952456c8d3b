/** docs/conformance.md names every promise that there is. */

import assert from "node:assert/strict";
import {
  backendPromises,
  CLOSE,
  corpusPromises,
  kindPromises,
  launcherPromises,
  modelPromises,
  type PluginPromise,
  routerKindPromises,
  smallModel,
  taskPromises,
} from "../../../core/conformance/mod.ts";
import { type LauncherKind } from "../../../core/contracts/mod.ts";
import { readJsonObject } from "../../../core/io/mod.ts";
import { oracle, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { microworld } from "../../../plugins/corpora/microworld/mod.ts";
import { llamaKind } from "../../../plugins/models/llama/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { slurmLauncher } from "../../../plugins/launchers/slurm/mod.ts";

const docs = Deno.readTextFileSync(new URL("../../../docs/conformance.md", import.meta.url));

async function everyPromise(): Promise<readonly PluginPromise[]> {
  const { routers, tasks } = builtinPlugins();
  const path = new URL("../../../plugins/models/nano/config.json", import.meta.url).pathname;
  const config = readJsonObject(path, "the configuration");
  const { model } = smallModel(llamaKind, config, path);
  const idle: LauncherKind = {
    ...slurmLauncher,
    create: () => ({ run: () => Promise.resolve([]) }),
  };
  const subject = { make: () => referenceBackend(), oracle, tolerance: CLOSE.float64 };
  return [
    ...kindPromises(llamaKind, config),
    ...modelPromises({ model, oracle, backend: { ...referenceBackend(), name: "onnx" } }),
    ...Array.from(routers.entries(), ([, kind]) => routerKindPromises(kind, oracle)).flat(),
    ...taskPromises({ task: tasks.get("gsm8k"), rows: [] }),
    ...backendPromises(subject),
    ...await launcherPromises({ kind: idle }),
    ...corpusPromises({ corpus: microworld() }),
  ];
}

Deno.test("docs/conformance.md names every promise, and no other", async () => {
  const promises = await everyPromise();
  const names = new Set(
    promises.map(({ name }) => name.endsWith("and its gradients") ? "… and its gradients" : name),
  );
  const told = new Set(
    Array.from(docs.matchAll(/^\| ([^|]+?) +\| [^|]+\|$/gm), ([, name]) => name!)
      .filter((name) => name !== "promise" && !/^-+$/.test(name)),
  );
  assert.deepEqual([...names].filter((name) => !told.has(name)), [], "not in the docs");
  assert.deepEqual([...told].filter((name) => !names.has(name)), [], "only in the docs");
});

Deno.test("every promise has a name of its own in its list, and says what to look at", async () => {
  for (const { name, lookAt } of await everyPromise()) {
    assert.ok(name.length > 0 && lookAt.length > 10 && !lookAt.includes("\n"), name);
  }
});
