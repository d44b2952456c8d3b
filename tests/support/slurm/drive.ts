/**
 * Runs trials with a launcher, as a process that can be stopped and killed:
 *
 *   drive.ts FOLDER LAUNCHER OPTIONS TRIALS
 *
 * The options are JSON, the trials a JSON file of names with scripts and arguments. How they ended is
 * printed, a line of JSON each.
 */

import { join } from "node:path";
import { runScript } from "../../../core/run/script.ts";
import { openSweep } from "../../../core/run/sweep/sweep_folder.ts";
import { describeTrial } from "../../../core/run/sweep/trial_files.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";

/** A trial, but for its folder. */
export interface DrivenTrial {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
}

if (import.meta.main) {
  await runScript(async () => {
    const [folder, launcher, options, file] = Deno.args as [string, string, string, string];
    const described: DrivenTrial[] = JSON.parse(Deno.readTextFileSync(file));
    const trials = described.map((trial) => ({
      ...trial,
      folder: join(folder, "trials", trial.name),
    }));
    const sweep = openSweep(folder);
    trials.forEach(describeTrial);
    const started = performance.now();
    const say = (line: string) =>
      console.error(`${((performance.now() - started) / 1000).toFixed(1)}s ${line}`);
    const ends = await builtinPlugins().launchers.get(launcher).create(JSON.parse(options))
      .run(trials, sweep, {
        onEnd: ({ trial }, ended, total) => say(`${ended}/${total} ${trial.name}`),
        onRetry: ({ name }, failure) => say(`${name} is tried again: ${failure}`),
        onNote: say,
      });
    for (const { trial: { name }, ...end } of ends) console.log(JSON.stringify({ name, ...end }));
  });
}
