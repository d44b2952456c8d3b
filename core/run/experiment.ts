/**
 * An experiment from its command line to its results: resolve the configuration, open or continue
 * the run, train, evaluate, write down.
 */

import { Interrupted, UserError } from "../contracts/mod.ts";
import { type CommandLine, readCommandLine } from "./command_line.ts";
import { commandsHere } from "./commands_here.ts";
import { configKeys, type ConfigLayers, resolveConfig } from "./config.ts";
import { sameConfiguration, showDifferences } from "./config_difference.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { chooseLogging } from "./logging/names.ts";
import { scaleOf } from "./models.ts";
import { namesOf } from "./plugins/listing.ts";
import { loadPluginsOfRun } from "./plugins/of_run.ts";
import { loadGiven, pluginArgs, pluginsAskedFor } from "./plugins/options.ts";
import { type Plugins } from "./plugins/plugins.ts";
import { newestUnfinishedRun } from "./newest_run.ts";
import { continueRun, createRun } from "./run_folder.ts";
import { readRunRecord } from "./run_record.ts";
import { type ConfigTree } from "./settings.ts";

/** A named configuration with a word on what it is for. */
export interface Experiment {
  readonly name: string;
  /** What it does and shows, in a sentence or two. */
  readonly description: string;
  /** Settings that differ from the schema's defaults; names the router. */
  readonly defaults: ConfigTree & { readonly router: ConfigTree & { readonly name: string } };
  /** Settings that differ at the scale of the experiment that is reproduced. */
  readonly atReferenceScale?: ConfigTree;
  /** Settings that differ in the recipe of the experiment that is reproduced. */
  readonly referenceRecipe?: ConfigTree;
  /** What to try afterwards: a command each, with a word on why. */
  readonly next: readonly string[];
}

/**
 * Runs an experiment as its command line says.
 *
 * @throws {UserError} for anything wrong with what was asked, before anything is written.
 */
export async function runExperiment(
  experiment: Experiment,
  plugins: Plugins,
  args: readonly string[],
): Promise<void> {
  const asked = pluginsAskedFor(args);
  await loadGiven(plugins, asked);
  const defaults = { name: experiment.name, ...experiment.defaults };
  const command = readCommandLine(args, {
    command: `deno task ${experiment.name}`,
    description: experiment.description,
    settings: () => {
      const router = routerIn(args, plugins) ?? defaults.router.name;
      return configKeys(plugins.routerOptions.get(router)!, defaults);
    },
    names: () => namesOf(plugins),
  });
  const earlier = runToContinue(experiment.name, command);
  const record = earlier ? readRunRecord(earlier) : undefined;
  if (record) await loadPluginsOfRun(plugins, record, earlier!);
  const layers: ConfigLayers = {
    defaults,
    reference: experiment.atReferenceScale,
    recipe: command.recipe === "reference" ? referenceRecipe(experiment) : undefined,
    scaleOf: (model) => command.scale ?? (model === undefined ? "small" : scaleOf(model, plugins)),
    routerOptions: plugins.routerOptions,
    file: command.config,
    overrides: {
      ...command.overrides,
      ...(asked.length > 0 ? { plugins: JSON.stringify(asked) } : {}),
    },
    sets: command.sets.filter((set) => !/^\s*plugins\s*=/.test(set)),
  };
  const config = earlier
    ? await continuedConfig(earlier, experiment.name, command, layers)
    : await resolveConfig(layers);
  const choice = chooseLogging(command.logging, record?.logging);

  // Loaded only now: `--help` and mistakes in the command line should not wait for it.
  const { loadParts } = await import("./parts.ts");
  const { trainRun } = await import("./train_run.ts");
  const { writeResults } = await import("./results.ts");
  const { RunRepositories } = await import("./repositories.ts");
  const { RunLogging } = await import("./logging/run_logging.ts");
  const started = performance.now();
  const logging = await RunLogging.prepare(choice, experiment.name);
  const repositories = new RunRepositories(record?.repositories, command.quiet);
  await using parts = await loadParts(config, plugins, repositories, command.quiet);
  using run = earlier ? continueRun(earlier, choice, plugins.loaded) : createRun({
    config,
    repositories: repositories.commits,
    plugins: plugins.loaded,
    logging: choice,
    commandLine: ["deno", "task", experiment.name, ...args].join(" "),
    out: command.out,
  });
  try {
    const trained = await trainRun(config, parts, run, logging, command.quiet);
    const plannedSteps = await stepsByDefault(layers);
    const own = pluginArgs(plugins);
    const next = experiment.next.map((line) => commandsHere(line, own));
    const outlook = { next, plannedSteps };
    await writeResults(outlook, config, parts, run, trained, started, command.quiet);
    tell(await logging.end("finished", run.record.final));
  } catch (error) {
    if (!earlier) run.discardUntrained();
    tell(await logging.end(error instanceof Interrupted ? "interrupted" : "failed"));
    throw error;
  }
}

