/** The model that docs/tutorials/model.md writes gives the logits of transformers. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type DefinedPlugin, type ModelKind } from "../../core/contracts/mod.ts";
import { input } from "../../core/graph/mod.ts";
import { openCheckpointWeights, openSafetensors, readJsonObject } from "../../core/io/mod.ts";
import { inputNodes, ParamNodes } from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import { checkWeights } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import { inFolder } from "../core/io/support.ts";
import { ROOT } from "../end_to_end/command.ts";
import { assertParity } from "../parity/golden.ts";
import { blocksIn } from "./blocks.ts";
import { page } from "./pages.ts";

const CHECKPOINT = join(ROOT, "tests/parity/goldens/tutorial_opt");

/** The page's file, as a reader has it at the end. */
async function kindOnThePage(): Promise<ModelKind> {
  let kind: ModelKind | undefined;
  await inFolder(async (folder) => {
    const path = join(folder, "my_model.ts");
    for (const { file, text } of blocksIn(page("docs/tutorials/model.md"))) {
      if (file) Deno.writeTextFileSync(path, text, { append: file.continued });
    }
    const module: { default: DefinedPlugin } = await import(pathToFileURL(path).href);
    [kind] = module.default.architectures!;
  });
  return kind!;
}

Deno.test("the model of the tutorial gives transformers' logits, on both backends", async () => {
  const config = readJsonObject(join(CHECKPOINT, "config.json"), "the configuration");
  const model = (await kindOnThePage()).fromConfig(config, CHECKPOINT);
  using stored = openCheckpointWeights(CHECKPOINT);
  checkWeights(stored, model);
  using golden = openSafetensors(join(CHECKPOINT, "logits.safetensors"));
  const [tokens, logits] = [golden.readHost("tokens"), golden.readHost("logits")];
  const params = new ParamNodes(inputNodes(model.params()));
  const weights = Object.fromEntries(
    Object.keys(model.params()).map((name) => [name, stored.read(name)]),
  );
  for (const backend of [referenceBackend(), onnxBackend({ threads: 1 })]) {
    await using _ = backend;
    const { hiddenStates } = forward(model, params, input("tokens", tokens.shape, "int32"));
    await using program = await backend.compile({ logits: model.head(params, hiddenStates) });
    assertParity((await program.run({ ...weights, tokens })).logits, logits, backend.name);
  }
});
