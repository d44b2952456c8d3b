/** Trials as tasks of Slurm job arrays. */

import fs from "node:fs";
import { join } from "node:path";
import {
  type LauncherKind,
  type QueuedTrial,
  type SweepFolder,
  UserError,
} from "../../../core/contracts/mod.ts";
import { EarlyExit } from "../../../core/run/script.ts";
import { slurm } from "./commands.ts";
import { drive } from "./driver.ts";
import { checkSlurmOptions, slurmOptions } from "./options.ts";
import { isOver, readQueue, taskName } from "./queue.ts";
import { batchScript } from "./script.ts";
import {
  lastPlaces,
  newSubmissionId,
  readSubmissions,
  SUBMISSIONS,
  trialFolderName,
} from "./submissions.ts";

/** Whether anything of a sweep was ever submitted. */
const wasUsed = ({ path }: SweepFolder) => fs.existsSync(join(path, SUBMISSIONS));

/** The launcher `slurm`. */
export const slurmLauncher: LauncherKind = {
  name: "slurm",
  description: "job arrays of a Slurm cluster",
  options: slurmOptions,
  create: (given) => {
    const options = slurmOptions.parse(given);
    checkSlurmOptions(options);
    return {
      dryRun: options.dryRun,
      run: (trials, sweep, events) => {
        if (!options.dryRun) return drive(trials, sweep, options, events);
        const id = newSubmissionId();
        const folder = join(sweep.path, SUBMISSIONS, id);
        console.log(batchScript({ sweep, folder, id, trials: trials.length }, options).trimEnd());
        throw new EarlyExit();
      },
    };
  },
  queued: async (sweep) => {
    if (!wasUsed(sweep)) return new Map();
    const queue = await readQueue(sweep);
    if ("away" in queue) return undefined;
    const trials = new Map<string, QueuedTrial>();
    for (const [name, { submission, index }] of lastPlaces(readSubmissions(sweep, queue))) {
      const task = queue.get(taskName({ job: submission.job!, index }));
      if (!task) continue;
      const state = task.state === "PENDING"
        ? `waiting (${task.reason})`
        : isOver(task)
        ? task.state.toLowerCase()
        : "running";
      trials.set(trialFolderName(name), { state, where: `${taskName(task)} ${task.node}`.trim() });
    }
    return trials;
  },
  cancel: async (sweep) => {
    if (!wasUsed(sweep)) return 0;
    const queue = await readQueue(sweep);
    if ("away" in queue) {
      throw new UserError(`Slurm is out of reach (${queue.away}): cancel again when it is back`);
    }
    const jobs = [...queue.values()].filter((task) => !isOver(task)).map(({ job }) => job);
    const all = [...new Set(jobs)];
    if (all.length > 0) await slurm("scancel", ...all);
    return jobs.length;
  },
};
