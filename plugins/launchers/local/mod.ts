/** Trials as child processes of this one. */

import { z } from "zod";
import { type LauncherKind } from "../../../core/contracts/mod.ts";
import { runTrials } from "../../../core/run/sweep/runner.ts";

const options = z.object({
  jobs: z.int().min(0).default(0)
    .describe("trials at once; 0: as many as cores and memory allow"),
});

/** The launcher `local`. */
export const local: LauncherKind = {
  name: "local",
  description: "processes on this machine",
  options,
  create: (given) => {
    const { jobs } = options.parse(given);
    return { run: (trials, _, events) => runTrials(trials, { jobs, ...events }) };
  },
};
