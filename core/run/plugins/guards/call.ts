/** Calls into a plugin's code: what goes wrong there is said in a line that names it. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Interrupted, UserError } from "../../../contracts/errors.ts";
import { EarlyExit } from "../../script.ts";

/** Seconds without an answer after which a line says who is waited for; and again each time it doubles. */
const PATIENCE = 30;

/** Rooms of dlr itself: an error that is thrown there may be about what a plugin handed in. */
const OWN = ["core/", "plugins/", "scripts/", "mod.ts"]
  .map((room) => new URL(`../../../../${room}`, import.meta.url).href);

/** A plugin did something that its contract does not allow, or threw. */
export class PluginFault extends UserError {}

/**
 * What a call into a plugin answers.
 *
 * @param what whose code it is, for messages: `plugin "x" (./x.ts): router "mine".decide`
 * @throws {UserError} for anything that the plugin throws, with the place.
 */
export function callPlugin<T>(what: string, call: () => T): T {
  let result: T;
  try {
    result = call();
  } catch (error) {
    throw explained(error, what);
  }
  return result instanceof Promise ? answered(result, what) as T : result;
}

/**
 * What a promise of a plugin's brings; a line on stderr says so when it takes long.
 *
 * @param limit seconds after which it counts as never; absent: as long as it takes
 * @throws {UserError} for anything that it is rejected with, and when it takes longer than `limit`.
 */
export async function answered<T>(
  promise: Promise<T>,
  what: string,
  limit = Infinity,
  patience = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const started = performance.now();
  // The timer also keeps the process from ending as if all were done, when nothing else is to be done.
  const tooLong = new Promise<never>((_, reject) => {
    const look = (seconds: number) => {
      const waited = Math.round((performance.now() - started) / 1000);
      if (waited >= limit) {
        reject(
          new PluginFault(`${what} has not answered in ${waited} s: its promise never resolves`),
        );
        return;
      }
      if (seconds >= patience) {
        console.error(`${what} has not answered for ${waited} s; Ctrl-C stops waiting`);
      }
      const next = Math.min(Math.max(patience, seconds), limit - waited);
      timer = setTimeout(() => look(2 * seconds), 1000 * next);
    };
    timer = setTimeout(() => look(patience), 1000 * Math.min(patience, limit));
  });
  try {
    return await Promise.race([promise, tooLong]);
  } catch (error) {
    throw explained(error, what);
  } finally {
    clearTimeout(timer);
  }
}

/** An error about what a plugin returned. @param what as for {@link callPlugin} */
export function wrongAnswer(what: string, returned: string, expected: string): UserError {
  return new PluginFault(`${what} returned ${returned}; it should be ${expected}`);
}

function explained(error: unknown, what: string): unknown {
  if (
    error instanceof UserError || error instanceof Interrupted || error instanceof EarlyExit ||
    error instanceof Deno.errors.NotCapable
  ) return error;
  const said = (error instanceof Error ? `${error.name}: ${error.message}` : String(error))
    .replaceAll(/\s+/g, " ");
  const place = error instanceof Error ? placeOf(error) : undefined;
  const at = place === undefined ? "" : `, at ${place}`;
  return new PluginFault(`${what} threw ${said}${at}`, { cause: error });
}

/** The first place in a stack that is not dlr's own: `my_router.ts:31:5`. */
function placeOf({ stack = "" }: Error): string | undefined {
  for (const [, url, line, column] of stack.matchAll(/(\w+:\/\/[^\s()]+?):(\d+):(\d+)/g)) {
    if (url === undefined || url.startsWith("ext:") || OWN.some((own) => url.startsWith(own))) {
      continue;
    }
    const path = url.startsWith("file:") ? relative(Deno.cwd(), fileURLToPath(url)) : url;
    return `${path}:${line}:${column}`;
  }
  return undefined;
}
