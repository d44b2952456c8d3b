/** From a few choices to an experiment that runs. */

import "../../core/run/permissions.ts";
import { type Experiment, runExperiment } from "../../core/run/experiment.ts";
import { runScript } from "../../core/run/script.ts";
import { type ConfigTree, isTree } from "../../core/run/settings.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { SMALL } from "./scales.ts";

/** What tells one experiment from another. */
export interface Choices {
  readonly name: string;
  /** What it does and shows, in a sentence or two. */
  readonly description: string;
  /** How its router is trained; see `routing.ts`. */
  readonly recipe: ConfigTree;
  /** Its settings at the original's size; see `scales.ts`. */
  readonly scale: ConfigTree;
  /** How the original trained it, where that is worth repeating. */
  readonly original?: ConfigTree;
  /** What to try afterwards, beside what can be tried after any. */
  readonly next?: readonly string[];
}

/** Runs an experiment as this process's command line says. */
export async function experiment(choices: Choices): Promise<void> {
  await runScript(() => runExperiment(toExperiment(choices), builtinPlugins(), Deno.args));
}

function toExperiment(
  { name, description, recipe, scale, original, next = [] }: Choices,
): Experiment {
  return {
    name,
    description,
    defaults: overlaid(SMALL, recipe) as Experiment["defaults"],
    atReferenceScale: scale,
    ...(original ? { referenceRecipe: original } : {}),
    next: [
      ...next,
      `deno task ${name} --fresh --seed 1    the same with other noise`,
      `deno task ${name} --help              all settings`,
    ],
  };
}

/** The settings of both, group by group; those of `upper` win. */
function overlaid(lower: ConfigTree, upper: ConfigTree): ConfigTree {
  const all = { ...lower, ...upper };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => {
      const below = lower[key];
      return [key, isTree(below) && isTree(value) ? overlaid(below, value) : value];
    }),
  );
}
