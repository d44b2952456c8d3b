/** What the tests of guards share: parts of a plugin that is called "mine", guarded. */

import { type Plugin } from "../../../../../core/contracts/mod.ts";
import { guardPlugin } from "../../../../../core/run/plugins/guards/mod.ts";

/** Whose the parts are, as messages say it. */
export const OWNER = 'plugin "mine" (./mine.ts)';

/** These parts of a plugin, guarded. */
export function guarded(parts: Omit<Plugin, "name">): Plugin {
  return guardPlugin({ name: "mine", ...parts }, OWNER);
}

/** Where a function is set that is not what its type says. */
export const wrongly = <T>(value: unknown): T => value as T;
