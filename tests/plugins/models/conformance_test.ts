/** Every family of models keeps every promise, on both backends and against transformers' logits. */

import { fileURLToPath } from "node:url";
import { kindPromises, modelPromises, smallModel, testOf } from "../../../core/conformance/mod.ts";
import { openCheckpointWeights, readJsonObject } from "../../../core/io/mod.ts";
import { runExported } from "../../../core/run/conformance/run_exported.ts";
import { readGoldens } from "../../../core/run/conformance/subjects.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { oracle } from "../../../plugins/backends/reference/mod.ts";
import { llamaKind } from "../../../plugins/models/llama/mod.ts";
import { qwen2Kind } from "../../../plugins/models/qwen2/mod.ts";

const FAMILIES = fileURLToPath(new URL("../../parity/goldens/families", import.meta.url));

/** Checkpoints that are unlike each other. */
const CHECKPOINTS = [
  ["llama3_rope", llamaKind],
  ["openllama", llamaKind],
  ["qwen2_tied", qwen2Kind],
] as const;

for (const [name, kind] of CHECKPOINTS) {
  const folder = `${FAMILIES}/${name}`;
  const source = `${folder}/config.json`;
  const config = readJsonObject(source, "the configuration");
  const { model } = smallModel(kind, config, source);
  const backend = onnxBackend({ threads: 1 });
  const promises = modelPromises({
    model,
    oracle,
    backend,
    runExported,
    checkpoint: { model: kind.fromConfig(config, source), weights: openCheckpointWeights(folder) },
    goldens: readGoldens(`${folder}/logits.safetensors`),
  });
  for (const promise of [...kindPromises(kind, config), ...promises]) {
    Deno.test(testOf(name, promise));
  }
}
