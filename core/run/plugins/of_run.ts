/** The plugins that a run was made with, loaded again when the run is. */

import fs from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../contracts/errors.ts";
import { type RunRecord } from "../run_record.ts";
import { loadPlugins, shownSpecifier } from "./load.ts";
import { type Plugins } from "./plugins.ts";

/**
 * Loads what a run was made with. A plugin of the same name that the command line gives takes its
 * place, so a file may have moved. One that has changed is told of on stderr.
 *
 * A record is data, perhaps somebody else's, so it may name files of this machine only, and none in
 * the run's own folder.
 *
 * @param run the run's folder
 * @throws {UserError} for a plugin that has to be given by hand, or cannot be loaded any more.
 */
export async function loadPluginsOfRun(
  plugins: Plugins,
  { config, plugins: kept = [] }: Pick<RunRecord, "config" | "plugins">,
  run: string,
): Promise<void> {
  const named: unknown = config["plugins"];
  if (!Array.isArray(named)) return;
  for (const specifier of named.map(String)) {
    const before = kept.find((plugin) => plugin.specifier === specifier);
    const sameName = plugins.loaded.find(({ name }) => name === before?.name);
    const isReplaced = sameName !== undefined && plugins.isGiven(sameName);
    if (sameName && sameName.specifier !== specifier && !isReplaced) {
      throw new UserError(
        `The run in ${run} uses the plugin "${sameName.name}" in ${
          shownSpecifier(specifier)
        }, and ` +
          `another of that name is loaded, ${
            shownSpecifier(sameName.specifier)
          }: look at the runs one ` +
          "by one, or give the plugin by --plugin",
      );
    }
    if (!isReplaced && !plugins.loaded.some((plugin) => plugin.specifier === specifier)) {
      assertTrusted(specifier, run);
      await loadPlugins(plugins, [specifier]);
    }
    const now = isReplaced ? sameName : plugins.loaded.find((own) => own.specifier === specifier);
    if (before?.sha256 !== undefined && now?.sha256 !== before.sha256) {
      console.error(`The plugin "${before.name}" has changed since the run in ${run} began`);
    }
  }
}

function assertTrusted(specifier: string, run: string): void {
  const again = "give it by --plugin";
  if (!specifier.startsWith("file:")) {
    throw new UserError(`The run in ${run} uses the plugin ${specifier}: ${again} ${specifier}`);
  }
  const path = fileURLToPath(specifier);
  if (!fs.existsSync(path)) {
    throw new UserError(
      `The run in ${run} uses the plugin ${path}, which is not there any more: ${again} FILE`,
    );
  }
  if (!relative(resolve(run), dirname(path)).startsWith("..")) {
    throw new UserError(
      `The run in ${run} names a plugin in its own folder, ${path}: ${again} ${path} if you trust it`,
    );
  }
}
