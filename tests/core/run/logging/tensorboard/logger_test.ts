/** Event files: what is in them, and what a continued run adds. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import type { LoggedRun } from "../../../../../core/run/logging/mod.ts";
import { type LogEvent, readEvent } from "../../../../../core/run/logging/tensorboard/events.ts";
import { openEventFile } from "../../../../../core/run/logging/tensorboard/logger.ts";
import { wholeRecords } from "../../../../../core/run/logging/tensorboard/records.ts";
import { inFolder } from "../../../io/support.ts";
import { runIn, stepOf, steps } from "../support.ts";

/** The event files of a folder in the order of their names. */
function eventFiles(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => name.includes("tfevents")).toSorted();
}

function eventsIn(folder: string, name: string): LogEvent[] {
  return [...wholeRecords(fs.readFileSync(join(folder, name)))].map(readEvent);
}

/** Steps that have numbers, in a file. */
function stepsIn(folder: string, name: string): number[] {
  return eventsIn(folder, name)
    .filter(({ summary }) => summary?.value.some(({ tag }) => tag === "loss/train"))
    .map(({ step }) => step ?? 0);
}

/** The steps from which on a file makes void what was before it. */
function startsIn(folder: string, name: string): number[] {
  return eventsIn(folder, name).filter(({ sessionLog }) => sessionLog?.status === 1)
    .map(({ step = 0 }) => step);
}

/** The text of a tag in all files. */
function texts(folder: string, tag: string): string[] {
  return eventFiles(folder).flatMap((name) => eventsIn(folder, name))
    .flatMap(({ summary }) => summary?.value ?? [])
    .filter((value) => value.tag === tag)
    .map(({ tensor }) => new TextDecoder().decode(tensor!.stringVal![0]));
}

/** Logs steps and leaves the file as a killed process does: open, without an end. */
function logged(run: LoggedRun, first: number, last: number): void {
  const logger = openEventFile(run);
  for (const step of steps(first, last)) logger.log(step);
  // Only so that the test leaks no file: an event file has nothing at its end.
  logger.end("failed", {});
}

Deno.test("a new run has one file: version, configuration, a record for each step", () =>
  inFolder(async (folder) => {
    const logger = openEventFile(runIn(folder, 0, { data: "a|b.txt", lora: { rank: 4 } }));
    logger.log(stepOf(1));
    logger.log(stepOf(2, { "routing/skip_ratio": 0 }));
    assert.deepEqual(await logger.end("finished", { loss: 0.5, rows: { base: { loss: 1 } } }), []);

    const [name, ...others] = eventFiles(folder);
    assert.match(name!, /^events\.out\.tfevents\.\d{10}\.dlr$/);
    assert.deepEqual(others, []);
    const events = eventsIn(folder, name!);
    assert.equal(events[0]!.fileVersion, "brain.Event:2");
    assert.deepEqual(startsIn(folder, name!), [0]);
    assert.deepEqual(stepsIn(folder, name!), [1, 2]);
    const second = events.find(({ step }) => step === 2)!;
    assert.equal(second.wallTime, 1_764_000_000.002);
    assert.deepEqual(second.summary, {
      value: [
        { tag: "loss/train", simpleValue: 5 },
        { tag: "routing/skip_ratio", simpleValue: 0 },
      ],
    });
    assert.deepEqual(texts(folder, "configuration"), [
      "| setting | value |\n| --- | --- |\n| data | a\\|b.txt |\n| lora.rank | 4 |",
    ]);
    assert.deepEqual(texts(folder, "final"), [
      "| number | value |\n| --- | --- |\n| final/loss | 0.5 |\n| final/rows/base/loss | 1 |",
    ]);
  }));

Deno.test("a continued run begins a file that makes void what its last one has too much", () =>
  inFolder((folder) => {
    logged(runIn(folder), 1, 7);
    logged(runIn(folder, 4), 5, 9);
    const [first, second, ...others] = eventFiles(folder);
    assert.deepEqual(others, []);
    assert.deepEqual(stepsIn(folder, first!), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(startsIn(folder, second!), [5]);
    assert.deepEqual(stepsIn(folder, second!), [5, 6, 7, 8, 9]);
    assert.equal(texts(folder, "configuration").length, 1);

    // Killed again, further back than the second file reaches.
    logged(runIn(folder, 3), 4, 5);
    const third = eventFiles(folder).at(-1)!;
    assert.ok(third > second!);
    assert.deepEqual(startsIn(folder, third), [4]);
    // What the second file made void is not taken for logged, nor what the third has not.
    logged(runIn(folder, 8), 9, 9);
    const fourth = eventFiles(folder).at(-1)!;
    assert.deepEqual(startsIn(folder, fourth), [6]);
    assert.deepEqual(stepsIn(folder, fourth), [6, 7, 8, 9]);
  }));

Deno.test("steps that no file has are taken from the CSV", () =>
  inFolder((folder) => {
    logged(runIn(folder, 3), 4, 4);
    const [only] = eventFiles(folder);
    assert.deepEqual(startsIn(folder, only!), [0]);
    assert.deepEqual(stepsIn(folder, only!), [1, 2, 3, 4]);
    assert.equal(texts(folder, "configuration").length, 1);
  }));

Deno.test("a torn last record counts as not written, wherever it is torn", () =>
  inFolder((folder) => {
    logged(runIn(folder), 1, 3);
    const path = join(folder, eventFiles(folder)[0]!);
    const whole = fs.readFileSync(path);
    const last = [...wholeRecords(whole)].at(-1)!.length + 16;
    for (const missing of [1, 4, 5, last - 12, last - 4, last - 1]) {
      fs.writeFileSync(path, whole.subarray(0, whole.length - missing));
      logged(runIn(folder, 3), 4, 4);
      const next = eventFiles(folder).at(-1)!;
      assert.deepEqual(startsIn(folder, next), [3], `${missing} bytes missing`);
      assert.deepEqual(stepsIn(folder, next), [3, 4]);
      fs.rmSync(join(folder, next));
    }
  }));

Deno.test("a run that was killed before its first step says its configuration once", () =>
  inFolder((folder) => {
    logged(runIn(folder), 1, 0);
    logged(runIn(folder), 1, 2);
    const [first, second] = eventFiles(folder) as [string, string];
    assert.ok(eventsIn(folder, first).length === eventsIn(folder, second).length - 2);
    // From step 0 on: what the first file said of the configuration is void.
    assert.deepEqual(startsIn(folder, second), [0]);
    assert.deepEqual(stepsIn(folder, second), [1, 2]);
  }));
