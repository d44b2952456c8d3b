/** What can be asked of Slurm. */

import { z } from "zod";
import { UserError } from "../../../core/contracts/mod.ts";

/** Values end up in a line of the batch script. */
const line = z.string().regex(/^[^\n\r]+$/, "it takes one line");

/** The launcher's options, as `--help` lists them. */
export const slurmOptions = z.object({
  partition: line.optional().describe("partition to submit to"),
  account: line.optional().describe("account that is charged"),
  qos: line.optional().describe("quality of service"),
  constraint: line.optional().describe("features that nodes must have"),
  gres: line.optional().describe("generic resources of a trial, such as gpu:1"),
  time: line.optional().describe("time limit of a job, such as 4:00:00; a trial may take several"),
  cpusPerTask: z.int().min(1).optional().describe("cores of a trial"),
  mem: line.optional().describe("memory of a trial, such as 16G"),
  arrayLimit: z.int().min(1).optional().describe("trials of a job array that run at once"),
  setup: z.array(line).default([]).describe("line for the batch script, such as module load cuda"),
  sbatch: z.array(line).default([]).describe("any other option of sbatch, such as --nice=100"),
  signalDelay: z.int().min(1).default(120)
    .describe("seconds before the time limit at which a trial saves and is requeued"),
  pollSeconds: z.number().min(0.2).default(20).describe("seconds between two looks at the queue"),
  maxRestarts: z.int().min(0).default(50)
    .describe("how often one job is requeued, and how often a lost one is submitted anew"),
  dryRun: z.boolean().default(false).describe("print the batch script, and do nothing"),
});

/** {@link slurmOptions}, checked. */
export type SlurmOptions = z.infer<typeof slurmOptions>;

/**
 * Refuses options that do not go together.
 *
 * @throws {UserError}
 */
export function checkSlurmOptions({ time, signalDelay, sbatch }: SlurmOptions): void {
  const limit = time === undefined ? undefined : secondsOf(time);
  if (limit !== undefined && limit <= signalDelay) {
    throw new UserError(
      `--time ${time} is no longer than --signal-delay ${signalDelay}: a trial would be told to save ` +
        "as soon as it starts",
    );
  }
  const bare = sbatch.find((option) => !option.startsWith("-"));
  if (bare !== undefined) {
    throw new UserError(`--sbatch ${bare}: it takes an option of sbatch, such as --nice=100`);
  }
}

/** Seconds of `minutes`, `m:s`, `h:m:s`, `d-h`, `d-h:m` or `d-h:m:s`; undefined for other words. */
export function secondsOf(time: string): number | undefined {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(time);
  if (!match) return undefined;
  const [, days, ...rest] = match;
  const [a, b, c] = rest.map((part) => part === undefined ? undefined : Number(part));
  if (days !== undefined) return ((Number(days) * 24 + a!) * 60 + (b ?? 0)) * 60 + (c ?? 0);
  if (c !== undefined) return (a! * 60 + b!) * 60 + c;
  return a! * 60 + (b ?? 0);
}
