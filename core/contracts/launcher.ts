/**
 * What runs trials: processes on this machine, or jobs of a cluster. A launcher holds nothing that is
 * not in the sweep's folder: what a trial is and how it ended are files there, so any launcher, or a
 * person by hand, can go on with what another has begun.
 */

import { type ObjectSchema } from "./schema.ts";

/** One run among many. */
export interface Trial {
  /** What tells it from the others, such as `targetSkip=0.3 seed=1`. */
  readonly name: string;
  /** Path of the experiment's script. */
  readonly script: string;
  /** Options of the experiment. */
  readonly args: readonly string[];
  /** Folder of its run. */
  readonly folder: string;
}

/** Why a trial is not to be run any further. */
export interface Stop {
  /** `hopeless`: early stopping; `cancelled`: somebody's wish. */
  readonly kind: "hopeless" | "cancelled";
  /** A few words on it. */
  readonly why: string;
}

/** A trial and how it ended. Its numbers are in its folder. */
export type TrialEnd =
  & { readonly trial: Trial }
  & (
    | { /** Was finished before. */ readonly kept: boolean }
    | { readonly failure: string; /** The last lines that it printed. */ readonly log?: string[] }
    | { readonly stopped: Stop }
  );

/** Who wants to know what happens meanwhile. */
export interface LaunchEvents {
  /** Told of every trial that ends. */
  readonly onEnd?: (end: TrialEnd, ended: number, total: number) => void;
  /** Told of every failure that is tried again. */
  readonly onRetry?: (trial: Trial, failure: string) => void;
  /** Told what else is worth a line. */
  readonly onNote?: (line: string) => void;
}

/** The folder of a sweep. */
export interface SweepFolder {
  /** Where it is on this machine. */
  readonly path: string;
  /** A name of its own, the same from wherever the folder is seen. */
  readonly id: string;
}

/** Runs trials, with its options chosen. */
export interface Launcher {
  /** Only shows what it would do: nothing may be written or removed for it. */
  readonly dryRun?: boolean;
  /**
   * Runs what is not finished; ends in the order of the trials.
   *
   * @throws {UserError} when trials cannot be run at all.
   * @throws {Interrupted} after Ctrl-C.
   */
  run(
    trials: readonly Trial[],
    sweep: SweepFolder,
    events: LaunchEvents,
  ): Promise<readonly TrialEnd[]>;
}

/** What a launcher knows of a trial that is not finished. */
export interface QueuedTrial {
  /** `waiting`, `running`, or how it ended without a result, in the launcher's words. */
  readonly state: string;
  /** Where: job and node. */
  readonly where: string;
}

/** A way of running trials. */
export interface LauncherKind {
  /** What `--launcher` calls it. */
  readonly name: string;
  /** One line for `--help`. */
  readonly description: string;
  /** Its options, a key each: `arrayLimit` is `--array-limit`; what they say goes into `--help`. */
  readonly options: ObjectSchema<Readonly<Record<string, unknown>>>;
  /**
   * A launcher with its options chosen; nothing may be started yet.
   *
   * @param options checked by {@link options}
   */
  create(options: Readonly<Record<string, unknown>>): Launcher;
  /**
   * What is known of a sweep's trials by the name of their folder; undefined where it cannot be asked
   * just now. Absent where the folders say all there is.
   */
  queued?(sweep: SweepFolder): Promise<ReadonlyMap<string, QueuedTrial> | undefined>;
  /** Takes back everything that is still to run of a sweep; says how many jobs that were. */
  cancel?(sweep: SweepFolder): Promise<number>;
}
