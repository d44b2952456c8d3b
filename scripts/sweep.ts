/**
 * Looks at a sweep from outside, wherever its folder is seen.
 *
 *   deno task sweep status results/sweeps/pareto      where each trial stands
 *   deno task sweep watch results/sweeps/pareto       the same, until all have ended
 *   deno task sweep collect results/sweeps/pareto     the same as a CSV
 *   deno task sweep cancel results/sweeps/pareto      takes back what is still to run
 *   deno task sweep retry results/sweeps/pareto       lets what failed or was cancelled run again
 */

import "../core/run/permissions.ts";
import { Argument } from "@commander-js/extra-typings";
import { newCommand, numberBetween, readOptions } from "../core/run/command.ts";
import { pluginOption, withPlugins } from "../core/run/plugins/options.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";

const command = newCommand(
  "deno task sweep",
  "Looks at a sweep: where its trials stand, whatever runs them.",
)
  .usage("[options] ACTION DIR")
  .addArgument(
    new Argument("<ACTION>", "what to do")
      .choices(["status", "watch", "collect", "cancel", "retry"] as const),
  )
  .argument("<DIR>", "the sweep's folder")
  .addOption(pluginOption())
  .option(
    "--poll-seconds <n>",
    "watch: seconds between two looks",
    numberBetween(0.2, Infinity),
    20,
  );

await runScript(async () => {
  const { pollSeconds } = readOptions(command);
  const [action, folder] = command.processedArgs;
  const { launchers } = await withPlugins(builtinPlugins());
  const status = await import("../core/run/sweep/status.ts");
  const look = async () => {
    const found = await status.sweepStatus(folder, launchers);
    for (const note of found.notes) console.error(note);
    return found;
  };
  switch (action) {
    case "status": {
      const found = await look();
      console.log(`${status.statusTable(found.trials)}\n\n${status.statusCounts(found)}`);
      break;
    }
    case "watch": {
      for (let before = "";;) {
        const found = await look();
        const inMotion = found.trials.filter(({ state }) => !/^(finished|waiting)/.test(state));
        const text = `${status.statusTable(inMotion)}\n${status.statusCounts(found)}\n`;
        if (text !== before) console.log(text);
        before = text;
        if (found.trials.every(({ ended }) => ended)) break;
        await new Promise((resolve) => setTimeout(resolve, 1000 * pollSeconds));
      }
      break;
    }
    case "collect": {
      const found = await look();
      const csv = status.collectStatus(folder, found);
      console.log(`${status.statusTable(found.trials)}\n\ntable    ${csv}`);
      break;
    }
    case "cancel": {
      const { trials, jobs } = await status.cancelSweep(folder, launchers);
      console.log(
        `Cancelled ${trials} trials, ${jobs} of them jobs; deno task sweep retry ${folder} lets them ` +
          "run again",
      );
      break;
    }
    case "retry":
      console.log(`${status.retrySweep(folder)} trials may run again: give the sweep's command`);
  }
});
