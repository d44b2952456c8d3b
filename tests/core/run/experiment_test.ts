/** What an experiment refuses before it loads anything. */

import { type Experiment, runExperiment } from "../../../core/run/experiment.ts";
import { createRun } from "../../../core/run/run_folder.ts";
import { resolveConfig } from "../../../core/run/config.ts";
import { type RouterOptions } from "../../../core/run/config_schema.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { inFolder, userError } from "../io/support.ts";

const EXPERIMENT: Experiment = {
  name: "exp77",
  description: "Is there for a test.",
  defaults: { router: { name: "static" } },
  next: [],
};

const plugins = builtinPlugins();
const ROUTERS = new Map(
  Array.from(plugins.routers.entries(), ([name, kind]) => [name, kind.options as RouterOptions]),
);

const refused = (args: string[], ...says: (RegExp | string)[]) =>
  userError(() => runExperiment(EXPERIMENT, plugins, args), ...says);

Deno.test("--recipe reference is refused where an experiment has one recipe only", () =>
  refused(["--fresh", "--recipe", "reference"], "exp77 has one recipe only", "--recipe reference"));

Deno.test("--recipe takes the two that there are", () =>
  refused(["--fresh", "--recipe", "mine"], /--recipe.*'mine'.*dlr, reference/));

Deno.test("--recipe dlr is what there is without it: the next thing that is wrong is refused", () =>
  refused(["--fresh", "--recipe", "dlr", "--steps", "0"], "steps = 0"));

Deno.test("a run that is continued keeps its settings, and refuses others by name", () =>
  inFolder(async (folder) => {
    const out = `${folder}/run`;
    const config = await resolveConfig({
      defaults: { name: "exp77", ...EXPERIMENT.defaults },
      routerOptions: ROUTERS,
      sets: ["model=./nowhere", "objective.targetSkip=0.25"],
    });
    createRun({ config, commandLine: "deno task exp77 --fresh", out })[Symbol.dispose]();
    // Nothing but the missing model is in the way.
    await refused(["--resume", out], "./nowhere: no such folder");
    await refused(["--resume", out, "--set", "objective.targetSkip=0.25"], "nowhere");
    await refused(
      ["--resume", out, "--set", "objective.targetSkip=0.3", "--set", "checkpoint.every=2"],
      "has other settings: objective.targetSkip (0.25 there, 0.3 asked for);",
    );
    await refused(["--resume", out, "--seed", "4"], "seed (0 there, 4 asked for)");
  }));
