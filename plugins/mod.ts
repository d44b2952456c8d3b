/** The plugins that come with dlr. Nothing heavy is loaded before it is chosen. */

import { join } from "node:path";
import { definePlugin, type OpenCorpus } from "../core/contracts/mod.ts";
import { BUILT_IN, Plugins } from "../core/run/plugins/plugins.ts";
import { microTasks, microworld } from "./corpora/microworld/mod.ts";
import {
  WIKITEXT_CONFIGURATIONS,
  WIKITEXT_DATASET,
  wikitextFiles,
  type WikitextName,
} from "./corpora/wikitext/files.ts";
import { local } from "./launchers/local/mod.ts";
import { slurmLauncher } from "./launchers/slurm/mod.ts";
import { llama3 } from "./models/llama3.ts";
import { llamaKind } from "./models/llama/mod.ts";
import { openllama } from "./models/openllama.ts";
import { qwen } from "./models/qwen.ts";
import { qwen2Kind } from "./models/qwen2/mod.ts";
import { tinyllama } from "./models/tinyllama.ts";
import { randomRouter } from "./routers/random.ts";
import { reinforce } from "./routers/reinforce.ts";
import { sequenceGumbel } from "./routers/sequence_gumbel.ts";
import { staticRouter } from "./routers/static.ts";
import { stochastic } from "./routers/stochastic.ts";
import { tokenGumbel } from "./routers/token_gumbel.ts";
import { taskGroups, tasks } from "./tasks/mod.ts";

/** All that is built in, defined as any plugin is. */
const builtin = definePlugin({
  name: BUILT_IN,
  architectures: [llamaKind, qwen2Kind],
  models: {
    nano: {
      description: "12 layers, 1.3 million parameters, pretrained on microworld; in the repository",
      folder: join(import.meta.dirname!, "models", "nano"),
      scale: "small",
    },
    ...tinyllama,
    ...qwen,
    ...openllama,
    ...llama3,
  },
  routers: [staticRouter, stochastic, randomRouter, sequenceGumbel, tokenGumbel, reinforce],
  backends: {
    onnx: async (options) => {
      const { openOnnxBackend } = await import("./backends/onnx/mod.ts");
      return openOnnxBackend(options);
    },
    webgpu: async (options) => {
      const { openWebgpuBackend } = await import("./backends/webgpu/mod.ts");
      return openWebgpuBackend(options);
    },
    reference: async () => {
      const { referenceBackend } = await import("./backends/reference/mod.ts");
      return referenceBackend({ round: true });
    },
  },
  corpora: {
    microworld: () => microworld(),
    ...Object.fromEntries(
      (Object.keys(WIKITEXT_CONFIGURATIONS) as WikitextName[]).map((
        name,
      ) => [name, wikitext(name)]),
    ),
  },
  launchers: [local, slurmLauncher],
  tasks: [...microTasks, ...tasks],
  taskGroups,
});

function wikitext(name: WikitextName): OpenCorpus {
  return async (repositories) => {
    const { openWikitext } = await import("./corpora/wikitext/mod.ts");
    const dataset = { type: "dataset", id: WIKITEXT_DATASET } as const;
    return openWikitext(
      name,
      await repositories.fetch(dataset, (files) => wikitextFiles(name, files)),
    );
  };
}

/** The built-in plugins, to which others can be added. */
export function builtinPlugins(): Plugins {
  const plugins = new Plugins();
  plugins.add(builtin, BUILT_IN);
  return plugins;
}
