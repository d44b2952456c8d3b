/**
 * Runs one trial of a sweep, by its folder: what a launcher's jobs do, and what a person may do by hand.
 *
 *   deno task trial results/sweeps/pareto/trials/targetSkip=0.3,sparsityWeight=0,seed=0
 */

import "../core/run/permissions.ts";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { EarlyExit, runScript } from "../core/run/script.ts";

const command = newCommand(
  "deno task trial",
  "Runs one trial of a sweep: begins it, or goes on with it; a finished one is left alone. Exit code " +
    "75: saved on SIGUSR2, to be run again.",
)
  .usage("[options] DIR")
  .argument("<DIR>", "the trial's folder, with its trial.json")
  .option(
    "--threads <n>",
    "threads, where it begins now",
    countFrom(1),
    navigator.hardwareConcurrency,
  )
  .option("--memory <MB>", "memory that it may take, for messages", Number)
  .option("--attempt <name>", "what this attempt is called, should it fail");

await runScript(async () => {
  const options = readOptions(command);
  const { runOneTrial } = await import("../core/run/sweep/one_trial.ts");
  throw new EarlyExit(await runOneTrial(command.processedArgs[0], options));
});
