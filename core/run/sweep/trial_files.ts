/**
 * What is written beside a trial's run, for whoever runs it and whoever wants to know:
 *
 *   trial.json     what is to be run, with a hash of it
 *   trial.log      what its attempts printed
 *   failures/      a file for each attempt that failed
 *   stop.json      why it is not to be run any further
 *
 * The result is the run's own `run.json` with the status `finished`. Each of them is written beside its
 * place and renamed, so that two writers do no harm to each other.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import { type Stop, type Trial } from "../../contracts/launcher.ts";
import { UserError } from "../../contracts/errors.ts";
import { renameInto } from "../../io/atomic.ts";
import { explainFailure } from "../../io/failures.ts";
import { TRIAL_FILES } from "../run_folder.ts";

/** Scripts below it are named from here: elsewhere the project may lie in another folder. */
const ROOT = join(import.meta.dirname!, "../../..");

/** A trial that failed so often is reported, and not tried again by itself. */
export const TRIES = 2;

/** An attempt that failed. */
export interface Failure {
  /** What happened, in a line. */
  readonly reason: string;
  /** The last lines that it printed. */
  readonly log: string[];
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** A trial as `trial.json` tells it. */
export interface DescribedTrial extends Trial {
  /** SHA-256 of the script and its options. */
  readonly hash: string;
  /** The folder that paths in its options count from. */
  readonly directory: string;
}

const description = z.object({
  hash: z.string(),
  name: z.string(),
  script: z.string(),
  args: z.array(z.string()),
  directory: z.string(),
});
const failure = z.object({ reason: z.string(), log: z.array(z.string()), at: z.string() });
const stop = z.object({ kind: z.enum(["hopeless", "cancelled"]), why: z.string() });

/** Reads JSON; undefined where there is no such file. @throws {UserError} when it is damaged. */
export function readChecked<T>(path: string, schema: z.ZodType<T>): T | undefined {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw explainFailure(error, "read", path);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new UserError(`${path} is damaged: remove it, and run the sweep's command again`);
  }
}

/** The hash of what a trial runs. */
export function hashOf(script: string, args: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify([script, ...args])).digest("hex");
}

/** Makes a trial's folder and describes it there, unless that is done. */
export function describeTrial({ name, script, args, folder }: Trial): void {
  const path = join(folder, TRIAL_FILES.description);
  const inside = relative(ROOT, resolve(script));
  const portable = inside.startsWith("..") ? resolve(script) : inside;
  const hash = hashOf(portable, args);
  if (readChecked(path, description)?.hash === hash) return;
  try {
    fs.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw explainFailure(error, "make the folder of a trial", folder);
  }
  const directory = Deno.cwd();
  renameInto(
    path,
    JSON.stringify({ hash, name, script: portable, args, directory }, null, 2) + "\n",
  );
}

/** The trial that a folder describes. @throws {UserError} when it describes none. */
export function describedTrial(folder: string): DescribedTrial {
  const path = join(folder, TRIAL_FILES.description);
  const read = readChecked(path, description);
  if (read === undefined) {
    throw new UserError(`${folder} is no trial: it has no ${TRIAL_FILES.description}`);
  }
  if (hashOf(read.script, read.args) !== read.hash) {
    throw new UserError(`${path} was changed: what it says is not what its hash is of`);
  }
  const script = isAbsolute(read.script) ? read.script : join(ROOT, read.script);
  return { ...read, script, folder: resolve(folder) };
}

/** Whether a trial's folder is there. */
export function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The failures of a trial, earliest first. */
export function failuresOf(folder: string): (Failure & { readonly key: string })[] {
  const path = join(folder, TRIAL_FILES.failures);
  if (!fs.existsSync(path)) return [];
  return fs.readdirSync(path).filter((name) => name.endsWith(".json"))
    .map((name) => ({ key: name.slice(0, -5), ...readChecked(join(path, name), failure)! }))
    .sort((a, b) => a.at < b.at ? -1 : 1);
}

/** Notes that an attempt failed; the same key again takes its place. */
export function noteFailure(folder: string, key: string, failure: Omit<Failure, "at">): void {
  const path = join(folder, TRIAL_FILES.failures);
  fs.mkdirSync(path, { recursive: true });
  const at = new Date().toISOString();
  renameInto(join(path, `${key}.json`), JSON.stringify({ ...failure, at }, null, 2) + "\n");
}

/** Forgets all failures of a trial. */
export function forgetFailures(folder: string): void {
  fs.rmSync(join(folder, TRIAL_FILES.failures), { recursive: true, force: true });
}

/** Why a trial is not to be run any further; undefined where it is. */
export function stopOf(folder: string): Stop | undefined {
  return readChecked(join(folder, TRIAL_FILES.stop), stop);
}

/** Notes that a trial is not to be run any further. */
export function noteStop(folder: string, stop: Stop): void {
  renameInto(join(folder, TRIAL_FILES.stop), JSON.stringify(stop, null, 2) + "\n");
}

/** Lets a trial run again. */
export function forgetStop(folder: string): void {
  fs.rmSync(join(folder, TRIAL_FILES.stop), { force: true });
}

/** The last lines of a trial's log. */
export function logTail(folder: string, lines = 20): string[] {
  const path = join(folder, TRIAL_FILES.log);
  if (!fs.existsSync(path)) return [];
  return fs.readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines);
}