function tell(notes: readonly string[]): void {
  for (const note of notes) console.error(note);
}

/** The router that `--set router.name=` names, so that `--help` shows its options. */
function routerIn(args: readonly string[], { routers }: Plugins): string | undefined {
  return args.map((arg) => /^(?:--set=)?\s*router\.name\s*=\s*(.+)$/.exec(arg)?.[1])
    .findLast((name) => name !== undefined && routers.has(name));
}

function referenceRecipe({ name, referenceRecipe: recipe }: Experiment): ConfigTree {
  if (recipe) return recipe;
  throw new UserError(`${name} has one recipe only: leave --recipe reference out`);
}

/** Steps of the experiment where the command line does not say otherwise. */
async function stepsByDefault(layers: ConfigLayers): Promise<number> {
  const { steps: _, ...overrides } = layers.overrides ?? {};
  const sets = layers.sets?.filter((set) => !/^\s*steps\s*=/.test(set)) ?? [];
  return (await resolveConfig({ ...layers, overrides, sets })).steps;
}

/** The folder of the run that the command line asks to continue, if it asks for one. */
function runToContinue(name: string, command: CommandLine): string | undefined {
  if (command.fresh) return undefined;
  if (command.resume === undefined) {
    return command.out === undefined ? newestUnfinishedRun(name) : undefined;
  }
  if (command.resume !== "auto") return command.resume;
  const newest = newestUnfinishedRun(name);
  if (newest !== undefined) return newest;
  throw new UserError(`There is no unfinished run of ${name} to resume: start one with --fresh`);
}

/** The configuration of a continued run; what the command line says must agree with it. */
async function continuedConfig(
  path: string,
  name: string,
  command: CommandLine,
  layers: ConfigLayers,
): Promise<ExperimentConfig> {
  const record = readRunRecord(path);
  if (record.name !== name) {
    throw new UserError(`The run in ${path} is of ${record.name}, not of ${name}`);
  }
  const own = await resolveConfig({
    defaults: record.config as ConfigTree,
    routerOptions: layers.routerOptions,
  }).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `Cannot continue the run in ${path}: ${error.message}; --fresh starts a new one`,
    );
  });
  const saysNothing = command.config === undefined && command.sets.length === 0 &&
    command.recipe === undefined && Object.keys(layers.overrides ?? {}).length === 0;
  if (saysNothing) return own;
  // Who names the run means its settings where nothing else is said.
  const asked = await resolveConfig(
    command.resume === undefined ? layers : {
      ...layers,
      defaults: record.config as ConfigTree,
      reference: undefined,
    },
  );
  const differences = sameConfiguration(own, asked);
  if (differences.length === 0) return asked;
  throw new UserError(
    `The unfinished run in ${path} has other settings: ${showDifferences(differences)}; ` +
      "give --fresh to start a new run, or leave the settings out to continue this one",
  );
}
