/** Loading the modules that `--plugin` and configurations name. */

import fs from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type Plugin, UserError } from "../../contracts/mod.ts";
import { readDefinition } from "./definition.ts";
import { answered, guardPlugin } from "./guards/mod.ts";
import { type Plugins } from "./plugins.ts";
import { sourceHash } from "./source_hash.ts";
import { shareThisCopy } from "./this_copy.ts";

/** Seconds that a module may take to load; packages may have to be downloaded. */
const LOADING_LIMIT = 300;

/**
 * A specifier in a form that means the same everywhere: a file becomes its URL.
 *
 * @param folder what relative paths are from
 * @throws {UserError} for what is neither a file nor a specifier that can be loaded.
 */
export function absoluteSpecifier(specifier: string, folder: string = Deno.cwd()): string {
  if (/^(npm|jsr|https?|data|file):/.test(specifier)) return specifier;
  const path = resolve(folder, specifier);
  if (!fs.existsSync(path)) {
    throw new UserError(
      `Cannot load the plugin ${specifier}: there is no file ${path}; give a file, an npm: or jsr: ` +
        "specifier, or a URL",
    );
  }
  if (fs.statSync(path).isDirectory()) {
    throw new UserError(
      `Cannot load the plugin ${specifier}: it is a folder; give the module in it that exports the ` +
        "plugin",
    );
  }
  return pathToFileURL(path).href;
}

/** A specifier as one would type it here. */
export function shownSpecifier(specifier: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  const path = relative(Deno.cwd(), fileURLToPath(specifier));
  return path.startsWith(".") ? path : `./${path}`;
}

/**
 * Loads plugins and adds what they bring; what is loaded already is not loaded again.
 *
 * @param specifiers absolute ones, as {@link absoluteSpecifier} makes them
 * @throws {UserError} when one cannot be loaded, is no plugin, or has a name that is taken.
 */
export async function loadPlugins(
  plugins: Plugins,
  specifiers: readonly string[],
): Promise<void> {
  for (const specifier of specifiers) {
    if (plugins.loaded.some((loaded) => loaded.specifier === specifier)) continue;
    const place = shownSpecifier(specifier);
    const module = await imported(specifier, place);
    const definition = readDefinition(module.default, place);
    const owner = `plugin "${definition.name}" (${place})`;
    plugins.add(placed(guardPlugin(definition, owner), specifier), owner);
    const sha256 = sourceHash(specifier);
    plugins.loaded.push({
      name: definition.name,
      specifier,
      ...(sha256 === undefined ? {} : { sha256 }),
    });
  }
}

/** The plugin with the paths of its models, which are from its own folder. */
function placed(plugin: Plugin, specifier: string): Plugin {
  if (!specifier.startsWith("file:") || !plugin.models) return plugin;
  const folder = dirname(fileURLToPath(specifier));
  const isRelative = (path: string) => /^\.{1,2}([/\\]|$)/.test(path);
  const models = Object.entries(plugin.models).map(([name, model]) => {
    if ("folder" in model) return [name, { ...model, folder: resolve(folder, model.folder) }];
    if ("config" in model && isRelative(model.tokenizer)) {
      return [name, { ...model, tokenizer: resolve(folder, model.tokenizer) }];
    }
    return [name, model];
  });
  return { ...plugin, models: Object.fromEntries(models) };
}

async function imported(specifier: string, place: string): Promise<{ default?: unknown }> {
  shareThisCopy();
  try {
    return await answered(import(specifier), `The plugin ${place}`, LOADING_LIMIT);
  } catch (error) {
    if (error instanceof UserError && error.cause === undefined) throw error;
    const cause = error instanceof UserError ? error.cause : error;
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    const hint = /not in import map/.test(reason)
      ? "; a plugin that is a file is run with dlr's own deno.json: write out what it imports, as in " +
        "npm:package@1.2.3 or ./file.ts"
      : "";
    throw new UserError(`Cannot load the plugin ${place}: ${readable(reason)}${hint}`, { cause });
  }
}

/** Deno names modules by their URLs, and in colour; a path from here is easier to read. */
function readable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\s+/g, " ")
    .replaceAll(pathToFileURL(Deno.cwd()).href, ".");
}
