/**
 * Folders of runs: `results/runs/<experiment>/<time>-seed<k>/`, or the one that `--out` names.
 *
 * An open run holds a lock of the operating system on its folder, which a killed process gives up
 * by dying. So an unfinished run that still runs elsewhere is never continued a second time.
 */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../contracts/errors.ts";
import { isTemporary } from "../io/atomic.ts";
import { explainFailure } from "../io/failures.ts";
import type { ExperimentConfig } from "./config_schema.ts";
import { type LoggingChoice } from "./logging/names.ts";
import type { LoadedPlugin } from "./plugins/plugins.ts";
import { LAYERS_FILE, METRICS_FILE, readMetrics } from "./metrics_csv.ts";
import { gitCommit, thisMachine, versionsInUse } from "./provenance.ts";
import { leaveToken, LOCK, lockFolder, openElsewhere, tokenIn } from "./run_lock.ts";
import { readRunRecord, RUN_RECORD, type RunRecord, writeRunRecord } from "./run_record.ts";

/** Where runs go unless `--out` says otherwise, below the current folder. */
export const RUNS_ROOT = join("results", "runs");

/** What a sweep may have put beside a run before it begins. */
export const TRIAL_FILES = {
  description: "trial.json",
  log: "trial.log",
  failures: "failures",
  stop: "stop.json",
} as const;

/** What a new run needs to be given a folder. */
export interface NewRun {
  readonly config: ExperimentConfig;
  /** Commits of the repositories it reads, by name. */
  readonly repositories?: Readonly<Record<string, string>>;
  /** The plugins that are not built in. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Where its metrics go beside `metrics.csv`; default nowhere. */
  readonly logging?: LoggingChoice;
  /** The command that starts it, for `run.json`. */
  readonly commandLine: string;
  /** The folder itself, instead of one below `root`. */
  readonly out?: string | undefined;
  /** Folder of all runs; default {@link RUNS_ROOT}. */
  readonly root?: string;
  /** Time of the start; default now. */
  readonly now?: Date;
}

/** A run folder that this process, and no other, writes to. Dispose of it to release it. */
export class OpenRun implements Disposable {
  /** The folder. */
  readonly path: string;
  #record: RunRecord;
  readonly #lock: Deno.FsFile;
  readonly #token: string;

  /**
   * Takes over a folder that is locked already; use {@link createRun} or {@link continueRun}.
   *
   * @param token what {@link leaveToken} left
   */
  constructor(path: string, record: RunRecord, lock: Deno.FsFile, token: string) {
    this.path = path;
    this.#record = record;
    this.#lock = lock;
    this.#token = token;
  }

  /** What `run.json` says now. */
  get record(): RunRecord {
    return this.#record;
  }

  /** Path of a file or folder in the run folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes sure that the folder is still this process's own: a lock may be lost without a word, as after
   * a cut in the network, and then whoever came last goes on.
   *
   * @throws {UserError} when another process has taken the folder over.
   */
  assertOwn(): void {
    const token = tokenIn(this.path);
    if (token !== "" && token !== this.#token) throw openElsewhere(this.path);
  }

  /** Notes in `run.json` that the user stopped the run, after everything was saved. */
  interrupt(): void {
    this.#write({ ...this.#record, status: "interrupted" });
  }

  /** Notes in `run.json` that the run is complete, and the numbers it ends with. */
  finish(final: Readonly<Record<string, unknown>>, now = new Date()): void {
    this.#write({ ...this.#record, status: "finished", finishedAt: now.toISOString(), final });
  }

  /** Removes what this process wrote, where not one step was taken: there is nothing to go on with. */
  discardUntrained(): void {
    const metrics = this.file(METRICS_FILE);
    if (fs.existsSync(metrics) && readMetrics(metrics).length > 0) return;
    for (const name of [METRICS_FILE, LAYERS_FILE, RUN_RECORD]) {
      fs.rmSync(this.file(name), { force: true });
    }
    removeIfEmpty(this.path);
  }

  #write(record: RunRecord): void {
    this.assertOwn();
    writeRunRecord(this.path, record);
    this.#record = record;
  }

  /** Lets other processes open the run. */
  [Symbol.dispose](): void {
    // Closing alone leaves the lock with a child process that is being started just now.
    this.#lock.unlockSync();
    this.#lock.close();
  }
}

