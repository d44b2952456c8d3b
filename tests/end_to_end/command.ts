/** Starting exp10 as a user would, and looking at what it printed and left behind. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tinyLines, writeTinyModel } from "./tiny_model.ts";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const CAN_RUN = Deno.permissions.querySync({ name: "run" }).state === "granted";

/**
 * A test that starts processes: ignored, with the reason in its name, where it may not.
 *
 * @param lacks says what else is missing on this machine, if anything is
 */
export function testWithProcesses(
  name: string,
  fn: (test: Deno.TestContext) => Promise<void>,
  lacks: () => string | undefined = () => undefined,
): void {
  const reason = CAN_RUN ? lacks() : "--allow-run, as in deno task test";
  Deno.test({
    name: reason === undefined ? name : `${name} [skipped: needs ${reason}]`,
    ignore: reason !== undefined,
    fn,
  });
}

/** Whether a command can be run here, and ends well. */
export function works(command: string, ...args: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args: [...args], stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Processes that a process has started. */
export function childrenOf(pid: number): number[] {
  const { stdout } = new Deno.Command("pgrep", { args: ["-P", `${pid}`] }).outputSync();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map(Number);
}

/** How a process ended and what it printed. */
export interface Outcome {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder with a tiny model and a text, in which exp10 is run. */
export class Workplace implements Disposable {
  /** The current folder of the processes. */
  readonly folder = Deno.makeTempDirSync({ prefix: "dlr_end_to_end_" });

  /** @param env environment variables of the processes */
  constructor(readonly env: Record<string, string> = {}) {
    writeTinyModel(this.path("model"));
    Deno.writeTextFileSync(this.path("text.txt"), tinyLines().join("\n") + "\n");
  }

  /** The path of something in the folder. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Options for a run on the tiny model that is over in a moment. */
  tiny(): string[] {
    return [
      ...["--scale", "small", "--model", "model", "--data", "text.txt", "--steps", "6"],
      ...TINY_OPTIONS,
    ];
  }

  /** Starts exp10 in the folder, with the project's own permissions. */
  start(...args: string[]): Deno.ChildProcess {
    return this.startScript("exp10", ...args);
  }

  /** Starts a script of this name in the folder, with the project's own permissions. */
  startScript(name: string, ...args: string[]): Deno.ChildProcess {
    const script = join(ROOT, "scripts", `${name}.ts`);
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--config", join(ROOT, "deno.json"), "-P", script, ...args],
      cwd: this.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...this.env },
    }).spawn();
  }

  /** Runs exp10 to its end. */
  run(...args: string[]): Promise<Outcome> {
    return outcomeOf(this.start(...args));
  }

  /** Runs a script to its end. */
  runScript(name: string, ...args: string[]): Promise<Outcome> {
    return outcomeOf(this.startScript(name, ...args));
  }

  /** The folders of runs of an experiment under `results/runs`. */
  runs(experiment = "exp10"): string[] {
    const root = this.path("results", "runs", experiment);
    return existsSync(root)
      ? Array.from(Deno.readDirSync(root), ({ name }) => join(root, name)).sort()
      : [];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Small enough to be over in a moment; one thread, so that runs do not wait for each other. */
const TINY_SETTINGS = {
  "batchSize": 2,
  "sequenceLength": 16,
  "backend.threads": 1,
  "lora.rank": 2,
  "router.anchorLayers": 1,
  "optimizer.warmupSteps": 2,
  "evaluation.every": 3,
  "evaluation.batches": 2,
  "evaluation.finalBatches": 2,
  "evaluation.calibrationBatches": 2,
  "evaluation.staticMaskBatches": 1,
  "checkpoint.every": 1,
} as const;

/** {@link TINY_SETTINGS} as options. */
export const TINY_OPTIONS: readonly string[] = Object.entries(TINY_SETTINGS)
  .flatMap(([key, value]) => ["--set", `${key}=${value}`]);

/** Waits for a process and reads all that it printed. */
export async function outcomeOf(child: Deno.ChildProcess): Promise<Outcome> {
  const { code, signal, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** As {@link outcomeOf}, and meanwhile what the process has said on stderr. */
export function listenTo(child: Deno.ChildProcess): {
  readonly said: { readonly stderr: string };
  readonly ended: Promise<Outcome>;
} {
  const said = { stderr: "" };
  const heard = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said.stderr += text;
  })();
  const ended = (async () => {
    const [stdout, { code, signal }] = await Promise.all([
      new Response(child.stdout).text(),
      child.status,
      heard,
    ]);
    return { code, signal, stdout, stderr: said.stderr };
  })();
  return { said, ended };
}

/** Lines on stderr, without Deno's own warning about permission sets. */
export function complaints({ stderr }: Outcome): string[] {
  return stderr.split("\n").filter((line) =>
    line.trim() !== "" && !line.includes("Permissions in the config file is an experimental")
  );
}

/** Asserts that a process refused what it was asked in one line, and printed nothing else. */
export function assertRefused(outcome: Outcome, says: RegExp): void {
  const lines = complaints(outcome);
  const all = `${outcome.stdout}\n${outcome.stderr}`;
  assert.equal(outcome.code, 2, all);
  assert.equal(lines.length, 1, all);
  assert.match(lines[0]!, /^error: /);
  assert.match(lines[0]!, says);
  assert.equal(outcome.stdout, "");
}

/** Asserts that a process ended well, and shows what it printed if it did not. */
export function assertFinished(outcome: Outcome): void {
  const { code, signal, stdout, stderr } = outcome;
  assert.equal(code, 0, `code ${code} ${signal ?? ""}\n${stdout}\n${stderr}`);
}
