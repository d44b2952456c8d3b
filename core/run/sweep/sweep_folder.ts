/** The folder of a sweep: its name of its own, its rules, its trials. */

import fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../../contracts/errors.ts";
import { type SweepFolder } from "../../contracts/launcher.ts";
import { explainFailure } from "../../io/failures.ts";
import { TRIAL_FILES } from "../run_folder.ts";
import { renameInto } from "../../io/atomic.ts";
import { readChecked } from "./trial_files.ts";

/** Name of the file that says what a sweep is called and when its trials are given up. */
export const SWEEP_FILE = "sweep.json";

/** When trials are given up; see `early_stopping.ts`. */
export interface EarlyStopping {
  /** Of so many trials at a rung, one goes on. */
  readonly reduction: number;
  /** The step of the first rung; each further one is `reduction` times as far. */
  readonly firstStep: number;
}

const record = z.object({
  id: z.string(),
  earlyStopping: z.object({ reduction: z.number(), firstStep: z.number() }).optional(),
});

/**
 * Makes a sweep's folder, or takes the one that is there.
 *
 * @param earlyStopping holds from now on, for trials that run already too
 */
export function openSweep(out: string, earlyStopping?: EarlyStopping): SweepFolder {
  const path = join(out, SWEEP_FILE);
  const found = readChecked(path, record);
  const id = found?.id ?? newId(out);
  if (
    found === undefined || JSON.stringify(found.earlyStopping) !== JSON.stringify(earlyStopping)
  ) {
    try {
      fs.mkdirSync(out, { recursive: true });
    } catch (error) {
      throw explainFailure(error, "make the sweep's folder", out);
    }
    renameInto(path, JSON.stringify({ id, earlyStopping }, null, 2) + "\n");
  }
  return { path: out, id };
}

/** What a sweep's folder would be called, were it made: for what only shows what it would do. */
export function sweepFolder(out: string): SweepFolder {
  return { path: out, id: readChecked(join(out, SWEEP_FILE), record)?.id ?? newId(out) };
}

/** The sweep in a folder. @throws {UserError} when there is none. */
export function existingSweep(path: string): SweepFolder {
  const found = readChecked(join(path, SWEEP_FILE), record);
  if (found) return { path, id: found.id };
  throw new UserError(`${path} is no sweep: it has no ${SWEEP_FILE}`);
}

/** When trials of the sweep that a trial belongs to are given up; undefined: never. */
export function earlyStoppingOf(trialFolder: string): EarlyStopping | undefined {
  return readChecked(join(dirname(dirname(resolve(trialFolder))), SWEEP_FILE), record)
    ?.earlyStopping;
}

/** Folders of all trials of a sweep, by name. */
export function trialFolders(out: string): string[] {
  const trials = join(out, "trials");
  if (!fs.existsSync(trials)) return [];
  return fs.readdirSync(trials).sort().map((name) => join(trials, name))
    .filter((folder) => fs.existsSync(join(folder, TRIAL_FILES.description)));
}

/** `pareto-3fa9c1d2` */
function newId(out: string): string {
  const name = basename(resolve(out)).replaceAll(/[^\w.-]/g, "_").slice(0, 40);
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
