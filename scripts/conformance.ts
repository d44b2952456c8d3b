/**
 * Checks what any plugin must satisfy: one line per promise, with what was measured.
 *
 *   deno task conformance --model nano
 *   deno task conformance --router token-gumbel --set readsBudget=true
 *   deno task conformance --backend onnx --launcher local --corpus microworld --task micro_math
 *
 * Exit code 0 if all hold, 1 if one does not, 2 for wrong input. docs/conformance.md lists them.
 */

import "../core/run/permissions.ts";
import { type Chosen, chosenIn, readConformanceOptions } from "../core/run/conformance/options.ts";
import { type Plugins } from "../core/run/plugins.ts";
import { EarlyExit, runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

/** Everything that can be checked by name, and what is checked where nothing is named. */
function pluginsHere(): { plugins: Plugins; brought: readonly Chosen[] } {
  return { plugins: builtinPlugins(), brought: [] };
}

await runScript(async () => {
  const options = readConformanceOptions();
  const { plugins, brought } = pluginsHere();
  const chosen = chosenIn(options, plugins, brought);
  const { oracle } = await import("../plugins/backends/reference/mod.ts");
  const { checkAll, showTally } = await import("../core/run/conformance/check.ts");
  const { RunRepositories } = await import("../core/run/repositories.ts");
  const tally = await checkAll(
    chosen,
    { plugins, repositories: new RunRepositories(), oracle, options },
    chosen !== brought,
    console.log,
  );
  console.log(`\n${showTally(tally)}`);
  // What a launcher that was given up on still waits for is not waited for.
  throw new EarlyExit(tally.broken > 0 ? 1 : 0);
});
