/** The plugins that come with dlr. Nothing heavy is loaded before it is chosen. */

import { join } from "node:path";
import { type RouterKind } from "../core/contracts/mod.ts";
import { Plugins } from "../core/run/plugins.ts";
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

/** All built-in plugins. */
export function builtinPlugins(): Plugins {
  const plugins = new Plugins();
  const from = "dlr";
  plugins.models.register("nano", {
    description: "12 layers, 1.3 million parameters, pretrained on microworld; in the repository",
    folder: join(import.meta.dirname!, "models", "nano"),
    scale: "small",
  }, from);
  for (const [name, model] of Object.entries({ ...tinyllama, ...qwen, ...openllama, ...llama3 })) {
    plugins.models.register(name, model, from);
  }
  plugins.architectures.push(llamaKind, qwen2Kind);
  for (
    const router of [
      staticRouter,
      stochastic,
      randomRouter,
      sequenceGumbel,
      tokenGumbel,
      reinforce,
    ] as const
  ) {
    plugins.routers.register(router.name, router as RouterKind, from);
  }
  plugins.backends.register("onnx", async (options) => {
    const { openOnnxBackend } = await import("./backends/onnx/mod.ts");
    return openOnnxBackend(options);
  }, from);
  plugins.backends.register("webgpu", async (options) => {
    const { openWebgpuBackend } = await import("./backends/webgpu/mod.ts");
    return openWebgpuBackend(options);
  }, from);
  plugins.backends.register("reference", async () => {
    const { referenceBackend } = await import("./backends/reference/mod.ts");
    return referenceBackend({ round: true });
  }, from);
  plugins.corpora.register("microworld", () => microworld(), from);
  for (const name of Object.keys(WIKITEXT_CONFIGURATIONS) as WikitextName[]) {
    plugins.corpora.register(name, async (repositories) => {
      const { openWikitext } = await import("./corpora/wikitext/mod.ts");
      const dataset = { type: "dataset", id: WIKITEXT_DATASET } as const;
      return openWikitext(
        name,
        await repositories.fetch(dataset, (files) => wikitextFiles(name, files)),
      );
    }, from);
  }
  for (const launcher of [local, slurmLauncher]) {
    plugins.launchers.register(launcher.name, launcher, from);
  }
  for (const task of [...microTasks, ...tasks]) plugins.tasks.register(task.name, task, from);
  for (const group of taskGroups) plugins.taskGroups.register(group.name, group, from);
  return plugins;
}
