/** Launchers of plugins: an end of a known kind for every trial, in their order. */

import {
  type Launcher,
  type LauncherKind,
  type LaunchEvents,
  PluginFault,
  type QueuedTrial,
  type Trial,
  type TrialEnd,
} from "../../../contracts/mod.ts";
import { awaitPlugin, callPlugin, requireFunctions, shown, wrongAnswer } from "./call.ts";
import { membersOf, withoutUndefined } from "./members.ts";
import { isCount, isTexts } from "./values.ts";

/** A kind of launcher whose calls are checked. @param owner whose it is, for messages */
export function guardLauncherKind(kind: LauncherKind, owner: string): LauncherKind {
  const name = `${owner}: launcher "${kind.name}"`;
  return membersOf<LauncherKind>({
    name: kind.name,
    description: kind.description,
    options: kind.options,
    create: (options) =>
      guardLauncher(callPlugin(`${name}.create`, () => kind.create(options)), name),
    queued: kind.queued && (async (sweep) => {
      const queued = await awaitPlugin(`${name}.queued`, () => kind.queued!(sweep));
      if (queued === undefined || isQueue(queued)) return queued;
      throw wrongAnswer(
        `${name}.queued`,
        shown(queued),
        "undefined, or a Map from names of trials to { state, where }",
      );
    }),
    cancel: kind.cancel && (async (sweep) => {
      const jobs = await awaitPlugin(`${name}.cancel`, () => kind.cancel!(sweep));
      if (isCount(jobs)) return jobs;
      throw wrongAnswer(`${name}.cancel`, shown(jobs), "how many jobs it took back");
    }),
  });
}

function guardLauncher(launcher: Launcher, name: string): Launcher {
  requireFunctions(`${name}: what "create" returns`, launcher, ["run"]);
  const { dryRun } = launcher;
  if (dryRun !== undefined && typeof dryRun !== "boolean") {
    throw new PluginFault(`${name}: dryRun is ${shown(dryRun)}; give true or false`);
  }
  return membersOf<Launcher>({
    dryRun,
    async run(trials, sweep, events) {
      const ends = await awaitPlugin(
        `${name}.run`,
        () => launcher.run(trials, sweep, guardEvents(events, trials, name)),
        // A sweep takes as long as its trials do.
        Infinity,
        Infinity,
      );
      return dryRun ? ends : checkedEnds(ends, trials, `${name}.run`);
    },
  });
}

/** What is told meanwhile is checked as well: it is shown, and kept. */
function guardEvents(events: LaunchEvents, trials: readonly Trial[], name: string): LaunchEvents {
  const { onEnd, onRetry, onNote } = events;
  const find = (end: TrialEnd) => trials.find(({ folder }) => folder === end?.trial?.folder);
  return membersOf<LaunchEvents>({
    onEnd: onEnd && ((end, ended, total) => {
      const trial = find(end);
      if (trial === undefined) {
        throw new PluginFault(`${name} tells onEnd of ${shown(end)}, which is the end of no trial`);
      }
      onEnd(checkedEnd(end, trial, `${name} tells onEnd of`), ended, total);
    }),
    onRetry,
    onNote,
  });
}

function checkedEnds(
  ends: readonly TrialEnd[],
  trials: readonly Trial[],
  what: string,
): readonly TrialEnd[] {
  const list: readonly TrialEnd[] = Array.isArray(ends) ? ends : [];
  const isInOrder = list.length === trials.length &&
    trials.every(({ folder }, i) => list[i]?.trial?.folder === folder);
  if (isInOrder) return trials.map((trial, i) => checkedEnd(list[i]!, trial, `${what} returned`));
  throw new PluginFault(
    `${what} returned ${list.length} ends for ${trials.length} trials; it should be one for each, in ` +
      "the order of the trials",
  );
}

const ENDS = ["kept", "failure", "stopped"] as const;

/** The end of this trial. A launcher may have read it from a file, with a copy of the trial in it. */
function checkedEnd(end: TrialEnd, trial: Trial, what: string): TrialEnd {
  const given = withoutUndefined({ ...end, trial }) as Partial<
    Record<typeof ENDS[number], unknown>
  >;
  const [how, ...others] = ENDS.filter((each) => each in given);
  if (how !== undefined && others.length === 0 && IS_END[how](given)) return given as TrialEnd;
  const { trial: _, ...rest } = { ...end };
  throw new PluginFault(
    `${what} ${
      shown(rest)
    } as the end of ${trial.name}; it should have one of kept (true or false), ` +
      'failure (a text) and stopped ({ kind: "hopeless" or "cancelled", why })',
  );
}

const IS_END: Readonly<
  Record<typeof ENDS[number], (end: Readonly<Record<string, unknown>>) => boolean>
> = {
  kept: ({ kept }) => typeof kept === "boolean",
  failure: ({ failure, log }) => typeof failure === "string" && (log === undefined || isTexts(log)),
  stopped({ stopped }) {
    const { kind, why } = Object(stopped);
    return (kind === "hopeless" || kind === "cancelled") && typeof why === "string";
  },
};

function isQueue(queued: unknown): queued is ReadonlyMap<string, QueuedTrial> {
  return queued instanceof Map &&
    queued.entries().every(([name, place]) => isTexts([name, place?.state, place?.where]));
}
