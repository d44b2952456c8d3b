/** What Slurm knows of a sweep's tasks. */

import { type SweepFolder } from "../../../core/contracts/mod.ts";
import { slurm } from "./commands.ts";
import { jobName } from "./script.ts";

/** A task of a job array. */
export interface Task {
  /** Job id of its array. */
  readonly job: string;
  /** Its index in the array. */
  readonly index: number;
  /** In Slurm's words, such as `PENDING`. */
  readonly state: string;
  /** Why it is in that state, if Slurm says so. */
  readonly reason: string;
  readonly node: string;
  /** The submission that it belongs to. */
  readonly submission: string;
}

/** Tasks by `<job>_<index>`. */
export type Queue = ReadonlyMap<string, Task>;

/** What ends a task for good; whatever else Slurm says, it is still there. */
const ENDED = new Set([
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
]);

/** Whether a task is over. */
export const isOver = ({ state }: Task) => ENDED.has(state);

/** Whether a task waits for somebody to release it, as Slurm could not start it. */
export const isStuck = ({ reason }: Task) => /launch.failed.requeued.held/i.test(reason);

/** Its name for Slurm's commands. */
export const taskName = ({ job, index }: Pick<Task, "job" | "index">) => `${job}_${index}`;

/**
 * All tasks of a sweep that Slurm remembers, or why it cannot be asked. Text, as JSON changes from one
 * release to the next; one query, as controllers are shared.
 *
 * @throws {UserError} when there is no squeue here.
 */
export async function readQueue(sweep: SweepFolder): Promise<Queue | { readonly away: string }> {
  const format = "%F|%K|%T|%N|%k|%r";
  const options = ["--array", "--noheader", "--all", "--states=all", "--format", format];
  const { ok, out, error } = await slurm("squeue", ...options, "--name", jobName(sweep));
  return ok ? parseQueue(out) : { away: error.split("\n").at(-1) ?? "" };
}

/** Reads what squeue prints. */
export function parseQueue(text: string): Queue {
  const tasks = text.split("\n").filter((line) => line !== "").map((line) => {
    const [job = "", index = "", state = "", node = "", submission = "", ...reason] = line.split(
      "|",
    );
    return { job, index: Number(index), state, node, submission, reason: reason.join("|") };
  }).filter(({ index }) => Number.isInteger(index));
  return new Map(tasks.map((task) => [taskName(task), task]));
}
