/** One run among many: what it is, and where it stands by what its folder holds. */

import fs from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { type Stop, type Trial } from "../../contracts/launcher.ts";
import { METRICS_FILE, readMetrics } from "../metrics_csv.ts";
import { sourceHash } from "../plugins/source_hash.ts";
import { readRunRecord, RUN_RECORD, type RunRecord } from "../run_record.ts";

export { type Trial };

/** A trial and how it ended, with its numbers where it is finished. */
export type TrialOutcome =
  & { readonly trial: Trial }
  & (
    | { readonly record: RunRecord; /** Was finished before. */ readonly kept: boolean }
    | { readonly failure: string; /** The last lines that it printed. */ readonly log?: string[] }
    | { readonly stopped: Stop }
  );

/** Where a trial stands, by what its folder holds. */
export type TrialState = "absent" | "unfinished" | "finished";

/** A command line, but for where it writes and logs to and what the machine decides. */
function essence(commandLine: string): string {
  return commandLine.replaceAll(
    / --(out|resume|log|tracking-uri) .+?(?= --|$)| --set backend\.threads=\d+(?= |$)| --(fresh|quiet)(?= |$)/g,
    "",
  );
}

/**
 * Where a trial stands.
 *
 * @throws {UserError} when its folder holds a run of another experiment or other options.
 */
export function stateOf(trial: Trial): TrialState {
  if (!fs.existsSync(join(trial.folder, RUN_RECORD))) return "absent";
  const record = readRunRecord(trial.folder);
  const own = ["deno task", basename(trial.script, ".ts"), ...trial.args].join(" ");
  if (essence(record.commandLine) !== essence(own)) {
    throw new UserError(
      `${trial.folder} holds a run of other options (${record.commandLine}): remove it, or choose ` +
        "another --out",
    );
  }
  for (const { name, specifier, sha256 } of record.plugins ?? []) {
    if (!trial.args.includes(specifier) || sourceHash(specifier) === sha256) continue;
    throw new UserError(
      `${trial.folder} holds a run with another state of the plugin "${name}", which has changed since: ` +
        "give --fresh to run all again, or choose another --out",
    );
  }
  return record.status === "finished" ? "finished" : "unfinished";
}

/** The most memory that a trial has taken so far, in bytes; undefined before its first step. */
export function peakMemoryOf(trial: Trial): number | undefined {
  const path = join(trial.folder, METRICS_FILE);
  if (!fs.existsSync(path)) return undefined;
  const peaks = readMetrics(path).map((row) => row["peak_memory_mb"] ?? 0);
  return peaks.length === 0 ? undefined : Math.max(...peaks) * 2 ** 20;
}
