/** Slurm's commands, and what their failures mean. */

import { UserError } from "../../../core/contracts/mod.ts";

/** What a command answered. */
export interface Answer {
  readonly ok: boolean;
  readonly out: string;
  readonly error: string;
}

/** Milliseconds after which the controller counts as out of reach. */
const PATIENCE = 60_000;

/**
 * Runs one of Slurm's commands.
 *
 * @throws {UserError} when this machine does not have it.
 */
export async function slurm(
  command: "sbatch" | "squeue" | "scontrol" | "scancel",
  ...args: readonly string[]
): Promise<Answer> {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  try {
    const { success, signal, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      clearEnv: true,
      env: environment(),
      signal: AbortSignal.timeout(PATIENCE),
    }).output();
    const silence = signal === null ? "" : `${command} timed out`;
    return { ok: success, out: text(stdout), error: text(stderr) || silence };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(
      `There is no ${command} on this machine: run this where the cluster's Slurm commands are, such ` +
        "as its login node, or leave --launcher slurm out",
    );
  }
}

/** The environment of commands, and so of jobs: without what Slurm set for a job that this runs in. */
function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      !name.startsWith("SLURM_") || name === "SLURM_CONF"
    ),
  );
}

/** Whether an answer says that the controller is out of reach, for now. */
export function isUnreachable({ ok, error }: Answer): boolean {
  return !ok &&
    /unable to contact|connect(ion)? (failure|refused|timed out|reset)|timed out|communication|not responding|try again|unable to connect|slurmctld.*(down|initializing)|zero bytes were transmitted/i
      .test(error);
}

/** Fields of `scontrol show job`, such as `ExitCode`; empty where the job is forgotten already. */
export async function jobFields(task: string): Promise<Readonly<Record<string, string>>> {
  const { ok, out } = await slurm("scontrol", "show", "job", "-o", task);
  if (!ok) return {};
  return Object.fromEntries(
    Array.from(out.matchAll(/(\S+?)=(\S*)/g), ([, key, value]) => [key!, value!]),
  );
}

/** Names of all partitions. */
export async function partitions(): Promise<string[]> {
  const { out } = await slurm("scontrol", "show", "partition", "-o");
  return Array.from(out.matchAll(/PartitionName=(\S+)/g), ([, name]) => name!);
}

/** How many tasks an array may have. */
export async function largestArray(): Promise<number> {
  const { out } = await slurm("scontrol", "show", "config");
  const size = Number(/MaxArraySize\s*=\s*(\d+)/.exec(out)?.[1]);
  return size > 0 ? size : 1001;
}
