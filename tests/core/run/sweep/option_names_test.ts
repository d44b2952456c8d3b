/** Names of options that no launcher can have. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isSweepOption } from "../../../../core/run/sweep/option_names.ts";
import { parseHelp } from "../../../docs/command_help.ts";
import { assertFinished, outcomeOf, ROOT, testWithProcesses } from "../../../end_to_end/command.ts";

testWithProcesses(
  "every option of a script that takes --launcher is kept from launchers",
  async () => {
    for (const script of ["pareto", "budgets", "compare"]) {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-P", join(ROOT, "scripts", `${script}.ts`), "--help"],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        env: { NO_COLOR: "1" },
      });
      const outcome = await outcomeOf(command.spawn());
      assertFinished(outcome);
      const [own] = outcome.stdout.split("Options of --launcher");
      const keys = Array.from(
        parseHelp(own!).options.keys(),
        (name) => name.slice(2).replaceAll(/-[a-z]/g, ([, letter]) => letter!.toUpperCase()),
      );
      assert.ok(keys.includes("launcher") && keys.includes("trackingUri"), keys.join());
      // What `local` takes, which is every sweep's as well.
      const free = keys.filter((key) => !isSweepOption(key));
      assert.deepEqual(free, ["jobs"], script);
    }
    assert.ok(!isSweepOption("partition") && !isSweepOption("constructor"));
  },
);
