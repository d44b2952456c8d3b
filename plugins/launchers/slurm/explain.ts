/** Why a task ended without a result, in a line for users. */

import fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Trial } from "../../../core/contracts/mod.ts";
import { failuresOf } from "../../../core/run/sweep/trial_files.ts";
import { peakMemoryOf } from "../../../core/run/sweep/trial.ts";
import { jobFields } from "./commands.ts";
import { type Task, taskName } from "./queue.ts";
import { taskLog, UNSEEN } from "./script.ts";
import { type Place } from "./submissions.ts";

/** What a task's end means. */
export type Meaning =
  /** Nothing is wrong with the trial: it is to be submitted again. */
  | { readonly kind: "again"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "cancelled"; readonly why: string }
  /** The node does not see the sweep's folder. */
  | { readonly kind: "unseen"; readonly why: string };

/** States in which a machine, not the trial, gave up. */
const MACHINES = new Set(["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED", "COMPLETED"]);

/** Exit code with which Slurm says that it could not open a task's log. */
const NO_LOG = "0:53";

/** What the end of a task without a result means. */
export async function explainEnd(task: Task, trial: Trial, place: Place): Promise<Meaning> {
  const name = taskName(task);
  const job = `job ${name} on ${task.node || "no node"}`;
  if (task.state === "CANCELLED") return { kind: "cancelled", why: `scancel of job ${name}` };
  if (MACHINES.has(task.state)) return { kind: "again", why: `${job} ended as ${task.state}` };
  const fields = await jobFields(name);
  const exit = fields["ExitCode"] ?? "";
  const log = join(place.submission.folder, taskLog(place.index));
  const said = fs.existsSync(log) ? fs.readFileSync(log, "utf8") : undefined;
  if (exit.startsWith(`${UNSEEN}:`) || (said === undefined && exit === NO_LOG)) {
    const sweep = resolve(dirname(dirname(trial.folder)));
    return {
      kind: "unseen",
      why:
        `node ${task.node} does not see ${sweep} (${job}): the sweep's folder has to be on a file ` +
        "system that the nodes share; choose another --out",
    };
  }
  const memory = killedForMemory(task, trial, said ?? "", fields);
  if (memory) return { kind: "failed", why: `${job} ${memory}` };
  if (exit.startsWith("75:")) {
    return { kind: "again", why: `${job} had saved and was not requeued` };
  }
  if (
    /credential revoked|launch failure/i.test(said ?? "") || (said === undefined && exit === "")
  ) {
    return { kind: "again", why: `${job} could not be started` };
  }
  if (task.state === "TIMEOUT" || task.state === "DEADLINE") {
    return {
      kind: "failed",
      why:
        `${job} came to its time limit of ${
          fields["TimeLimit"]
        } before it had saved: give it more ` +
        "--time, or a longer --signal-delay",
    };
  }
  const [code, signal] = exit.split(":");
  const how = signal && signal !== "0" ? `signal ${signal}` : `exit code ${code || "unknown"}`;
  return { kind: "failed", why: `${job} ended as ${task.state}, ${how} (${task.reason})` };
}

/** What was taken and what was given, where a task was killed for memory. */
function killedForMemory(
  task: Task,
  trial: Trial,
  said: string,
  fields: Readonly<Record<string, string>>,
): string | undefined {
  const over = /exceeded memory limit \((\d+) > (\d+)\)/.exec(said);
  const killed = task.state === "OUT_OF_MEMORY" || over !== null ||
    /oom[-_ ]?kill|out of memory/i.test(said);
  if (!killed) return undefined;
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  const given = over
    ? megabytes(Number(over[2]))
    : /mem=(\w+(\.\d+)?\w?)/.exec(fields["TRES"] ?? "")?.[1] ?? "what";
  const peak = peakMemoryOf(trial);
  const noted = failuresOf(trial.folder).at(-1)?.reason.match(/had taken (\d+ MB)/)?.[1];
  const taken = over ? megabytes(Number(over[1])) : noted ?? (peak && megabytes(peak));
  return `was killed for memory: it had taken ${
    taken ?? "more than all"
  } of the ${given} that it was ` +
    "given; give it more by --mem, or make its batches smaller";
}
