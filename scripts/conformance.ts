/**
 * Checks what any plugin must satisfy: one line per promise, with what was measured.
 *
 *   deno task conformance --model nano
 *   deno task conformance --plugin ./my_model.ts
 *   deno task conformance --plugin ./my_model.ts --model my-model --goldens logits.safetensors
 *   deno task conformance --router token-gumbel --set readsBudget=true
 *   deno task conformance --backend onnx --launcher local --corpus microworld --task micro_math
 *
 * Exit code 0 if all hold, 1 if one does not, 2 for wrong input. docs/conformance.md lists them.
 */

import "../core/run/permissions.ts";
import { chosenIn, readConformanceOptions } from "../core/run/conformance/options.ts";
import { withPlugins } from "../core/run/plugins/options.ts";
import { EarlyExit, runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

await runScript(async () => {
  const options = readConformanceOptions();
  const plugins = await withPlugins(builtinPlugins());
  const { chosen, isNamed } = chosenIn(options, plugins);
  const { oracle } = await import("../plugins/backends/reference/mod.ts");
  const { checkAll, showTally } = await import("../core/run/conformance/check.ts");
  const { RunRepositories } = await import("../core/run/repositories.ts");
  const tally = await checkAll(
    chosen,
    { plugins, repositories: new RunRepositories(), oracle, options },
    isNamed,
    console.log,
  );
  console.log(`\n${showTally(tally)}`);
  // What a launcher that was given up on still waits for is not waited for.
  throw new EarlyExit(tally.broken > 0 ? 1 : 0);
});
