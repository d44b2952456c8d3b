/** Where all trials of a sweep stand: one table, one CSV. */

import fs from "node:fs";
import { basename, join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../../contracts/errors.ts";
import { type LauncherKind, type QueuedTrial, type SweepFolder } from "../../contracts/launcher.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { METRICS_FILE, readMetrics } from "../metrics_csv.ts";
import { type Registry } from "../plugins/registry.ts";
import { isOpen } from "../run_lock.ts";
import { readRunRecord, RUN_RECORD } from "../run_record.ts";
import { formatTable } from "../table.ts";
import { existingSweep, trialFolders } from "./sweep_folder.ts";
import {
  describedTrial,
  failuresOf,
  forgetFailures,
  forgetStop,
  noteStop,
  stopOf,
  TRIES,
} from "./trial_files.ts";

/** Where a trial stands. */
export interface TrialStatus {
  readonly name: string;
  readonly folder: string;
  /**
   * `finished`, `given up` by early stopping, `cancelled`, `failed`, `running`, `waiting`, `cut off` (it
   * goes on where it was), `not begun`.
   */
  readonly state: string;
  /** Whether nothing will be done about it any more, unless somebody asks for it. */
  readonly ended: boolean;
  /** Steps taken so far, and all of them. */
  readonly step: number;
  readonly steps: number | undefined;
  /** The last validation loss in nats per token. */
  readonly loss: number | undefined;
  readonly skipRatio: number | undefined;
  /** The numbers that it ended with. */
  readonly final: Readonly<Record<string, unknown>>;
  readonly failures: number;
  /** Job and node, where it is a job. */
  readonly where: string;
  /** What is wrong, if anything is. */
  readonly note: string;
}

/** A sweep and its trials. */
export interface SweepStatus {
  readonly trials: readonly TrialStatus[];
  /** Why a launcher could not be asked, a line each. */
  readonly notes: readonly string[];
}

/**
 * Where the trials of a sweep stand, by their folders and by what launchers say.
 *
 * @throws {UserError} when the folder is no sweep.
 */
export async function sweepStatus(
  path: string,
  launchers: Registry<LauncherKind>,
): Promise<SweepStatus> {
  const sweep = existingSweep(path);
  const notes: string[] = [];
  const queued = new Map<string, QueuedTrial>();
  for (const [name, kind] of launchers.entries()) {
    const found = await askedFor(kind, sweep, notes);
    if (found === undefined) notes.push(`${name} is out of reach: only the folder was looked at`);
    for (const [trial, place] of found ?? []) queued.set(trial, place);
  }
  const trials = trialFolders(path).map((folder) => statusOf(folder, queued.get(basename(folder))));
  return { trials, notes };
}

async function askedFor(kind: LauncherKind, sweep: SweepFolder, notes: string[]) {
  try {
    return kind.queued ? await kind.queued(sweep) : new Map<string, QueuedTrial>();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notes.push(error.message);
    return new Map<string, QueuedTrial>();
  }
}

function statusOf(folder: string, queued: QueuedTrial | undefined): TrialStatus {
  const { name } = describedTrial(folder);
  const record = fs.existsSync(join(folder, RUN_RECORD)) ? readRunRecord(folder) : undefined;
  const metrics = join(folder, METRICS_FILE);
  const rows = fs.existsSync(metrics) ? readMetrics(metrics) : [];
  const evaluated = rows.findLast((row) => row["validation_loss"] !== undefined);
  const final = record?.final ?? {};
  const failures = failuresOf(folder);
  const number = (value: unknown) => typeof value === "number" ? value : undefined;
  const stopped = stopOf(folder);
  const note = stopped?.why ?? failures.at(-1)?.reason ?? "";
  const finished = record?.status === "finished";
  const state = finished
    ? "finished"
    : stopped
    ? (stopped.kind === "hopeless" ? "given up" : "cancelled")
    : queued && /^(running|waiting)/.test(queued.state)
    ? queued.state
    : isOpen(folder)
    ? "running"
    : failures.length >= TRIES
    ? "failed"
    : record
    ? "cut off"
    : "not begun";
  return {
    name,
    folder,
    state,
    ended: finished || stopped !== undefined || state === "failed",
    step: rows.at(-1)?.step ?? 0,
    steps: number((record?.config as { steps?: unknown } | undefined)?.steps),
    loss: number(final["loss"]) ?? evaluated?.["validation_loss"],
    skipRatio: number(final["skipRatio"]) ?? evaluated?.["skip_ratio"],
    final,
    failures: failures.length,
    where: queued?.where ?? "",
    note: finished ? "" : note,
  };
}

/** `7 finished, 1 running`, in the order in which they are met. */
export function statusCounts({ trials }: SweepStatus): string {
  const counts = new Map<string, number>();
  for (const { state } of trials) counts.set(state, (counts.get(state) ?? 0) + 1);
  return `${trials.length} trials: ` +
    (Array.from(counts, ([state, count]) => `${count} ${state}`).join(", ") || "none");
}

/** A row for each trial. */
export function statusTable(trials: readonly TrialStatus[]): string {
  return formatTable(
    [
      { title: "trial" },
      { title: "state" },
      { title: "step", align: "right" },
      { title: "loss", digits: 4 },
      { title: "skip ratio", digits: 3 },
      { title: "failures" },
      { title: "where" },
      { title: "note" },
    ],
    trials.map(({ name, state, step, steps, loss, skipRatio, failures, where, note }) => [
      name,
      state,
      steps === undefined ? `${step}` : `${step}/${steps}`,
      loss,
      skipRatio,
      failures,
      where,
      note,
    ]),
  );
}

/** Writes `states.csv` into a sweep's folder: a row for each trial. Returns its path. */
export function collectStatus(path: string, { trials }: SweepStatus): string {
  const csv = join(path, "states.csv");
  const rows = trials.map((trial) => ({
    trial: trial.name,
    folder: basename(trial.folder),
    state: trial.state,
    step: trial.step,
    steps: trial.steps ?? "",
    "skip_ratio": trial.skipRatio ?? "",
    "active_layers": trial.final["activeLayers"] ?? "",
    "flops_per_token": trial.final["flopsPerToken"] ?? "",
    "validation_loss": trial.loss ?? "",
    perplexity: trial.final["perplexity"] ?? "",
    "wall_seconds": trial.final["wallSeconds"] ?? "",
    failures: trial.failures,
    where: trial.where,
    note: trial.note,
  }));
  writeFileAtomic(csv, csvFormat(rows) + "\n");
  return csv;
}

/**
 * Takes back what is still to run of a sweep: jobs are cancelled, and trials that run save and end.
 *
 * @returns how many trials, and how many jobs of a cluster
 */
export async function cancelSweep(
  path: string,
  launchers: Registry<LauncherKind>,
): Promise<{ trials: number; jobs: number }> {
  const sweep = existingSweep(path);
  const open = (await sweepStatus(path, launchers)).trials.filter(({ ended }) => !ended);
  for (const { folder } of open) {
    noteStop(folder, { kind: "cancelled", why: "deno task sweep cancel" });
  }
  let jobs = 0;
  for (const [, kind] of launchers.entries()) jobs += await kind.cancel?.(sweep) ?? 0;
  return { trials: open.length, jobs };
}

/** Lets what failed or was cancelled run again; says how many trials that are. */
export function retrySweep(path: string): number {
  existingSweep(path);
  const again = trialFolders(path).filter((folder) =>
    stopOf(folder)?.kind === "cancelled" || failuresOf(folder).length > 0
  );
  for (const folder of again) {
    forgetFailures(folder);
    if (stopOf(folder)?.kind === "cancelled") forgetStop(folder);
  }
  return again.length;
}