/**
 * Makes a folder for a new run and writes its `run.json`.
 *
 * @throws {UserError} when `out` holds anything already, or cannot be made.
 */
export function createRun(run: NewRun): OpenRun {
  const { config, commandLine, out, repositories = {}, plugins = [], logging, now = new Date() } =
    run;
  const path = out ?? makeFolderBelow(join(run.root ?? RUNS_ROOT, config.name), config.seed, now);
  if (out !== undefined) claimFolder(out);
  const lock = lockFolder(path);
  const record: RunRecord = {
    name: config.name,
    status: "running",
    config,
    seed: config.seed,
    versions: versionsInUse(),
    commit: gitCommit(import.meta.dirname ?? "."),
    machine: thisMachine(),
    repositories,
    ...(plugins.length > 0 ? { plugins } : {}),
    ...kept(logging),
    commandLine,
    startedAt: now.toISOString(),
    finishedAt: null,
    final: {},
  };
  try {
    const token = leaveToken(lock);
    writeRunRecord(path, record);
    return new OpenRun(path, record, lock, token);
  } catch (error) {
    lock.close();
    removeIfEmpty(path);
    throw explainFailure(error, "write", path);
  }
}

/**
 * Opens an unfinished run to continue it, and marks it as running.
 *
 * @param logging where its metrics go from now on; default nowhere
 * @param plugins those that are loaded now: they may have moved, or changed
 * @throws {UserError} when the folder is no run, is finished, or is open in another process.
 */
export function continueRun(
  path: string,
  logging?: LoggingChoice,
  plugins: readonly LoadedPlugin[] = [],
): OpenRun {
  const { logging: _, ...record } = readRunRecord(path);
  if (record.status === "finished") {
    throw new UserError(`The run in ${path} is finished: use --fresh to start a new one`);
  }
  const lock = lockFolder(path);
  try {
    const running: RunRecord = {
      ...record,
      status: "running",
      ...kept(logging),
      ...(plugins.length === 0 ? {} : {
        config: { ...record.config, plugins: plugins.map(({ specifier }) => specifier) },
        plugins,
      }),
    };
    const token = leaveToken(lock);
    writeRunRecord(path, running);
    return new OpenRun(path, running, lock, token);
  } catch (error) {
    lock.close();
    throw explainFailure(error, "write", path);
  }
}

/** What `run.json` says of logging. */
function kept(logging: LoggingChoice | undefined): Pick<RunRecord, "logging"> {
  return logging && logging.loggers.length > 0 ? { logging } : {};
}

/** What is in a folder; nothing where there is none. @throws {UserError} where it cannot be read. */
export function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw explainFailure(error, "read", folder);
  }
}

/** `2026-11-23T22-36-16-seed0`, with a number behind it where two runs start in one second. */
function makeFolderBelow(parent: string, seed: number, now: Date): string {
  const time = now.toISOString().slice(0, 19).replaceAll(":", "-");
  makeFolder(parent);
  for (let copy = 1;; copy++) {
    const path = join(parent, `${time}-seed${seed}${copy === 1 ? "" : `-${copy}`}`);
    try {
      Deno.mkdirSync(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) {
        throw explainFailure(error, "make the run folder", path);
      }
    }
  }
}

/** Makes the folder that the user named, or takes it when there is nothing in it. */
function claimFolder(path: string): void {
  makeFolder(path);
  const beside: readonly string[] = [LOCK, ...Object.values(TRIAL_FILES)];
  const names = entriesOf(path).map(({ name }) => name).filter((name) =>
    !beside.includes(name) && !isTemporary(name)
  );
  if (names.includes(RUN_RECORD)) {
    throw new UserError(
      `${path} already holds a run: continue it with --resume ${path}, or choose another --out`,
    );
  }
  if (names.length > 0) {
    throw new UserError(
      `Cannot use ${path} for a run: it is not empty (${names[0]}); choose another --out`,
    );
  }
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new UserError(`Cannot use ${path} for a run: it is a file; choose another --out`);
    }
    throw explainFailure(error, "make the run folder", path);
  }
}

/** Takes back a folder that could not be begun, as on a full disk. */
function removeIfEmpty(path: string): void {
  try {
    Deno.removeSync(join(path, LOCK));
    Deno.removeSync(path);
  } catch {
    // The failure that led here is the one worth reporting.
  }
}
