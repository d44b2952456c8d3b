/**
 * Lists everything that can be chosen by name, with what plugins bring.
 *
 *   deno task list
 *   deno task list --options
 *   deno task list --plugin ./my_model.ts
 */

import "../core/run/permissions.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { listPlugins, showListing } from "../core/run/plugins/listing.ts";
import { pluginOption, withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task list",
  "Lists models, routers, corpora, tasks, backends and launchers, with what plugins bring.",
)
  .addOption(pluginOption())
  .option("--options", "show the options of each, and every member of a group")
  .option("--json", "as JSON, options included");

await runScript(async () => {
  const { json = false, options = false } = readOptions(command);
  const listed = listPlugins(await withPlugins(builtinPlugins()));
  console.log(json ? JSON.stringify(listed, null, 2) : showListing(listed, options));
});
