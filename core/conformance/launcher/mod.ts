/**
 * What every launcher promises, tried on experiments that only pretend to train: every trial ends, in
 * order, with a result or with what went wrong; what is done is not done again.
 */

import assert, { AssertionError } from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import {
  type Launcher,
  type LauncherKind,
  type SweepFolder,
  type Trial,
  type TrialEnd,
} from "../../contracts/mod.ts";
import { optionPromises, shapeOf } from "../options.ts";
import { type PluginPromise } from "../promise.ts";
import { isRefusal } from "../refusal.ts";
import { assertSame } from "../same.ts";
import { FakeExperiment, writeRecord } from "./fake_experiment.ts";

/** A launcher to be checked. */
export interface LauncherSubject {
  /** The launcher that is checked. */
  readonly kind: LauncherKind;
  /** Its options; its own defaults unless told. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Where sweeps are made for it; the system's folder for temporary files unless told. */
  readonly folder?: string | undefined;
  /** Seconds after which a launcher that has not ended is given up; 300 unless told. */
  readonly patience?: number | undefined;
  /** Writes what a trial is into its folder, as sweeps do before they launch it. */
  describe?(trial: Trial): void;
}

const PATIENCE = 300;

/** All promises of a launcher. Those that run trials are skipped where it cannot run any. */
export async function launcherPromises(subject: LauncherSubject): Promise<PluginPromise[]> {
  const { kind } = subject;
  const skip = await whyNot(subject);
  const [order, ...others] = [...endPromises(subject), ...stillPromises(subject)] as [
    PluginPromise,
    ...PluginPromise[],
  ];
  return [
    ...optionPromises(kind.options, "LauncherKind.options"),
    { ...order, skip },
    // A launcher that is waited for in vain is waited for once.
    ...others.map((promise) => ({ ...promise, skip, needs: order.name })),
    dryRunPromise(subject),
  ];
}

/** Promises about how trials end. */
function endPromises(subject: LauncherSubject): PluginPromise[] {
  return [
    {
      name: "ends come in the order of the trials, whichever ends first",
      lookAt:
        "Launcher.run gives an end for each trial, in their order, and tells each to onEnd once",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("slow", "wait=800", "x=1"), fake.trial("quick", "x=2")];
          const told: string[] = [];
          const ends = await launch(trials, (end, ended, total) => {
            told.push(`${ended}/${total}`);
            assert.ok(trials.includes(end.trial), "onEnd is told of a trial that is none of these");
          });
          assertEnds(ends, trials, ["done", "done"]);
          assertSame(told, ["1/2", "2/2"], `onEnd is told ${told.join(", ")}`);
          assertSame(trials.map(numberOf), [1, 2], "the trials ran with other options");
          return `${ends.length} ends`;
        }),
    },
    {
      name: "a trial that fails is an end with what went wrong, and the others are run",
      lookAt: "TrialEnd.failure: the line that the trial printed last as its error",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("bad", "do=fail"), fake.trial("good", "x=3")];
          const ends = await launch(trials);
          assertEnds(ends, trials, ["failed", "done"]);
          const [{ failure }] = ends as unknown as [{ failure: string }];
          assert.match(failure, /the disk is full/, `what it printed is not told: ${failure}`);
          return failure;
        }),
    },
    {
      name: "a trial that failed by chance is tried again",
      lookAt: "a failed trial is tried once more, from where it was, and onRetry is told",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("unlucky", "do=fail-once", "x=4")];
          assertEnds(await launch(trials), trials, ["done"]);
          assertSame(fake.started.length, 2, `it was started ${fake.started.length} times`);
          return "once more";
        }),
    },
    {
      name: "a trial that says it is well and has no result is a failure",
      lookAt: "a trial is done when its run.json says finished, whatever its exit code",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("empty", "do=stop")];
          assertEnds(await launch(trials), trials, ["failed"]);
          return "exit code 0 is not enough";
        }),
    },
  ];
}

