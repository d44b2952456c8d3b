/** The plugins that come with dlr. Nothing heavy is loaded before it is chosen. */

import { join } from "node:path";
import { Plugins } from "../core/run/plugins.ts";
import { microworld } from "./corpora/microworld/mod.ts";
import { llamaKind } from "./models/llama/mod.ts";
import { qwen2Kind } from "./models/qwen2/mod.ts";
import { tokenGumbel } from "./routers/token_gumbel.ts";

/** All built-in plugins. */
export function builtinPlugins(): Plugins {
  const plugins = new Plugins();
  const from = "dlr";
  plugins.models.register("nano", {
    description: "12 layers, 1.3 million parameters, pretrained on microworld; in the repository",
    folder: join(import.meta.dirname!, "models", "nano"),
  }, from);
  plugins.architectures.push(llamaKind, qwen2Kind);
  plugins.routers.register(tokenGumbel.name, tokenGumbel, from);
  plugins.backends.register("onnx", async (options) => {
    const { openOnnxBackend } = await import("./backends/onnx/mod.ts");
    return openOnnxBackend(options);
  }, from);
  plugins.backends.register("reference", async () => {
    const { referenceBackend } = await import("./backends/reference/mod.ts");
    return referenceBackend({ round: true });
  }, from);
  plugins.corpora.register("microworld", () => microworld(), from);
  return plugins;
}
