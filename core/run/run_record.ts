/** `run.json`: what a run is, where it comes from, how far it got and what came out. */

import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { explainFailure } from "../io/failures.ts";
import type { ExperimentConfig } from "./config_schema.ts";
import { LOGGER_NAMES, type LoggingChoice } from "./logging/names.ts";
import type { LoadedPlugin } from "./plugins/plugins.ts";
import type { Machine, Versions } from "./provenance.ts";
import type { ConfigTree } from "./settings.ts";

/**
 * `running` is also what a killed run leaves behind, so it counts as unfinished; `interrupted` was
 * stopped by the user after it had saved.
 */
export type RunStatus = "running" | "interrupted" | "finished";

/** The contents of `run.json`. */
export interface RunRecord {
  readonly name: string;
  readonly status: RunStatus;
  /** The whole configuration that the run was started with. */
  readonly config: ExperimentConfig | ConfigTree;
  readonly seed: number;
  readonly versions: Versions;
  /** Git commit of the code, `null` when it is not in a repository. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** Commits of the repositories that the run began with; absent in runs from before there were any. */
  readonly repositories?: Readonly<Record<string, string>>;
  /** The plugins that the run was begun with; absent: none but those that are built in. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Where metrics go beside `metrics.csv`; absent: nowhere. */
  readonly logging?: LoggingChoice;
  /** The command that started the run. */
  readonly commandLine: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** ISO 8601, UTC; `null` until the run is finished. */
  readonly finishedAt: string | null;
  /** The numbers that the run ends with; empty until it is finished. */
  readonly final: Readonly<Record<string, unknown>>;
}

/** The parts without which a run cannot be found or continued; the rest is for readers. */
const needed = z.looseObject({
  name: z.string(),
  status: z.enum(["running", "interrupted", "finished"]),
  config: z.record(z.string(), z.unknown()),
  seed: z.int(),
  startedAt: z.string(),
  repositories: z.record(z.string(), z.string()).optional(),
  plugins: z.array(z.object({
    name: z.string(),
    specifier: z.string(),
    sha256: z.string().optional(),
  })).optional(),
  logging: z.object({
    loggers: z.array(z.enum(LOGGER_NAMES)),
    trackingUri: z.string().optional(),
  }).optional(),
});

/** Name of the file in a run folder. */
export const RUN_RECORD = "run.json";

/** Writes `run.json` into a run folder, all or nothing. */
export function writeRunRecord(folder: string, record: RunRecord): void {
  writeFileAtomic(join(folder, RUN_RECORD), JSON.stringify(record, null, 2) + "\n");
}

/**
 * Reads the `run.json` of a run folder.
 *
 * @throws {UserError} when the folder has none, or one that is damaged.
 */
export function readRunRecord(folder: string): RunRecord {
  const path = join(folder, RUN_RECORD);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`${folder} is no run folder: it has no ${RUN_RECORD}`);
    }
    throw explainFailure(error, "read", path);
  }
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is damaged: it is not JSON (${(error as Error).message})`);
  }
  const result = needed.safeParse(record);
  if (!result.success) {
    const { path: where, message } = result.error.issues[0]!;
    throw new UserError(`${path} is damaged: ${where.join(".") || "its contents"}: ${message}`);
  }
  return record as RunRecord;
}
