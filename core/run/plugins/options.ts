/** `--plugin`, for every script that uses what plugins bring. */

import { Option } from "@commander-js/extra-typings";
import { dirname } from "node:path";
import { readValue } from "../settings.ts";
import { absoluteSpecifier, loadPlugins, shownSpecifier } from "./load.ts";
import { type Plugins } from "./plugins.ts";

/** The option. Its values are read before the others, by {@link withPlugins}. */
export function pluginOption() {
  return new Option(
    "--plugin <SPECIFIER>",
    "load what this module brings: a file, npm:, jsr: or URL; may be repeated",
  ).argParser((specifier: string, all?: string[]) => [...(all ?? []), specifier]);
}

/**
 * Adds the plugins that a command line names. What they bring has to be there before the other options
 * are read, as `--help` lists it and `--launcher` chooses from it.
 *
 * @throws {UserError} when one cannot be loaded.
 */
export async function withPlugins(
  plugins: Plugins,
  args: readonly string[] = Deno.args,
): Promise<Plugins> {
  return await loadGiven(
    plugins,
    valuesOf("--plugin", args).map((each) => absoluteSpecifier(each)),
  );
}

/** Loads plugins that somebody has named, so that they go before those of a run. */
export async function loadGiven(
  plugins: Plugins,
  specifiers: readonly string[],
): Promise<Plugins> {
  plugins.give(specifiers);
  await loadPlugins(plugins, specifiers);
  return plugins;
}

/**
 * All plugins that the command line of an experiment names: those in the file of `--config`, whose
 * paths are from its folder, then `--set plugins=`, then `--plugin`. Absolute, each once.
 *
 * @throws {UserError} for a file that is not there.
 */
export function pluginsAskedFor(args: readonly string[]): string[] {
  const inFiles = valuesOf("--config", args).slice(-1).flatMap((file) =>
    listIn(file).map((each) => absoluteSpecifier(each, dirname(file)))
  );
  const set = valuesOf("--set", args).map((text) => /^\s*plugins\s*=(.*)$/s.exec(text)?.[1])
    .flatMap((text) => text === undefined ? [] : readValue(text, "list"))
    .map((each) => absoluteSpecifier(String(each)));
  const given = valuesOf("--plugin", args).map((each) => absoluteSpecifier(each));
  return [...new Set([...inFiles, ...set, ...given])];
}

/** `--plugin` again, for a command that is started in turn. */
export function pluginArgs({ loaded }: Plugins): string[] {
  return loaded.flatMap(({ specifier }) => ["--plugin", shownSpecifier(specifier)]);
}

function valuesOf(option: string, args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (arg.startsWith(`${option}=`)) return [arg.slice(option.length + 1)];
    const value = args[i + 1];
    return arg === option && value !== undefined ? [value] : [];
  });
}

/** The `plugins` of a configuration; none where it cannot be read, as whoever reads all of it says so. */
function listIn(file: string): string[] {
  try {
    const { plugins } = JSON.parse(Deno.readTextFileSync(file));
    return Array.isArray(plugins) && plugins.every((each) => typeof each === "string")
      ? plugins
      : [];
  } catch {
    return [];
  }
}
