/** Checks what a module exports before anything of it is used. */

import { type DefinedPlugin, definePlugin, PLUGIN_API, UserError } from "../../contracts/mod.ts";
import { didYouMean } from "../did_you_mean.ts";
import { definition } from "./definition_schema.ts";
import { callPlugin } from "./guards/mod.ts";

/**
 * What changed for plugins with each version of their interfaces, for the message that refuses an
 * older one. The first needs no entry.
 */
export const API_CHANGES: Readonly<Record<number, string>> = {};

/** Where this copy of dlr has its contracts. */
const { builtAgainst: OWN_COPY } = definePlugin({ name: "dlr" });

const KINDS = Object.keys(definition.shape).filter((key) => key !== "name");

/**
 * The plugin that a module exports.
 *
 * @param exported its default export
 * @param place where it is, for messages
 * @throws {UserError} when it is no plugin, was built for another version of the interfaces or with
 *   another copy of dlr, brings nothing, or does not hold what a plugin has to, naming the field and
 *   what it takes.
 */
export function readDefinition(
  exported: unknown,
  place: string,
  { api = PLUGIN_API, changes = API_CHANGES } = {},
): DefinedPlugin {
  const refuse = (why: string) => new UserError(`Cannot use the plugin ${place}: ${why}`);
  if (typeof exported !== "object" || exported === null) {
    throw refuse(
      'it has no default export that is a plugin; write "export default definePlugin({...})"',
    );
  }
  const given = exported as Readonly<Record<string, unknown>>;
  if (typeof given["api"] !== "number") {
    throw refuse(
      "its default export is not made by definePlugin; " +
        'write "export default definePlugin({...})", with definePlugin from "@dlr/dlr"',
    );
  }
  if (given["api"] !== api) throw refuse(otherVersion(given["api"], api, changes));
  if (given["builtAgainst"] !== OWN_COPY) {
    throw refuse(
      `it imports another copy of dlr (${
        String(given["builtAgainst"])
      }) than the one that runs, and ` +
        'graphs of two copies do not mix; import "@dlr/dlr" instead, which is the one that runs',
    );
  }
  const unknown = Object.keys(given).find((key) =>
    !["api", "builtAgainst", "name", ...KINDS].includes(key)
  );
  if (unknown !== undefined) {
    throw refuse(
      `it brings "${unknown}"${didYouMean(unknown, KINDS)} A plugin may bring ${KINDS.join(", ")}`,
    );
  }
  const checked = callPlugin(
    `The definition of the plugin ${place}`,
    () => definition.safeParse(given, { reportInput: true }),
  );
  if (checked.success) {
    if (KINDS.some((kind) => bringsSome(given[kind]))) return exported as DefinedPlugin;
    throw refuse(`it brings nothing; give it one of ${KINDS.join(", ")}`);
  }
  const { path, input, message } = checked.error.issues[0]!;
  throw refuse(`${pathOf(path)} ${stateOf(input)}; ${message}`);
}

function bringsSome(part: unknown): boolean {
  return typeof part === "object" && part !== null && Object.keys(part).length > 0;
}

function otherVersion(theirs: number, ours: number, changes: typeof API_CHANGES): string {
  const versions = `it was built for version ${theirs} of the plugin interfaces, this is ${ours}`;
  if (theirs > ours) return `${versions}; update dlr, or use an older version of the plugin`;
  const since = Object.entries(changes).filter(([version]) => Number(version) > theirs)
    .map(([, change]) => change);
  return [`${versions}; what changed: ${since.join("; ")}`, "update the plugin"].join("; ");
}

/** `routers[0].create`, as one would write it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.map((key, i) =>
    typeof key === "number"
      ? `[${key}]`
      : /^\w+$/.test(String(key))
      ? `${i === 0 ? "" : "."}${String(key)}`
      : `["${String(key)}"]`
  ).join("");
}

function stateOf(value: unknown): string {
  if (value === undefined) return "is missing";
  if (typeof value === "function") return "is a function";
  if (typeof value === "object" && value !== null) return "is not right";
  if (typeof value === "bigint") return `is ${value}n`;
  return `is ${typeof value === "string" ? JSON.stringify(value) : String(value)}`;
}
