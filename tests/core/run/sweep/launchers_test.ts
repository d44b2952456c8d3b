/** Choosing a launcher on the command line. */

import assert from "node:assert/strict";
import { z } from "zod";
import { type LauncherKind } from "../../../../core/contracts/mod.ts";
import { readOptions } from "../../../../core/run/command.ts";
import { Registry } from "../../../../core/run/plugins/registry.ts";
import { sweepCommand } from "../../../../core/run/sweep/command.ts";
import { chosenLauncher } from "../../../../core/run/sweep/launchers.ts";
import { userError } from "../../io/support.ts";

/** Launchers that run nothing; what they were made with is noted. */
function launchers(made: unknown[]): Registry<LauncherKind> {
  const registry = new Registry<LauncherKind>("launcher");
  const kinds = {
    here: z.object({ jobs: z.int().min(0).default(0) }),
    there: z.object({
      queueName: z.string().optional().describe("which queue"),
      arrayLimit: z.int().min(1).optional(),
      setup: z.array(z.string()).default([]),
      dryRun: z.boolean().default(false),
    }),
  };
  for (const [name, options] of Object.entries(kinds)) {
    registry.register(name, {
      name,
      description: `runs ${name}`,
      options,
      create: (given) => {
        made.push([name, given]);
        return { run: () => Promise.resolve([]) };
      },
    }, "a test");
  }
  return registry;
}

function choose(...args: string[]): unknown {
  const made: unknown[] = [];
  const registry = launchers(made);
  const command = sweepCommand("deno task try", "Tries.", "out", registry);
  chosenLauncher(command, readOptions(command, args), registry);
  return made[0];
}

Deno.test("the first launcher is the usual one", () => {
  assert.deepEqual(choose(), ["here", { jobs: 0 }]);
  assert.deepEqual(choose("--jobs", "3"), ["here", { jobs: 3 }]);
});

Deno.test("options are read as their launcher wants them", () => {
  const typed = ["--queue-name", "5", "--array-limit", "8", "--setup", "a b", "--setup", "c"];
  assert.deepEqual(choose("--launcher", "there", ...typed, "--dry-run"), [
    "there",
    { queueName: "5", arrayLimit: 8, setup: ["a b", "c"], dryRun: true },
  ]);
  assert.deepEqual(choose("--launcher", "there"), ["there", { setup: [], dryRun: false }]);
});

Deno.test("options of another launcher, and values that fit none, are refused", async () => {
  await userError(
    () => choose("--dry-run"),
    "--dry-run is an option of --launcher there, not of here",
  );
  await userError(
    () => choose("--launcher", "there", "--jobs", "2"),
    "--jobs is an option of --launcher here, not of there",
  );
  await userError(
    () => choose("--launcher", "there", "--array-limit", "0"),
    "--array-limit 0: it takes a whole number, at least 1",
  );
  await userError(() => choose("--launcher", "nowhere"), "here, there");
});

Deno.test("--help lists the options under their launcher", () => {
  const help = sweepCommand("deno task try", "Tries.", "out", launchers([])).helpInformation();
  assert.match(help, /--launcher <name>[\s\S]*Options of --launcher there:[\s\S]*--queue-name/);
  assert.match(help, /which queue/);
});
