/** Guards of launchers: an end of a known kind for every trial, in their order. */

import assert from "node:assert/strict";
import { z } from "zod";
import {
  type Launcher,
  type LauncherKind,
  type QueuedTrial,
  type Trial,
  type TrialEnd,
} from "../../../../../core/contracts/mod.ts";
import { userError } from "../../../io/support.ts";
import { guarded, wrongly } from "./support.ts";

const TRIALS: Trial[] = ["a", "b"].map((name) => ({ name, script: "", args: [], folder: name }));
const SWEEP = { path: ".", id: "x" };

/** A kind of launcher with some members replaced, guarded. */
function kind(
  wrong: Partial<Record<keyof LauncherKind, unknown>>,
  launcher: Partial<Record<keyof Launcher, unknown>> = {},
): LauncherKind {
  const right: LauncherKind = {
    name: "mine",
    description: "in turn",
    options: z.object({}),
    create: () => ({ run: () => Promise.resolve([]), ...launcher }) as Launcher,
  };
  return guarded({ launchers: [{ ...right, ...wrong } as LauncherKind] }).launchers![0]!;
}

/** What a launcher's ends are taken as. */
async function ends(run: unknown, more: Partial<Launcher> = {}, events = {}) {
  return await kind({}, { run, ...more }).create({}).run(TRIALS, SWEEP, events);
}

/** The end of the second trial is this. */
const second = (end: object) => () => [
  { trial: TRIALS[0], kept: false },
  { trial: TRIALS[1], ...end },
];

Deno.test("a guarded launcher has every member of the launcher, and so has its kind", async () => {
  const all: Required<Launcher> = { dryRun: true, run: () => Promise.resolve([]) };
  const queue = new Map([["a", { state: "waiting", where: "job 7" }]]);
  const whole: Required<LauncherKind> = {
    name: "mine",
    description: "in turn",
    options: z.object({}),
    create: () => all,
    queued: () => Promise.resolve(queue),
    cancel: () => Promise.resolve(2),
  };
  const safe = kind(whole);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(whole).toSorted());
  const launcher = safe.create({});
  assert.deepEqual(Object.keys(launcher).toSorted(), Object.keys(all).toSorted());
  assert.equal(launcher.dryRun, true);
  // Nothing ends in a dry run.
  assert.deepEqual(await launcher.run(TRIALS, SWEEP, {}), []);
  assert.deepEqual([await safe.queued!(SWEEP), await safe.cancel!(SWEEP)], [queue, 2]);
});

Deno.test("a launcher returns an end for every trial, in their order", async () => {
  const end = (trial: Trial) => ({ trial, kept: false });
  assert.deepEqual(await ends(() => TRIALS.map(end)), TRIALS.map(end));
  for (const wrong of [[end(TRIALS[0]!)], TRIALS.toReversed().map(end), undefined, [null, null]]) {
    await userError(
      () => ends(() => wrong),
      /launcher "mine"\.run returned \d ends for 2 trials; it should be one for each/,
    );
  }
  await userError(
    () => ends(() => Promise.reject(new Error("the cluster is down"))),
    /launcher "mine"\.run threw Error: the cluster is down, at/,
  );
});

Deno.test("an end says that the trial is done, failed or was stopped, and one of these", async () => {
  const right: readonly object[] = [
    { kept: true },
    { failure: "the disk is full", log: ["error: the disk is full"] },
    { stopped: { kind: "hopeless", why: "far behind" } },
  ];
  for (const end of right) {
    // A copy of the trial is as good; it is the trial that goes on.
    const copied = { trial: { folder: "b" }, failure: undefined, ...end };
    const [, taken] = await ends(() => [{ trial: TRIALS[0], kept: false }, copied]);
    assert.deepEqual(taken, { trial: TRIALS[1], ...end });
    assert.equal(taken!.trial, TRIALS[1]);
  }
  const wrong: readonly object[] = [
    {},
    { kept: "yes" },
    { failure: 7 },
    { failure: "x", log: "line" },
    { stopped: { kind: "tired", why: "" } },
    { stopped: null },
    { kept: false, failure: "x" },
  ];
  for (const end of wrong) {
    await userError(
      () => ends(second(end)),
      /launcher "mine"\.run returned { ?.*} as the end of b; it should have one of kept \(true or/,
    );
  }
});

Deno.test("what is told of an end meanwhile is checked as well", async () => {
  const told: [TrialEnd, number, number][] = [];
  const tell = async (end: unknown) => {
    const run: Launcher["run"] = (_trials, _sweep, events) => {
      events.onEnd!(wrongly(end), 1, 2);
      return Promise.resolve(TRIALS.map((trial) => ({ trial, kept: false })));
    };
    await ends(run, {}, { onEnd: (...given: [TrialEnd, number, number]) => told.push(given) });
  };
  await tell({ trial: { folder: "a" }, failure: "f" });
  assert.deepEqual(told, [[{ trial: TRIALS[0], failure: "f" }, 1, 2]]);
  await userError(
    () => tell({ nonsense: 1 }),
    /launcher "mine" tells onEnd of { nonsense: 1 }, which is the end of no trial/,
  );
  await userError(() => tell({ trial: TRIALS[1] }), /tells onEnd of {} as the end of b/);
  assert.equal(told.length, 1);
});

Deno.test("a sweep may take long without a word about it", async () => {
  const timers: unknown[] = [];
  const { setTimeout: real } = globalThis;
  // The first delay of a wait says when its first line is due.
  globalThis.setTimeout = ((call: () => void, delay: number) => {
    timers.push(delay);
    return real(call, delay);
  }) as typeof setTimeout;
  try {
    await ends(second({ kept: false }));
    await kind({ queued: () => undefined }).queued!(SWEEP);
  } finally {
    globalThis.setTimeout = real;
  }
  const [run, queued] = timers as [number, number];
  assert.equal(run, 2 ** 31 - 1);
  assert.ok(queued > 29_000 && queued <= 30_000, `${queued} ms`);
});

Deno.test("a queue is a map of trials, and cancelling says how many jobs there were", async () => {
  const queued = (found: unknown) => kind({ queued: () => found }).queued!(SWEEP);
  assert.equal(await queued(undefined), undefined);
  const half = new Map([["a", { state: "waiting" } as QueuedTrial]]);
  for (const wrong of [{ a: 1 }, null, half]) {
    await userError(
      () => queued(wrong),
      /launcher "mine"\.queued returned .*; it should be undefined, or a Map from names of trials/,
    );
  }
  await userError(() => queued(Promise.reject(new Error("no"))), /\.queued threw Error: no/);
  for (const wrong of ["x", -1, undefined]) {
    await userError(
      () => kind({ cancel: () => wrong }).cancel!(SWEEP),
      /launcher "mine"\.cancel returned .*; it should be how many jobs it took back/,
    );
  }
});

Deno.test("what is created can run, and says whether it only pretends to", async () => {
  await userError(() => kind({}, { run: 3 }).create({}), /returns has no function "run"/);
  await userError(
    () => kind({}, { dryRun: "no" }).create({}),
    /dryRun is "no"; give true or false/,
  );
});
