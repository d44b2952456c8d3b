/**
 * What was submitted, as the sweep's folder tells it:
 *
 *   submissions/<id>/manifest     a trial's folder in each line
 *   submissions/<id>/script.sh    the batch script
 *   submissions/<id>/job          the id of the job, once sbatch has answered
 *   submissions/<id>/<k>.log      what Slurm itself said of the task of line k
 */

import fs from "node:fs";
import { basename, join, relative } from "node:path";
import { type SweepFolder, type Trial, UserError } from "../../../core/contracts/mod.ts";
import { renameInto } from "../../../core/io/atomic.ts";
import { isUnreachable, partitions, slurm } from "./commands.ts";
import { type SlurmOptions } from "./options.ts";
import { type Queue } from "./queue.ts";
import { batchScript } from "./script.ts";

/** Name of the folder of submissions in a sweep's. */
export const SUBMISSIONS = "submissions";

/** A job array that was submitted, or was about to be. */
export interface Submission {
  readonly id: string;
  readonly folder: string;
  /** Trials' folders below the sweep's. */
  readonly trials: readonly string[];
  /** Absent where nobody knows yet: the one who submitted it had no answer, or was killed. */
  readonly job?: string;
}

/** Where a trial was submitted. */
export interface Place {
  readonly submission: Submission;
  readonly index: number;
}

/** A trial's folder as manifests name it. */
export const manifestName = (sweep: SweepFolder, folder: string) => relative(sweep.path, folder);

/**
 * All submissions that came to be, earliest first; those without an answer are found in the queue by
 * the comment that they bear.
 */
export function readSubmissions(sweep: SweepFolder, queue: Queue): Submission[] {
  const root = join(sweep.path, SUBMISSIONS);
  if (!fs.existsSync(root)) return [];
  const jobs = new Map(Array.from(queue.values(), ({ submission, job }) => [submission, job]));
  return fs.readdirSync(root).sort().map((id): Submission => {
    const folder = join(root, id);
    const read = (name: string) => {
      const path = join(folder, name);
      return fs.existsSync(path) ? fs.readFileSync(path, "utf8").trim() : "";
    };
    const job = read("job") || jobs.get(id);
    const trials = read("manifest").split("\n").filter((line) => line !== "");
    return { id, folder, trials, ...(job ? { job } : {}) };
  }).filter(({ job }) => job !== undefined);
}

/** Where each trial was submitted last, by its name in manifests. */
export function lastPlaces(submissions: readonly Submission[]): Map<string, Place> {
  return new Map(
    submissions.flatMap((submission) =>
      submission.trials.map((name, index) => [name, { submission, index }] as const)
    ),
  );
}

/** What became of a wish to submit. */
export type Submitted = { readonly job: string } | { readonly away: string } | {
  readonly tooMany: true;
};

/** A new name for a submission; later ones sort behind. */
export const newSubmissionId = () => `${Date.now()}-${crypto.randomUUID().slice(0, 4)}`;

/**
 * Submits trials as one job array.
 *
 * @throws {UserError} when Slurm refuses it.
 */
export async function submit(
  sweep: SweepFolder,
  trials: readonly Trial[],
  options: SlurmOptions,
): Promise<Submitted> {
  const id = newSubmissionId();
  const folder = join(sweep.path, SUBMISSIONS, id);
  fs.mkdirSync(folder, { recursive: true });
  const manifest = trials.map((trial) => manifestName(sweep, trial.folder));
  renameInto(join(folder, "manifest"), manifest.join("\n") + "\n");
  const script = join(folder, "script.sh");
  renameInto(script, batchScript({ sweep, folder, id, trials: trials.length }, options));
  const answer = await slurm("sbatch", "--parsable", script);
  if (answer.ok) {
    const job = answer.out.split("\n").at(-1)!.split(";")[0]!;
    renameInto(join(folder, "job"), `${job}\n`);
    return { job };
  }
  // The controller may have taken it all the same: then the queue will show it.
  if (isUnreachable(answer)) return { away: answer.error };
  fs.rmSync(folder, { recursive: true });
  if (/submit.*limit|MaxSubmit/i.test(answer.error)) return { tooMany: true };
  throw await refusal(answer.error, options);
}

async function refusal(error: string, { partition }: SlurmOptions): Promise<UserError> {
  const said = error.split("\n").map((line) => line.replace(/^sbatch: (error: )?/, "")).join("; ");
  if (!/invalid partition/i.test(error)) return new UserError(`Slurm refuses the job: ${said}`);
  const there = (await partitions()).join(", ") || "none";
  return new UserError(`Slurm has no partition "${partition}"; there are: ${there}`);
}

/** The name of a trial that a manifest names. */
export const trialFolderName = (name: string) => basename(name);
