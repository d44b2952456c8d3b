/** The batch script of a job array: one task for each trial of a submission. */

import { dirname, join, resolve } from "node:path";
import { type SweepFolder } from "../../../core/contracts/mod.ts";
import { TRIAL_CODES } from "../../../core/run/sweep/one_trial.ts";
import { TRIAL_FILES } from "../../../core/run/run_folder.ts";
import { type SlurmOptions } from "./options.ts";

/** What a submission is about. */
export interface BatchJob {
  readonly sweep: SweepFolder;
  /** Folder of the submission. */
  readonly folder: string;
  /** Its name, by which its job is found again. */
  readonly id: string;
  /** Number of trials. */
  readonly trials: number;
}

/** Exit code of a task whose node does not see its trial. */
export const UNSEEN = 66;

/** The job name of a sweep: what is in the queue under it belongs to the sweep. */
export const jobName = ({ id }: SweepFolder) => `dlr-${id}`;

/** Name of the file of what Slurm itself says of a task. */
export const taskLog = (index: number) => `${index}.log`;

const PROJECT = join(import.meta.dirname!, "../../..");

/** Text as one word of a shell command. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A value of an `#SBATCH` line; Slurm reads quotes and backslashes there, as shells do. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

function directives({ sweep, folder, id, trials }: BatchJob, options: SlurmOptions): string[] {
  const { arrayLimit, cpusPerTask, signalDelay } = options;
  // A per cent sign begins a pattern.
  const log = `${resolve(folder).replaceAll("%", "%%")}/%a.log`;
  const given: readonly (readonly [string, string | number | undefined])[] = [
    ["job-name", jobName(sweep)],
    ["comment", id],
    ["array", `0-${trials - 1}${arrayLimit === undefined ? "" : `%${arrayLimit}`}`],
    ["output", log],
    ["open-mode", "append"],
    ["partition", options.partition],
    ["account", options.account],
    ["qos", options.qos],
    ["constraint", options.constraint],
    ["gres", options.gres],
    ["time", options.time],
    ["cpus-per-task", cpusPerTask],
    ["mem", options.mem],
    ["signal", `B:USR2@${signalDelay}`],
  ];
  return [
    ...given.filter(([, value]) => value !== undefined)
      .map(([name, value]) => `--${name}=${quoted(String(value))}`),
    "--requeue",
    ...options.sbatch,
  ].map((option) => `#SBATCH ${option}`);
}

/** The batch script. It needs nothing but bash, the project and the sweep's folder on the nodes. */
export function batchScript(job: BatchJob, options: SlurmOptions): string {
  const { sweep, folder } = job;
  const deno = Deno.execPath();
  return `#!/bin/bash
${directives(job, options).join("\n")}

# A task runs the trial that its line of the manifest names. USR2 comes before the time limit: the trial
# saves, and the task is requeued. TERM is the end: of scancel, of preemption, of the time itself.
child= warned=0
trap 'warned=1; [ -z "$child" ] || kill -USR2 "$child"' USR2
trap '[ -z "$child" ] || kill -TERM "$child"' TERM

sweep=${word(resolve(sweep.path))}
submission=${word(resolve(folder))}
project=${word(PROJECT)}
export PATH=${word(dirname(deno))}:"$PATH"
# The task itself: for the last one SLURM_JOB_ID would name the whole array.
task="\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
restarts="\${SLURM_RESTART_COUNT:-0}"
trial="$sweep/$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$submission/manifest")"
if [ ! -f "$trial/${TRIAL_FILES.description}" ]; then
  echo "error: $(hostname) does not see $trial/${TRIAL_FILES.description}"
  exit ${UNSEEN}
fi
exec >>"$trial/${TRIAL_FILES.log}" 2>&1
echo "== job $task on \${SLURMD_NODENAME:-$(hostname)}, restarts: $restarts"
${options.setup.map((line) => `${line}\n`).join("")}
deno run --quiet --config "$project/deno.json" -P "$project/scripts/trial.ts" \\
  --threads "\${SLURM_CPUS_PER_TASK:-\${SLURM_CPUS_ON_NODE:-1}}" \\
  --attempt "$task-$restarts" \${SLURM_MEM_PER_NODE:+--memory "$SLURM_MEM_PER_NODE"} "$trial" &
child=$!
[ "$warned" = 0 ] || kill -USR2 "$child"
# A signal ends the wait, not the child.
while true; do
  wait "$child"
  code=$?
  [ "$code" -gt 128 ] && kill -0 "$child" 2>/dev/null || break
done

# ${TRIAL_CODES.saved}: saved. 140: the signal came before anybody listened, or as the trial ended.
if [ "$warned" = 1 ] && { [ "$code" = ${TRIAL_CODES.saved} ] || [ "$code" = 140 ]; }; then
  if [ "$restarts" -lt ${options.maxRestarts} ]; then
    # Slurm ends this script when it has requeued it.
    scontrol requeue "$task" && sleep 300
  fi
  exit ${TRIAL_CODES.saved}
fi
exit "$code"
`;
}
