/**
 * Writes a trained model with its router as an ONNX file, which plain ONNX Runtime runs from any
 * language; blocks that the router skips are not computed there either.
 *
 *   deno task export --checkpoint exp10 --out model.onnx
 *   deno task export --checkpoint exp10 --out model.onnx --weights int4
 *
 * docs/inference.md says what goes in and what comes out; examples/onnx has programs that run it.
 */

import "../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../core/contracts/errors.ts";
import {
  depthOption,
  newCommand,
  numberBetween,
  readOptions,
  refuseBesideModel,
} from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task export",
  "Writes a trained model, its router and its skipping as one ONNX file.",
)
  .option("--checkpoint <name|DIR>", "a run's or checkpoint's folder, or an experiment")
  .option("--model <name|DIR|ID>", "a model as it is, instead")
  .requiredOption("--out <FILE>", "the file to write, ending in .onnx")
  .addOption(depthOption("is written"))
  .option("--budget <share>", "skip ratio that the router is calibrated to", numberBetween(0, 1))
  .addOption(
    new Option("--weights <format>", "how matrices are kept")
      .choices(["float32", "int4"] as const).default("float32" as const),
  )
  .option("--backend <name>", "backend to run on (default: that of the training, or onnx)")
  .option("--quiet", "no progress");

await runScript(async () => {
  const options = readOptions(command);
  const { out, weights, quiet = false } = options;
  if (!out.endsWith(".onnx")) throw new UserError(`--out takes a file ending in .onnx, not ${out}`);
  refuseBesideModel(options, "--checkpoint");
  const { openTrainedModel } = await import("../core/run/trained_model.ts");
  const { writeModel } = await import("../core/run/model_export.ts");
  await using trained = await openTrainedModel(options, builtinPlugins(), quiet);
  const { files } = await writeModel(trained, out, weights);
  for (const [path, size] of files) console.log(`${path}  ${(size / 1e6).toFixed(1)} MB`);
});
