/**
 * Guards around the code of third parties. What a plugin throws, and an answer that is not what its
 * contract says, becomes one line that names the plugin, the function and the place. Built-in plugins
 * go without: their promises are held by tests.
 */

import { type Plugin } from "../../../contracts/mod.ts";
import { guardBackend } from "./backend.ts";
import { guardCorpus } from "./corpus.ts";
import { guardLauncherKind } from "./launcher.ts";
import { membersOf } from "./members.ts";
import { guardModelKind } from "./model.ts";
import { guardRouterKind } from "./router.ts";
import { guardTask } from "./task.ts";

export { answered, callPlugin } from "./call.ts";

/** The same plugin, its calls checked. @param owner whose it is: `plugin "x" (./x.ts)` */
export function guardPlugin(plugin: Plugin, owner: string): Plugin {
  const list = <T>(all: readonly T[] | undefined, guard: (one: T, owner: string) => T) =>
    all?.map((one) => guard(one, owner));
  const byName = <T>(
    all: Readonly<Record<string, T>> | undefined,
    guard: (one: T, name: string, owner: string) => T,
  ) =>
    all && Object.fromEntries(
      Object.entries(all).map(([name, one]) => [name, guard(one, name, owner)]),
    );
  return membersOf<Plugin>({
    name: plugin.name,
    architectures: list(plugin.architectures, guardModelKind),
    models: plugin.models,
    routers: list(plugin.routers, guardRouterKind),
    tasks: list(plugin.tasks, guardTask),
    taskGroups: plugin.taskGroups,
    backends: byName(plugin.backends, guardBackend),
    corpora: byName(plugin.corpora, guardCorpus),
    launchers: list(plugin.launchers, guardLauncherKind),
  });
}
