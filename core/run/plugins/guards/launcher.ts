/** Launchers of plugins: an end for every trial, in their order. */

import { type Launcher, type LauncherKind, type SweepFolder } from "../../../contracts/mod.ts";
import { callPlugin, PluginFault } from "./call.ts";

/** A kind of launcher whose calls are checked. @param owner whose it is, for messages */
export function guardLauncherKind(kind: LauncherKind, owner: string): LauncherKind {
  const name = `${owner}: launcher "${kind.name}"`;
  return {
    name: kind.name,
    description: kind.description,
    options: kind.options,
    create: (options) =>
      guardLauncher(callPlugin(`${name}.create`, () => kind.create(options)), name),
    ...(kind.queued === undefined ? {} : {
      queued: (sweep: SweepFolder) => callPlugin(`${name}.queued`, () => kind.queued!(sweep)),
    }),
    ...(kind.cancel === undefined ? {} : {
      cancel: (sweep: SweepFolder) => callPlugin(`${name}.cancel`, () => kind.cancel!(sweep)),
    }),
  };
}

function guardLauncher(launcher: Launcher, name: string): Launcher {
  if (typeof launcher?.run !== "function") {
    throw new PluginFault(`${name}: what "create" returns has no function "run"`);
  }
  return {
    ...(launcher.dryRun === undefined ? {} : { dryRun: launcher.dryRun }),
    async run(trials, sweep, events) {
      const ends = await callPlugin(`${name}.run`, () => launcher.run(trials, sweep, events));
      const folders = (list: readonly { readonly folder: string }[]) =>
        list.map(({ folder }) => folder).join();
      const ended = Array.isArray(ends) ? ends.map((end) => end?.trial ?? { folder: "" }) : [];
      if (launcher.dryRun || folders(ended) === folders(trials)) return ends;
      throw new PluginFault(
        `${name}.run returned ${ended.length} ends for ${trials.length} trials; it should be one for ` +
          "each, in the order of the trials",
      );
    },
  };
}
