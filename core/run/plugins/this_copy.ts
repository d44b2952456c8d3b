/**
 * One copy of dlr in a process. Nodes and operations are compared by identity, so what a plugin imports
 * as `@dlr/dlr` has to be the dlr that runs. Deno sees to that for files and for packages from JSR; a
 * package from npm would look for a copy of its own beside itself.
 */

import { registerHooks } from "node:module";
import project from "../../../deno.json" with { type: "json" };

const ROOT = new URL("../../../", import.meta.url);

/** Where this dlr has what `specifier` names, if that is dlr. */
function inThisCopy(specifier: string): string | undefined {
  const { name, exports } = project;
  if (specifier !== name && !specifier.startsWith(`${name}/`)) return undefined;
  const path = (exports as Readonly<Record<string, string>>)[`.${specifier.slice(name.length)}`];
  return path === undefined ? undefined : new URL(path, ROOT).href;
}

let isShared = false;

/** From now on every module, wherever it is from, gets this copy of dlr for `@dlr/dlr`. */
export function shareThisCopy(): void {
  if (isShared) return;
  isShared = true;
  registerHooks({
    resolve(specifier, context, next) {
      const url = inThisCopy(specifier);
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
    },
  });
}
