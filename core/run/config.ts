/**
 * Makes an experiment's configuration from its layers, later ones winning: defaults of the schema,
 * defaults of the experiment, its settings at the reference's scale and of the reference's recipe
 * where those are wanted, a `--config` file, named options (`--steps`), `--set key=value`.
 *
 * Every layer is taken apart into dotted keys first, so that a misspelt name is found, and a wrong
 * value can be reported together with where it came from.
 */

import { UserError } from "../contracts/errors.ts";
import type { Scale } from "../contracts/plugin.ts";
import { type ConfigKey, keysOf } from "./config_keys.ts";
import {
  type ExperimentConfig,
  experimentSchema,
  isCommonRouterKey,
  type RouterOptions,
} from "./config_schema.ts";
import { didYouMean } from "./did_you_mean.ts";
import { type ConfigTree, isTree, leaves, parseJson, readValue, Settings } from "./settings.ts";

/** The layers of a configuration. */
export interface ConfigLayers {
  /** The experiment's own settings, as a tree; must name the experiment and the router. */
  readonly defaults: ConfigTree;
  /** Settings at the reference's scale, laid over the defaults. */
  readonly reference?: ConfigTree | undefined;
  /** Settings of another recipe, laid over those. */
  readonly recipe?: ConfigTree | undefined;
  /** At which scale a model is trained; none chosen: the experiment's own. Default: `small`. */
  readonly scaleOf?: (model: string | undefined) => Scale;
  /** What each router declares, by router name. */
  readonly routerOptions: ReadonlyMap<string, RouterOptions>;
  /** Path of a JSON file of settings, as a tree. */
  readonly file?: string | undefined;
  /** Named options by dotted key, values as text: `{ "backend.name": "onnx" }`. */
  readonly overrides?: Readonly<Record<string, string | undefined>>;
  /** Texts of the form `key=value`. */
  readonly sets?: readonly string[];
}

const FROM_DEFAULTS = "the experiment's defaults";
const FROM_REFERENCE = "the experiment's settings at --scale reference";
const FROM_RECIPE = "the experiment's settings for --recipe reference";

/**
 * The checked configuration that the layers add up to.
 *
 * @throws {UserError} for an unknown key (with the nearest one), a value out of its range (with
 *   what is allowed), an unknown router, a file that is missing or no JSON object.
 */
export async function resolveConfig(layers: ConfigLayers): Promise<ExperimentConfig> {
  const fileTree = layers.file === undefined ? {} : await readConfigFile(layers.file);
  const model = lastGiven("model", [layers.defaults, fileTree], layers);
  const scale = layers.scaleOf?.(model) ?? "small";
  const reference = scale === "reference" ? layers.reference ?? {} : {};
  const recipe = layers.recipe ?? {};
  const trees = [layers.defaults, reference, recipe, fileTree];
  const routerName = lastGiven("router.name", trees, layers);
  if (routerName === undefined) {
    throw new UserError(`The setting "router.name" is missing: give it by --set router.name=NAME`);
  }
  const routerOptions = layers.routerOptions.get(routerName);
  if (routerOptions === undefined) {
    const names = [...layers.routerOptions.keys()];
    throw new UserError(
      `Unknown router "${routerName}"${didYouMean(routerName, names)} ` +
        `There are: ${names.join(", ")}`,
    );
  }
  const schema = experimentSchema(routerOptions);
  const settings = new Settings(keysOf(schema));
  settings.addTree(withoutForeignOptions(layers.defaults, routerName), FROM_DEFAULTS);
  const own = isTree(layers.defaults["router"]) ? layers.defaults["router"]["name"] : undefined;
  settings.addTree(withoutForeignOptions(reference, routerName, own), FROM_REFERENCE);
  settings.addTree(withoutForeignOptions(recipe, routerName, own), FROM_RECIPE);
  settings.addTree(fileTree, layers.file ?? "");
  for (const [key, text] of Object.entries(layers.overrides ?? {})) {
    if (text !== undefined) settings.addText(key, text, optionOf(key));
  }
  for (const set of layers.sets ?? []) settings.addText(...splitSet(set), "--set");

  const result = schema.safeParse(settings.toTree());
  if (!result.success) throw settings.explain(result.error);
  return result.data;
}

/** All settings of an experiment with this router, for `--help`; the defaults laid over. */
export function configKeys(routerOptions: RouterOptions, defaults: ConfigTree = {}): ConfigKey[] {
  const given = new Map(leaves("", defaults));
  return keysOf(experimentSchema(routerOptions)).map((setting) =>
    given.has(setting.key) ? { ...setting, default: given.get(setting.key) } : setting
  );
}

function splitSet(set: string): [key: string, text: string] {
  const equals = set.indexOf("=");
  if (equals < 1) {
    throw new UserError(`Cannot read --set ${set}: write it as --set key=value`);
  }
  return [set.slice(0, equals).trim(), set.slice(equals + 1)];
}

async function readConfigFile(path: string): Promise<ConfigTree> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new UserError(`Cannot read the configuration ${path}: ${reason}`);
  }
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (error) {
    throw new UserError(
      `Cannot read the configuration ${path}: it is not JSON (${(error as Error).message})`,
    );
  }
  if (!isTree(tree)) {
    throw new UserError(
      `Cannot read the configuration ${path}: it must be an object of settings, {"steps": 100}`,
    );
  }
  // Where editors find the schema of such files; nothing that a run depends on.
  const { "$schema": _schema, ...settings } = tree;
  return settings;
}

/** The command line's option for a setting: `--base-precision` for `basePrecision`. */
function optionOf(key: string): string {
  const name = key.split(".")[0]!;
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The value that a setting ends with, before it is known what it may be: the last one given. */
function lastGiven(
  key: string,
  trees: readonly ConfigTree[],
  { overrides = {}, sets = [] }: ConfigLayers,
): string | undefined {
  const inTree = (tree: unknown): unknown =>
    key.split(".").reduce<unknown>((inner, name) => isTree(inner) ? inner[name] : undefined, tree);
  const given = [...trees.map(inTree), overrides[key]];
  for (const set of sets) {
    const [name, text] = splitSet(set);
    if (name === key) given.push(readValue(text, "string"));
    // A whole group: --set 'router={"name": "static"}'.
    else if (key.startsWith(`${name}.`)) given.push(inTree({ [name]: parseJson(text) }));
  }
  const last = given.findLast((value) => value !== undefined);
  return last === undefined ? undefined : String(last);
}

/** Settings, less the options of a router that was replaced by another. */
function withoutForeignOptions(
  tree: ConfigTree,
  routerName: string,
  ownName: unknown = undefined,
): ConfigTree {
  const { router } = tree;
  if (!isTree(router) || (router["name"] ?? ownName ?? routerName) === routerName) return tree;
  const common = Object.entries(router).filter(([key]) => isCommonRouterKey(key));
  return { ...tree, router: { ...Object.fromEntries(common), name: routerName } };
}
