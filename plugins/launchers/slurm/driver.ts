/**
 * Sees trials through Slurm. It keeps nothing that matters to itself: what has a result is done, what is
 * in the queue is waited for, and the rest is submitted. So it can be stopped and started anywhere, and
 * while the controller is out of reach it changes nothing.
 */

import fs from "node:fs";
import { join } from "node:path";
import {
  Interrupted,
  type LaunchEvents,
  type SweepFolder,
  type Trial,
  type TrialEnd,
  UserError,
} from "../../../core/contracts/mod.ts";
import { TRIAL_FILES } from "../../../core/run/run_folder.ts";
import { delay } from "../../../core/io/hub/patience.ts";
import { StopSignal } from "../../../core/run/stop_signal.ts";
import { stateOf } from "../../../core/run/sweep/trial.ts";
import {
  failuresOf,
  forgetFailures,
  logTail,
  noteFailure,
  noteStop,
  stopOf,
  TRIES,
} from "../../../core/run/sweep/trial_files.ts";
import { largestArray, slurm } from "./commands.ts";
import { explainEnd } from "./explain.ts";
import { type SlurmOptions } from "./options.ts";
import { isOver, isStuck, type Queue, readQueue, type Task, taskName } from "./queue.ts";
import {
  lastPlaces,
  manifestName,
  type Place,
  readSubmissions,
  SUBMISSIONS,
  submit,
} from "./submissions.ts";

/** Looks that find nothing of a task before it counts as lost: shared file systems take their time. */
const PATIENCE = 2;

/** Reasons for waiting that nobody has to be told. */
const USUAL = /^(None|Priority|Resources|JobArrayTaskLimit|BeginTime|Dependency|Cleaning|Prolog)$/;

/** Runs trials by job arrays; see {@link Launcher.run}. */
export async function drive(
  trials: readonly Trial[],
  sweep: SweepFolder,
  options: SlurmOptions,
  events: LaunchEvents,
): Promise<readonly TrialEnd[]> {
  // Whether there is a Slurm here at all, before anything else.
  await slurm("sbatch", "--version");
  using stop = new StopSignal();
  const driver = new Driver(trials, sweep, options, events);
  driver.begin();
  while (true) {
    // The queue first: what it says is over has its result, if there is one, in the folder by now.
    const queue = await readQueue(sweep);
    driver.settle();
    if (!driver.open) return driver.ends;
    if (!stop.asked) await driver.act(queue);
    if (!driver.open) return driver.ends;
    await delay(options.pollSeconds, stop.signal).catch(() => {}); // asked to stop
    if (stop.asked) {
      const done = trials.length - driver.open;
      throw new Interrupted(
        `No longer watching, with ${done} of ${trials.length} trials ended; the jobs go on. The same ` +
          `command watches again; deno task sweep status|watch|cancel ${sweep.path} tells of them, ` +
          "and takes them back",
      );
    }
  }
}

class Driver {
  readonly #ended = new Map<Trial, TrialEnd>();
  /** How often a task was looked for in vain, or was over without a result. */
  readonly #missed = new Map<string, number>();
  readonly #released = new Set<string>();
  readonly #submissions = new Map<Trial, number>();
  readonly #told = new Set<string>();
  #largest: number | undefined;

  constructor(
    private readonly trials: readonly Trial[],
    private readonly sweep: SweepFolder,
    private readonly options: SlurmOptions,
    private readonly events: LaunchEvents,
  ) {}

  /** How many trials have not ended. */
  get open(): number {
    return this.trials.length - this.#ended.size;
  }

