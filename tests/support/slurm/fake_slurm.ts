/**
 * Slurm's commands as shell scripts that do next to nothing, for states that are hard to bring about. What
 * was called is noted; what squeue says is made up when something is submitted.
 */

import fs from "node:fs";
import { join } from "node:path";

/** What the commands do, as environment variables. */
export interface FakeBehaviour {
  /** State of every task that is submitted; `RUN`: its script is run at once, and it is `COMPLETED`. */
  readonly FAKE_STATE: string;
  readonly FAKE_REASON?: string;
  /** sbatch submits, but has no answer. */
  readonly FAKE_LOST?: "yes";
  /** So often squeue cannot reach the controller. */
  readonly FAKE_AWAY?: string;
  /** What `scontrol show job` says. */
  readonly FAKE_JOB?: string;
  /** What stands in a task's own log; none is written unless told. */
  readonly FAKE_LOG?: string;
}

const COMMANDS = {
  sbatch: `
[ "$1" = --version ] && exit
script=$2
job=$(($(cat "$FAKE/jobs") + 1)); echo $job > "$FAKE/jobs"
id=$(sed -n 's/^#SBATCH --comment=//p' "$script")
range=$(sed -n 's/^#SBATCH --array=0-//p' "$script"); last=\${range%%%*}
for k in $(seq 0 $last); do
  state=$FAKE_STATE
  if [ $state = RUN ]; then
    state=COMPLETED
    SLURM_ARRAY_JOB_ID=$job SLURM_ARRAY_TASK_ID=$k bash "$script" > "$(dirname "$script")/$k.log" 2>&1
  fi
  [ -z "\${FAKE_LOG:-}" ] || echo "$FAKE_LOG" > "$(dirname "$script")/$k.log"
  echo "$job|$k|$state|n1|$id|\${FAKE_REASON:-None}" >> "$FAKE/queue"
done
[ -z "\${FAKE_LOST:-}" ] || { echo "sbatch: error: Socket timed out on send/recv operation" >&2; exit 1; }
echo $job`,
  squeue: `
away=$(cat "$FAKE/away")
if [ "$away" -gt 0 ]; then
  echo $((away - 1)) > "$FAKE/away"
  echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2
  exit 1
fi
cat "$FAKE/queue"`,
  scontrol: `
case "$1 $2" in
  "show config") echo "MaxArraySize            = 3" ;;
  "show job") echo "\${FAKE_JOB:-}" ;;
esac`,
  scancel: `
for task; do sed -i "s/^\${task%_*}|\${task#*_}|[A-Z]*/\${task%_*}|\${task#*_}|CANCELLED/" "$FAKE/queue"; done`,
};

/** Fake commands in a folder of their own. */
export class FakeSlurm {
  /** What commands need in their environment. */
  readonly env: Record<string, string>;

  /** @param folder for the commands and what they note */
  constructor(private readonly folder: string, behaviour: FakeBehaviour) {
    fs.mkdirSync(folder, { recursive: true });
    for (const [name, body] of Object.entries(COMMANDS)) {
      const note = `echo "${name} $*" >> "$FAKE/calls"`;
      fs.writeFileSync(join(folder, name), `#!/bin/bash\n${note}${body}\n`, { mode: 0o755 });
    }
    for (const name of ["queue", "calls"]) fs.writeFileSync(join(folder, name), "");
    fs.writeFileSync(join(folder, "jobs"), "0");
    fs.writeFileSync(join(folder, "away"), behaviour.FAKE_AWAY ?? "0");
    this.env = { ...behaviour, FAKE: folder, PATH: `${folder}:${Deno.env.get("PATH")}` };
  }

  /** Every call of a command so far, with its arguments; all but asking for a version. */
  calls(command = ""): string[] {
    return fs.readFileSync(join(this.folder, "calls"), "utf8").split("\n")
      .filter((line) => line.startsWith(command) && line !== "" && !line.endsWith("--version"));
  }
}
