/** The newest run of an experiment, for commands that are given its name. */

import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { entriesOf, RUNS_ROOT } from "./run_folder.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";

/**
 * The folder of the unfinished run of this experiment that was started last; `undefined` when all
 * are finished or there are none. Folders with a damaged `run.json` are passed over.
 */
export function newestUnfinishedRun(name: string, root = RUNS_ROOT): string | undefined {
  return newestRun(name, root, ({ status }) => status !== "finished");
}

/** As {@link newestUnfinishedRun}, of the finished ones. */
export function newestFinishedRun(name: string, root = RUNS_ROOT): string | undefined {
  return newestRun(name, root, ({ status }) => status === "finished");
}

function newestRun(
  name: string,
  root: string,
  wanted: (record: RunRecord) => boolean,
): string | undefined {
  let newest: { path: string; startedAt: string } | undefined;
  for (const entry of entriesOf(join(root, name))) {
    if (!entry.isDirectory) continue;
    const path = join(root, name, entry.name);
    const record = recordOrNothing(path);
    if (record === undefined || !wanted(record) || record.name !== name) continue;
    if (newest === undefined || record.startedAt > newest.startedAt) {
      newest = { path, startedAt: record.startedAt };
    }
  }
  return newest?.path;
}

function recordOrNothing(path: string): RunRecord | undefined {
  try {
    return readRunRecord(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
