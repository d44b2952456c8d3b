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
import { UserError } from "../core/contracts/errors.ts";
import { modelCommand, readOptions, refuseBesideModel } from "../core/run/command.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = modelCommand(
  "deno task export",
  "Writes a trained model, its router and its skipping as one ONNX file.",
  "is written",
)
  .requiredOption("--out <FILE>", "the file to write, ending in .onnx")
  .option("--quiet", "no progress");

await runScript(async () => {
  const options = readOptions(command);
  const { out, weights, quiet = false } = options;
  if (!out.endsWith(".onnx")) throw new UserError(`--out takes a file ending in .onnx, not ${out}`);
  refuseBesideModel(options, "--checkpoint");
  const { openTrainedModel } = await import("../core/run/trained_model.ts");
  const { writeModel } = await import("../core/run/model_export.ts");
  await using trained = await openTrainedModel(options, await withPlugins(builtinPlugins()), quiet);
  const { files } = await writeModel(trained, out, weights);
  for (const [path, size] of files) console.log(`${path}  ${(size / 1e6).toFixed(1)} MB`);
});