/** Promises about trials that need not be run, or not from their beginning. */
function stillPromises(subject: LauncherSubject): PluginPromise[] {
  return [
    {
      name: "a finished trial is kept, and not run again",
      lookAt: "TrialEnd.kept: what has a run.json with the status finished is not started",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("a", "x=1"), fake.trial("b", "x=2")];
          await launch(trials.slice(0, 1));
          const ends = await launch(trials);
          assertEnds(ends, trials, ["kept", "done"]);
          assertEnds(await launch(trials), trials, ["kept", "kept"]);
          assertSame(fake.started, ["a", "b"], `started: ${fake.started.join(", ")}`);
          return `${fake.started.length} starts in three sweeps`;
        }),
    },
    {
      name: "a trial that was cut off goes on where it was",
      lookAt: "a trial whose run.json says running is started with --resume FOLDER",
      check: () =>
        inSweep(subject, async (launch, fake) => {
          const trials = [fake.trial("half", "x=1")];
          const [{ folder }] = trials as [Trial];
          writeRecord(trials[0]!, "running", `deno task exp77 --fresh --out ${folder} --set x=1`);
          assertEnds(await launch(trials), trials, ["done"]);
          const { args } = fake.log[0]!;
          assert.ok(args.includes("--resume"), `it is started with ${args.join(" ")}`);
          return "--resume";
        }),
    },
    {
      name: "nothing to run is done at once",
      lookAt: "Launcher.run of no trials",
      check: () =>
        inSweep(subject, async (launch) => {
          const ends = await launch([]);
          assertSame(ends.length, 0, `there are ${ends.length} ends of no trials`);
          return "no ends";
        }),
    },
  ];
}

function dryRunPromise(subject: LauncherSubject): PluginPromise {
  const has = "dryRun" in (shapeOf(subject.kind.options) ?? {});
  return {
    name: "a dry run writes nothing",
    lookAt: "Launcher.dryRun is true, and Launcher.run only prints",
    skip: has ? undefined : "it has no option dryRun",
    check: () =>
      inSweep(
        { ...subject, options: { ...subject.options, dryRun: true } },
        async (launch, fake) => {
          const before = filesIn(fake.folder);
          let lines = 0;
          const { log } = console;
          console.log = (...words: unknown[]) => lines += words.join(" ").split("\n").length;
          try {
            await launch([fake.trial("a", "x=1")]);
          } catch (error) {
            // Scripts end early after they have shown something.
            if ((error as Error).name !== "EarlyExit") throw error;
          } finally {
            console.log = log;
          }
          assertSame(filesIn(fake.folder), before, "files are written or removed");
          assertSame(fake.started, [], "a trial is started");
          return `${lines} lines are printed`;
        },
      ),
  };
}

type Launch = (
  trials: readonly Trial[],
  onEnd?: (end: TrialEnd, ended: number, total: number) => void,
) => Promise<readonly TrialEnd[]>;

/** Runs `body` with a sweep of fake trials in a folder that is removed afterwards. */
async function inSweep<T>(
  subject: LauncherSubject,
  body: (launch: Launch, fake: FakeExperiment) => Promise<T>,
): Promise<T> {
  const { kind, options = {}, folder: dir, patience = PATIENCE } = subject;
  const path = await Deno.makeTempDir({ prefix: "dlr_sweep_", ...(dir ? { dir } : {}) });
  try {
    const launcher: Launcher = kind.create(kind.options.parse(options));
    const sweep: SweepFolder = { path, id: `conformance-${Deno.pid}-${path.slice(-6)}` };
    const launch: Launch = (trials, onEnd) => {
      if (!launcher.dryRun) trials.forEach((trial) => subject.describe?.(trial));
      return within(patience, launcher.run(trials, sweep, onEnd ? { onEnd } : {}));
    };
    return await body(launch, new FakeExperiment(path));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** What a launcher gives. @throws {AssertionError} when it takes longer than so many seconds. */
async function within<T>(seconds: number, ends: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new AssertionError({ message: `it has not ended after ${seconds} seconds` }));
  }, 1000 * seconds);
  try {
    return await Promise.race([ends, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why no trial can be run here; undefined where some can, or where the launcher is broken. */
async function whyNot(subject: LauncherSubject): Promise<string | undefined> {
  try {
    await inSweep(subject, (launch) => launch([]));
    return undefined;
  } catch (error) {
    return isRefusal(error) ? error.message : undefined;
  }
}

function assertEnds(
  ends: readonly TrialEnd[],
  trials: readonly Trial[],
  expected: readonly ("done" | "kept" | "failed")[],
): void {
  const told = ends.map((end) =>
    "failure" in end
      ? `${end.trial.name} failed (${end.failure})`
      : "stopped" in end
      ? `${end.trial.name} stopped`
      : `${end.trial.name} ${end.kept ? "kept" : "done"}`
  );
  const wanted = trials.map(({ name }, i) => `${name} ${expected[i]}`);
  const fits = told.length === wanted.length &&
    wanted.every((want, i) => told[i]!.startsWith(want));
  assert.ok(fits, `ends are ${told.join(", ") || "none"}, not ${wanted.join(", ")}`);
}

/** The number x of a trial's result. */
function numberOf({ folder }: Trial): unknown {
  const record = JSON.parse(fs.readFileSync(join(folder, "run.json"), "utf8"));
  return record.status === "finished" ? record.final.x : undefined;
}

function filesIn(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true }).map(String).sort();
}
