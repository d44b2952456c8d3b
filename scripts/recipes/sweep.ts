/** From a few choices to a sweep that runs. */

import "../../core/run/permissions.ts";
import { join } from "node:path";
import { countFrom, numberBetween, readOptions } from "../../core/run/command.ts";
import { withPlugins } from "../../core/run/plugins/options.ts";
import { runScript } from "../../core/run/script.ts";
import { numbers, shares, sweepCommand } from "../../core/run/sweep/command.ts";
import { chosenLauncher } from "../../core/run/sweep/launchers.ts";
import { builtinPlugins } from "../../plugins/mod.ts";

/** What tells one sweep from another. */
export interface SweepChoices {
  readonly name: string;
  readonly description: string;
  /** The experiment that is run at every point. */
  readonly experiment: string;
  /** Wanted skip ratios. */
  readonly targets: readonly number[];
  /** Prices of a layer. */
  readonly penalties: readonly number[];
  /** Further settings of every trial. */
  readonly settings?: readonly string[];
}

/** Comparisons that a point of a frontier does not need. */
const LEAN = [
  "evaluation.budgets=[]",
  "evaluation.questions=0",
  "evaluation.staticMaskBatches=0",
];

/** Runs a sweep over target × penalty × seed as this process's command line says. */
export async function sweep(choices: SweepChoices): Promise<void> {
  const { name, description, experiment, targets, penalties, settings = [] } = choices;
  await runScript(async () => {
    const { launchers } = await withPlugins(builtinPlugins());
    const out = join("results", "sweeps", name);
    const command = sweepCommand(`deno task ${name}`, description, out, launchers)
      .option("--experiment <name>", "experiment that is run at every point", experiment)
      .option("--targets <list>", "skip ratios to aim at", shares("--targets"), targets)
      .option("--penalties <list>", "prices of a layer to try", numbers, penalties)
      .option(
        "--stop-early <n>",
        "at each rung go on with one of n trials, those that others beat are given up",
        numberBetween(1.01, Infinity),
      )
      .option("--first-rung <step>", "step of the first rung", countFrom(1), 100);
    const options = readOptions(command);
    const launcher = chosenLauncher(command, options, launchers);
    const { runSweep } = await import("../../core/run/sweep/sweep.ts");
    await runSweep({
      name: `${name}: ${options.experiment}`,
      script: join(import.meta.dirname!, "..", `${options.experiment}.ts`),
      grid: {
        "objective.targetSkip": options.targets,
        "objective.sparsityWeight": options.penalties,
      },
      args: [...LEAN, ...settings].flatMap((set) => ["--set", set]),
      ...(options.stopEarly === undefined
        ? {}
        : { earlyStopping: { reduction: options.stopEarly, firstStep: options.firstRung } }),
    }, { ...options, launcher });
  });
}
