/** Starting scripts of this project as processes of their own. */

import { join } from "node:path";

/** Says what packages and permissions scripts have, wherever they are started from. */
const CONFIG = join(import.meta.dirname!, "../../deno.json");

/** A script with these arguments, quiet and without colours. @param script its path */
export function childScript(
  script: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "stdout" | "stderr" | "cwd">,
): Deno.Command {
  return new Deno.Command(denoCommand(), {
    args: ["run", "--quiet", "--config", CONFIG, "-P", script, ...args],
    stdin: "null",
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    ...options,
  });
}

/** The Deno that runs this, or, where only `deno` may be run, that one. */
function denoCommand(): string {
  const own = Deno.execPath();
  const { state } = Deno.permissions.querySync({ name: "run", command: own });
  return state === "granted" ? own : "deno";
}
