/** Commands in messages, as they can be typed where one is. */

import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TASKS: Readonly<Record<string, string>> = project.tasks;

/**
 * A text in which `deno task NAME` is what starts that script from the current folder: as it is in
 * dlr's own folder, `deno run -P PATH` in any other, as in that of a plugin.
 *
 * @param options further ones of each command, such as `--plugin ./mine.ts`
 */
export function commandsHere(
  text: string,
  options: readonly string[] = [],
  folder: string = Deno.cwd(),
): string {
  const isHome = relative(ROOT, folder) === "";
  return text.replaceAll(/\bdeno task ([\w:-]+)/g, (command, name: string) => {
    const script = /^deno run -P (scripts\/\S+\.ts)$/.exec(TASKS[name] ?? "")?.[1];
    if (script === undefined) return command;
    const start = isHome ? command : `deno run -P ${relative(folder, join(ROOT, script))}`;
    return [start, ...options].join(" ");
  });
}
