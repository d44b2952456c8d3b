/** Calls into a plugin's code: what goes wrong there is said in a line that names it. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Interrupted, PluginFault, UserError } from "../../../contracts/errors.ts";
import { EarlyExit } from "../../script.ts";

/** Seconds without an answer after which a line says who is waited for; and again each time it doubles. */
const PATIENCE = 30;

/** Rooms of dlr itself: an error that is thrown there may be about what a plugin handed in. */
const OWN = ["core/", "plugins/", "scripts/", "mod.ts"]
  .map((room) => new URL(`../../../../${room}`, import.meta.url).href);

/** Longest time that a timer can be set to, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * What a call into a plugin answers at once.
 *
 * @param what whose code it is, for messages: `plugin "x" (./x.ts): router "mine".decide`
 * @throws {PluginFault} for anything that the plugin throws, with the place, and for a promise, which
 *   nobody here could wait for.
 */
export function callPlugin<T>(what: string, call: () => T): T {
  let promise: PromiseLike<unknown>;
  try {
    const result = call();
    if (!isPromise(result)) return result;
    promise = result;
  } catch (error) {
    throw explained(error, what);
  }
  // What it is rejected with later would end the process, as nobody else holds it.
  promise.then(undefined, () => {});
  throw wrongAnswer(what, "a promise", "the value itself, as nothing waits for it");
}

/**
 * What a call into a plugin answers after a while.
 *
 * @param what as for {@link callPlugin}
 * @param limit as for {@link answered}
 * @param patience as for {@link answered}
 * @throws {PluginFault} for anything that the plugin throws, and when it takes longer than `limit`.
 */
export function awaitPlugin<T>(
  what: string,
  call: () => T | PromiseLike<T>,
  limit?: number,
  patience?: number,
): Promise<T> {
  return answered((async () => await call())(), what, limit, patience);
}

/**
 * What a promise of a plugin's brings; a line on stderr says so when it takes long.
 *
 * @param limit seconds after which it is given up; absent: as long as it takes
 * @param patience seconds until the first such line; `Infinity` where a long time is nothing special
 * @throws {PluginFault} for anything that it is rejected with, and when it takes longer than `limit`.
 */
export async function answered<T>(
  promise: Promise<T>,
  what: string,
  limit = Infinity,
  patience = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const started = performance.now();
  const waited = () => (performance.now() - started) / 1000;
  // The timer also keeps the process from ending as if all were done, when nothing else is to be done.
  const tooLong = new Promise<never>((_, reject) => {
    let nextLine = patience;
    const wait = () => {
      const milliseconds = 1000 * (Math.min(nextLine, limit) - waited());
      timer = setTimeout(look, Math.min(milliseconds, LONGEST_TIMER));
    };
    const look = () => {
      const seconds = waited();
      if (seconds >= limit) {
        reject(
          new PluginFault(
            `${what} has not answered in ${
              Math.round(seconds)
            } s and is given up: its promise never ` +
              "resolves, or what it waits for is too slow",
          ),
        );
        return;
      }
      if (seconds >= nextLine) {
        console.error(
          `${what} has not answered for ${Math.round(seconds)} s; Ctrl-C stops waiting`,
        );
        nextLine *= 2;
      }
      wait();
    };
    wait();
  });
  try {
    return await Promise.race([promise, tooLong]);
  } catch (error) {
    throw explained(error, what);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Refuses what lacks functions.
 *
 * @param what what it is, for messages: `plugin "x" (./x.ts): router "mine": what "create" returns`
 * @throws {PluginFault} naming the first that is missing.
 */
export function requireFunctions<T>(what: string, value: T, names: readonly (keyof T)[]): void {
  const missing = callPlugin(
    what,
    () => names.find((name) => typeof value?.[name] !== "function"),
  );
  if (missing === undefined) return;
  const name = typeof missing === "symbol" ? `[${missing.description}]` : `"${String(missing)}"`;
  throw new PluginFault(`${what} has no function ${name}`);
}

/** A value in a few characters, whatever it is. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = Deno.inspect(value, { breakLength: Infinity, depth: 2 }).replaceAll(/\s+/g, " ");
  } catch {
    // It can say itself how it is shown, and may fail.
    text = `a ${typeof value}`;
  }
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

const LONGEST_SHOWN = 80;

/** An error about what a plugin returned. @param what as for {@link callPlugin} */
export function wrongAnswer(what: string, returned: string, expected: string): PluginFault {
  return new PluginFault(`${what} returned ${returned}; it should be ${expected}`);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
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
