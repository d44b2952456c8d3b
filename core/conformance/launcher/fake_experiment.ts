/** Trials that are over in a moment: scripts that take an experiment's options and write a record. */

import { basename, dirname, join } from "node:path";
import { type Trial } from "../../contracts/mod.ts";

/**
 * What is told by `--set`: `do` says how it ends, `wait` for how many milliseconds it runs, `memory` how
 * many megabytes it claims to take; any other setting ends up in its final numbers. Every start and end
 * is noted in a log beside the script.
 */
const SCRIPT = `
import { basename, dirname, join } from "node:path";
const at = (option) => Deno.args[Deno.args.indexOf(option) + 1];
const resumed = Deno.args.includes("--resume");
const folder = at(resumed ? "--resume" : "--out");
const sets = Object.fromEntries(
  Deno.args.flatMap((word, i) => word === "--set" ? [Deno.args[i + 1].split(/=(.*)/s)] : [])
);
const note = (event) => Deno.writeTextFileSync(
  join(import.meta.dirname, "log.jsonl"),
  JSON.stringify({ event, trial: basename(folder), args: Deno.args }) + "\\n",
  { append: true },
);
note("start");
Deno.mkdirSync(folder, { recursive: true });
const name = basename(import.meta.filename, ".ts");
const record = {
  name,
  status: "running",
  config: {},
  seed: Number(sets.seed ?? 0),
  startedAt: new Date().toISOString(),
  commandLine: ["deno task", name, ...Deno.args].join(" "),
  final: {},
};
const write = (more) => {
  Deno.writeTextFileSync(join(folder, "run.json.tmp"), JSON.stringify({ ...record, ...more }));
  Deno.renameSync(join(folder, "run.json.tmp"), join(folder, "run.json"));
};
write({});
if (sets.memory) {
  Deno.writeTextFileSync(join(folder, "metrics.csv"), "step,peak_memory_mb\\n1," + sets.memory + "\\n");
}
if (sets.wait) await new Promise((resolve) => setTimeout(resolve, Number(sets.wait)));
const fail = (code, ...lines) => {
  for (const line of lines) console.error(line);
  note("end");
  Deno.exit(code);
};
if (sets.do === "fail") {
  fail(2, "step 1: loss 3", "error: of old", "", "error: the disk is full", "  ", "what next");
}
if (sets.do === "fail-once" && !resumed) fail(2, "error: too early");
if (sets.do === "fail-silently") fail(3);
if (sets.do === "crash") throw new RangeError("internal: odd");
if (sets.do === "bug") fail(1, "RangeError: internal: odd", "    at here", "This is a bug: report it.");
if (sets.do === "lose") Deno.removeSync(join(folder, "run.json"));
else if (sets.do !== "stop") {
  const numbers = Object.entries(sets).map(([key, text]) => [key, Number(text)]);
  write({ status: "finished", final: FINAL });
}
note("end");
if (sets.do === "finish-and-fail") Deno.exit(1);
`;

/** What a script noted of itself. */
export interface Note {
  readonly event: "start" | "end";
  /** Name of its folder. */
  readonly trial: string;
  readonly args: readonly string[];
}

/** A folder with an experiment that only pretends to train. */
export class FakeExperiment {
  /** Path of the script. */
  readonly script: string;

  /** @param final a JavaScript expression for the final numbers; `sets` are the settings as text */
  constructor(readonly folder: string, final = "Object.fromEntries(numbers)", name = "exp77") {
    this.script = join(folder, `${name}.ts`);
    Deno.writeTextFileSync(this.script, SCRIPT.replace("FINAL", final));
  }

  /** A trial with settings; its folder has its name. */
  trial(name: string, ...sets: readonly string[]): Trial {
    return {
      name,
      script: this.script,
      folder: join(this.folder, "trials", name),
      args: sets.flatMap((set) => ["--set", set]),
    };
  }

  /** Everything that was noted so far, in order. */
  get log(): Note[] {
    try {
      const text = Deno.readTextFileSync(join(dirname(this.script), "log.jsonl"));
      return text.trimEnd().split("\n").map((line) => JSON.parse(line));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Names of the trials that were started, in order. */
  get started(): string[] {
    return this.log.filter(({ event }) => event === "start").map(({ trial }) => trial);
  }

  /** How many trials ran at once at most. */
  get mostAtOnce(): number {
    let [running, most] = [0, 0];
    for (const { event } of this.log) {
      running += event === "start" ? 1 : -1;
      most = Math.max(most, running);
    }
    return most;
  }
}

/** Writes the record of a run with this command line into a trial's folder. */
export function writeRecord(
  { folder, script }: Trial,
  status: string,
  commandLine: string,
  final: Readonly<Record<string, unknown>> = {},
): void {
  Deno.mkdirSync(folder, { recursive: true });
  const record = {
    name: basename(script, ".ts"),
    status,
    config: {},
    seed: 0,
    startedAt: new Date(0).toISOString(),
    commandLine,
    final,
  };
  Deno.writeTextFileSync(join(folder, "run.json"), JSON.stringify(record));
}
