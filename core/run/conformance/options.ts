/** The command line of the conformance kits: what is checked, and with what. */

import { Option } from "@commander-js/extra-typings";
import { UserError } from "../../contracts/errors.ts";
import { newCommand, readOptions } from "../command.ts";
import { pluginOption } from "../plugins/options.ts";
import { BUILT_IN, type Plugins } from "../plugins/plugins.ts";
import { type Registry } from "../plugins/registry.ts";
import { readValue } from "../settings.ts";

/** What can be checked, as options call it. */
export const KINDS = ["model", "router", "task", "backend", "launcher", "corpus"] as const;

/** One of {@link KINDS}. */
export type CheckedKind = typeof KINDS[number];

/** A plugin of some kind, by its name. */
export interface Chosen {
  readonly kind: CheckedKind;
  readonly name: string;
}

const each = (option: Option) =>
  option.argParser((name: string, all?: string[]) => [...(all ?? []), name]) as Option;

/**
 * Reads a command line.
 *
 * @throws {UserError} for an unknown option.
 * @throws {EarlyExit} after `--help`.
 */
export function readConformanceOptions(args?: readonly string[]): ConformanceOptions {
  // An option for each kind is more than the types of options can follow.
  return readOptions(conformanceCommand(), args) as unknown as ConformanceOptions;
}

function conformanceCommand() {
  const command = newCommand(
    "deno task conformance",
    "Checks what any plugin must satisfy, and says what was measured.",
  );
  for (const kind of KINDS) {
    const value = kind === "model" ? "name|DIR|ID" : "name";
    command.addOption(each(new Option(`--${kind} <${value}>`, `a ${kind}; may be repeated`)));
  }
  return command
    .addOption(pluginOption())
    .addOption(
      each(new Option("--set <key=value>", "an option of the router, launcher or backend")),
    )
    .option("--goldens <FILE>", "logits of other software: safetensors with tokens and logits")
    .option("--data-dir <DIR>", "folder of data sets; without it they come from the hub")
    .option("--folder <DIR>", "where launchers run their trials: one that their machines share")
    .option("--on <backend>", "backend that models are run on besides the reference", "onnx");
}

/** What was typed. */
export interface ConformanceOptions
  extends Readonly<Partial<Record<CheckedKind, readonly string[]>>> {
  readonly set?: readonly string[] | undefined;
  readonly goldens?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly folder?: string | undefined;
  readonly on: string;
}

/**
 * What a command line names, in the order of the kinds.
 * Where it names nothing, all that plugins brought along.
 *
 * @throws {UserError} for a name that there is not, and where there is nothing to check.
 */
export function chosenIn(
  options: ConformanceOptions,
  plugins: Plugins,
): { chosen: readonly Chosen[]; isNamed: boolean } {
  const named = KINDS.flatMap((kind) => {
    return (options[kind] ?? []).map((name): Chosen => ({ kind, name }));
  });
  for (const { kind, name } of named) {
    // A model may also be a folder or a repository.
    if (kind !== "model") registryOf(plugins, kind).get(name);
  }
  if (named.length > 0) return { chosen: named, isNamed: true };
  const brought = KINDS.flatMap((kind) => {
    const registry = registryOf(plugins, kind);
    return registry.names().filter((name) => registry.owner(name) !== BUILT_IN)
      .map((name): Chosen => ({ kind, name }));
  });
  if (brought.length > 0) return { chosen: brought, isNamed: false };
  throw new UserError(
    `Nothing to check: name something by ${KINDS.map((kind) => `--${kind}`).join(", ")}, ` +
      "or give a --plugin to check all that it brings",
  );
}

/** Where plugins of a kind are. */
export function registryOf(plugins: Plugins, kind: CheckedKind): Registry<unknown> {
  const registries: Readonly<Record<CheckedKind, unknown>> = {
    model: plugins.models,
    router: plugins.routers,
    task: plugins.tasks,
    backend: plugins.backends,
    launcher: plugins.launchers,
    corpus: plugins.corpora,
  };
  return registries[kind] as Registry<unknown>;
}

/** `key=value` texts as values: numbers, booleans and JSON as such, all else as text. @throws {UserError} */
export function settingsIn(sets: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(sets.map((text) => {
    const at = text.indexOf("=");
    if (at <= 0) throw new UserError(`--set takes key=value, not "${text}"`);
    return [text.slice(0, at), readValue(text.slice(at + 1), "other")];
  }));
}
