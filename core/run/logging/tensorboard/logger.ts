/**
 * Event files for TensorBoard in the run's folder: `events.out.tfevents.*`.
 *
 * A run that is continued begins a new file, as a TensorBoard that is open at the time reads on from
 * one file to the next and cannot follow a file that is rewritten. A file opens with the step that
 * the run goes on with, by which readers drop what earlier files have from there on.
 */

import fs from "node:fs";
import { join } from "node:path";
import { explainFailure } from "../../../io/failures.ts";
import { writeFully } from "../../../io/atomic.ts";
import { leaves } from "../../settings.ts";
import {
  type LoggedRun,
  type LoggedStep,
  type LoggerKind,
  type LogOutcome,
  type MetricLogger,
} from "../logger.ts";
import { numbersIn } from "../scalars.ts";
import { readEvent, scalarsEvent, startEvent, textEvent, versionEvent } from "./events.ts";
import { frameRecord, wholeRecords } from "./records.ts";

const PREFIX = "events.out.tfevents.";
/** Others write the machine's name here, which is nobody's business. */
const SUFFIX = ".dlr";

/** The logger. */
export const TENSORBOARD: LoggerKind = {
  prepare: () => Promise.resolve({ open: (run) => Promise.resolve(openEventFile(run)) }),
};

/**
 * Begins the next event file of a run.
 *
 * @throws {UserError} when the folder cannot be written, or an earlier file cannot be read.
 */
export function openEventFile({ folder, record, after, history }: LoggedRun): MetricLogger {
  const earlier = eventFiles(folder);
  const logged = Math.min(after, lastStep(earlier.map((name) => join(folder, name))));
  const file = new EventFile(join(folder, nextName(earlier)));
  const now = Date.now() / 1000;
  file.append(versionEvent(now));
  // A first file has one too: TensorBoard's server takes the first that it sees for no restart.
  // Before its first step a run has logged its configuration at most, which is written again.
  file.append(startEvent(now, logged === 0 ? 0 : logged + 1));
  if (logged === 0) file.append(textEvent(now, 0, "configuration", settingsTable(record.config)));
  if (after > logged) {
    for (const step of history()) if (step.step > logged) file.log(step);
  }
  return file;
}

/** An event file that grows by whole records. */
class EventFile implements MetricLogger {
  readonly #path: string;
  readonly #file: number;
  #lastStep = 0;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = fs.openSync(path, "ax");
    } catch (error) {
      throw explainFailure(error, "write", path);
    }
  }

  /** Adds an event, in one write. */
  append(event: Uint8Array): void {
    try {
      writeFully(this.#file, frameRecord(event));
    } catch (error) {
      throw explainFailure(error, "write", this.#path);
    }
  }

  log({ step, time, scalars }: LoggedStep): void {
    this.append(scalarsEvent(time / 1000, step, scalars));
    this.#lastStep = step;
  }

  flush(): void {
    try {
      fs.fdatasyncSync(this.#file);
    } catch (error) {
      throw explainFailure(error, "write", this.#path);
    }
  }

  end(outcome: LogOutcome, final: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    try {
      if (outcome === "finished") {
        const text = table(["number", "value"], numbersIn(final, "final"));
        this.append(textEvent(Date.now() / 1000, this.#lastStep, "final", text));
      }
      return Promise.resolve([]);
    } finally {
      fs.closeSync(this.#file);
    }
  }
}

/** Names of the event files in a folder, in the order in which they are read. */
function eventFiles(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => name.startsWith(PREFIX)).toSorted();
}

/** Files are read in the order of their names, so a new one is never before an earlier one. */
function nextName(earlier: readonly string[]): string {
  const times = earlier.map((name) => Number.parseInt(name.slice(PREFIX.length)) || 0);
  const time = Math.max(Math.floor(Date.now() / 1000), ...times.map((each) => each + 1));
  return `${PREFIX}${String(time).padStart(10, "0")}${SUFFIX}`;
}

/** The last step whose numbers are in a file; 0: none. */
function lastStep(paths: readonly string[]): number {
  let last = 0;
  for (const path of paths) {
    let bytes: Uint8Array;
    try {
      bytes = fs.readFileSync(path);
    } catch (error) {
      throw explainFailure(error, "read", path);
    }
    for (const record of wholeRecords(bytes)) {
      const { step = 0, sessionLog } = readEvent(record);
      last = sessionLog ? Math.max(0, Math.min(last, step - 1)) : Math.max(last, step);
    }
  }
  return last;
}

function settingsTable(config: object): string {
  const rows = leaves("", config).map(([key, value]) =>
    [key, typeof value === "string" ? value : JSON.stringify(value)] as const
  );
  return table(["setting", "value"], rows.toArray());
}

/** A table in Markdown. */
function table(titles: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const line = (cells: readonly unknown[]) =>
    `| ${cells.map((cell) => escaped(String(cell))).join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text that fits in a cell. */
function escaped(text: string): string {
  return text.replaceAll(/[|\\]/g, "\\$&").replaceAll(/\s*\n\s*/g, " ");
}
