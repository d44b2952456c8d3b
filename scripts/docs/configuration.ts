/**
 * Writes docs/configuration.md and docs/configuration.schema.json from the schemas that configurations
 * and command lines are checked by.
 *
 *   deno task docs:configuration
 */

import "../../core/run/permissions.ts";
import { writeFileAtomic } from "../../core/io/atomic.ts";
import { newCommand, readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { configurationFiles } from "./configuration_files.ts";

const command = newCommand(
  "deno task docs:configuration",
  "Writes the reference of settings and options from their schemas.",
);

await runScript(async () => {
  readOptions(command);
  for (const [path, text] of Object.entries(await configurationFiles(builtinPlugins()))) {
    writeFileAtomic(new URL(`../../${path}`, import.meta.url).pathname, text);
    console.log(path);
  }
});