  /** Ends in the order of the trials. */
  get ends(): TrialEnd[] {
    return this.trials.map((trial) => this.#ended.get(trial)!);
  }

  /** Takes note of what was done before; what failed too often then is tried again. */
  begin(): void {
    for (const trial of this.trials) {
      if (stateOf(trial) === "finished") this.#end({ trial, kept: true });
      else if (!fs.existsSync(join(trial.folder, TRIAL_FILES.description))) {
        this.#end({ trial, failure: `its folder ${trial.folder} cannot be made` });
      } else if (failuresOf(trial.folder).length >= TRIES) forgetFailures(trial.folder);
    }
  }

  /** Takes note of results. */
  settle(): void {
    for (const trial of this.#openTrials()) {
      if (stateOf(trial) === "finished") this.#end({ trial, kept: false });
    }
  }

  /** Does what the queue calls for. */
  async act(queue: Queue | { readonly away: string }): Promise<void> {
    if ("away" in queue) {
      this.#tellOnce(
        "away",
        `Slurm is out of reach (${queue.away}): nothing is changed until it is back`,
      );
      return;
    }
    if (this.#told.delete("away")) this.events.onNote?.("Slurm is back");
    const submissions = readSubmissions(this.sweep, queue);
    const places = lastPlaces(submissions);
    const submitNow: Trial[] = [];
    const waiting = new Map<string, number>();
    for (const trial of this.#openTrials()) {
      const place = places.get(manifestName(this.sweep, trial.folder));
      const task = place && queue.get(taskName({ job: place.submission.job!, index: place.index }));
      if (task && !isOver(task)) {
        this.#missed.delete(taskName(task));
        if (isStuck(task)) await this.#release(task, trial);
        else if (task.state === "PENDING" && !USUAL.test(task.reason)) {
          waiting.set(task.reason, (waiting.get(task.reason) ?? 0) + 1);
        }
        continue;
      }
      if (place && !await this.#isLost(task, trial, place, queue)) continue;
      if (this.#isGivenUp(trial)) continue;
      submitNow.push(trial);
    }
    for (const [reason, count] of waiting) {
      this.#tellOnce(`waiting ${reason}`, `${count} trials wait: ${reason}`);
    }
    await this.#submit(submitNow);
  }

  #openTrials(): Trial[] {
    return this.trials.filter((trial) => !this.#ended.has(trial));
  }

  #end(end: TrialEnd): void {
    this.#ended.set(end.trial, end);
    this.events.onEnd?.(end, this.#ended.size, this.trials.length);
  }

  #tellOnce(key: string, line: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.events.onNote?.(line);
  }

  /** Whether a trial whose task is over, or unknown to Slurm, has to be submitted again. */
  async #isLost(
    task: Task | undefined,
    trial: Trial,
    place: Place,
    queue: Queue,
  ): Promise<boolean> {
    if (stopOf(trial.folder)) return true;
    const name = taskName({ job: place.submission.job!, index: place.index });
    const noted = failuresOf(trial.folder).some(({ key }) => key.startsWith(`${name}-`));
    const missed = (this.#missed.get(name) ?? 0) + 1;
    this.#missed.set(name, missed);
    if (!noted && missed < PATIENCE) return false;
    if (!task) {
      if (!noted) this.#tellOnce(`lost ${name}`, `${trial.name}: Slurm has forgotten job ${name}`);
      return true;
    }
    const meaning = await explainEnd(task, trial, place);
    switch (meaning.kind) {
      case "cancelled":
        // Where a failure is noted, it was cancelled here, as it could not be started.
        if (!noted) noteStop(trial.folder, { kind: "cancelled", why: meaning.why });
        break;
      case "unseen":
        await this.#giveUpUnseen(meaning.why, place, queue);
        noteFailure(trial.folder, `${name}-end`, { reason: meaning.why, log: [] });
        break;
      case "failed":
        this.#noteEnd(trial, name, meaning.why);
        break;
      case "again":
        if (!noted) this.#tellOnce(`again ${name}`, `${trial.name}: ${meaning.why}`);
    }
    return true;
  }

  /** Notes a failure; where the trial has noted it itself, only if Slurm knows more. */
  #noteEnd(trial: Trial, name: string, why: string): void {
    const own = failuresOf(trial.folder).findLast(({ key }) => key.startsWith(`${name}-`));
    if (own && !/ killed for memory/.test(why)) return;
    noteFailure(trial.folder, own?.key ?? `${name}-end`, {
      reason: why,
      log: own?.log ?? logTail(trial.folder),
    });
  }

  /** Ends everything where no node that was tried sees the sweep's folder. */
  async #giveUpUnseen(why: string, { submission }: Place, queue: Queue): Promise<void> {
    const seen = fs.readdirSync(submission.folder).some((file) => /^\d+\.log$/.test(file));
    if (seen) return;
    const jobs = new Set(Array.from(queue.values(), ({ job }) => job));
    await slurm("scancel", ...jobs);
    fs.rmSync(submission.folder, { recursive: true });
    throw new UserError(why[0]!.toUpperCase() + why.slice(1));
  }

  /** Ends a trial that is not to be run again. */
  #isGivenUp(trial: Trial): boolean {
    // It may have ended since its task was looked for.
    if (stateOf(trial) === "finished") {
      this.#end({ trial, kept: false });
      return true;
    }
    const stopped = stopOf(trial.folder);
    if (stopped) {
      this.#end({ trial, stopped });
      return true;
    }
    const failures = failuresOf(trial.folder);
    const last = failures.at(-1);
    if (last && failures.length >= TRIES) {
      this.#end({ trial, failure: last.reason, log: last.log });
      return true;
    }
    const times = this.#submissions.get(trial) ?? 0;
    if (times > this.options.maxRestarts) {
      const failure = `it was submitted ${times} times, and each job was lost`;
      this.#end({ trial, failure, log: logTail(trial.folder) });
      return true;
    }
    if (last) this.events.onRetry?.(trial, last.reason);
    return false;
  }

  /** Lets Slurm try to start a task once more; after that it counts as failed. */
  async #release(task: Task, trial: Trial): Promise<void> {
    const name = taskName(task);
    if (!this.#released.has(name)) {
      this.#released.add(name);
      this.events.onNote?.(`${trial.name}: Slurm could not start job ${name}, and tries once more`);
      await slurm("scontrol", "release", name);
      return;
    }
    const reason = `Slurm could not start job ${name} twice (${task.reason})`;
    const { ok } = await slurm("scancel", name);
    if (ok) noteFailure(trial.folder, `${name}-end`, { reason, log: [] });
  }

  async #submit(trials: readonly Trial[]): Promise<void> {
    if (trials.length === 0) return;
    let size = this.#largest ??= await largestArray();
    for (let begin = 0; begin < trials.length;) {
      const some = trials.slice(begin, begin + size);
      const result = await submit(this.sweep, some, this.options);
      if ("away" in result) return;
      if ("tooMany" in result) {
        if (some.length === 1) {
          const rest = trials.length - begin;
          this.#tellOnce(
            `limit ${rest}`,
            `${rest} trials are submitted when the queue has room for them`,
          );
          return;
        }
        size = Math.ceil(some.length / 2);
        continue;
      }
      for (const trial of some) {
        this.#submissions.set(trial, (this.#submissions.get(trial) ?? 0) + 1);
      }
      const where = join(this.sweep.path, SUBMISSIONS);
      this.events.onNote?.(`submitted ${some.length} trials as job ${result.job} (${where})`);
      begin += some.length;
    }
  }
}
