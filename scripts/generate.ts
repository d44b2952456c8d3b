/**
 * Continues texts with a trained model, skipping the layers that its router does not choose.
 *
 *   deno task generate --checkpoint exp10 --prompt "Mia has a red ball."
 *   deno task generate --checkpoint results/runs/exp10/… --prompt A --prompt B --temperature 0.8
 *   deno task generate --checkpoint exp10 --prompt "Tom went" --speculate
 *   deno task generate --model nano --prompt "Tom went" --show-depth
 */

import "../core/run/permissions.ts";
import { UserError } from "../core/contracts/errors.ts";
import {
  countFrom,
  modelCommand,
  numberBetween,
  readOptions,
  refuseBesideModel,
} from "../core/run/command.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = modelCommand(
  "deno task generate",
  "Continues texts with a trained model; layers that its router skips are not computed.",
  "writes",
)
  .option(
    "--prompt <text>",
    "text to continue; may be given several times",
    (text: string, before: string[] = []) => [...before, text],
  )
  .option("--max-tokens <n>", "tokens that are written to each text at most", countFrom(1), 64)
  .option(
    "--temperature <x>",
    "0 takes the likeliest token, 1 draws as the model says",
    numberBetween(0, 1e6),
    0,
  )
  .option(
    "--top-p <share>",
    "draw from the likeliest tokens of this probability only",
    numberBetween(0, 1),
    1,
  )
  .option("--seed <n>", "draws the tokens", countFrom(0), 0)
  .option("--show-depth", "show by how many layers each token was written")
  .option("--speculate", "draft with the router, confirm at full depth: its text, sooner")
  .option("--draft <n>", "tokens that --speculate drafts at a time", countFrom(1), 4)
  .option("--quiet", "nothing but the text");

await runScript(async () => {
  const options = readOptions(command);
  const { prompt: prompts, speculate = false, temperature, topP, quiet = false } = options;
  if (!prompts) throw new UserError('Give a text to continue: --prompt "Once upon a time"');
  if (speculate && temperature > 0) {
    throw new UserError("--speculate takes the likeliest tokens: leave out --temperature");
  }
  refuseBesideModel(options, "--checkpoint");
  if (speculate && (options.model !== undefined || (options.depth ?? "routed") !== "routed")) {
    throw new UserError("--speculate drafts with a router: it takes --checkpoint, and no --depth");
  }
  if (topP === 0) throw new UserError("--top-p 0 leaves no token to draw from");
  const { generate } = await import("../core/run/generation.ts");
  const { openTrainedModel } = await import("../core/run/trained_model.ts");
  await using trained = await openTrainedModel(options, await withPlugins(builtinPlugins()), quiet);
  const encoder = new TextEncoder();
  await generate(trained, {
    prompts,
    maxTokens: options.maxTokens,
    sampling: { temperature, topP },
    seed: options.seed,
    showDepth: options.showDepth ?? false,
    weightFormat: options.weights,
    draftTokens: speculate ? options.draft : undefined,
    quiet,
  }, {
    write: (text) => writeAll(encoder.encode(text)),
    note: (line) => console.error(line),
    inColour: Deno.stdout.isTerminal() && !Deno.noColor,
  });
});

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
