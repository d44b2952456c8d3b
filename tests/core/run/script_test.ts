/** Exit codes and last words of scripts. */

import assert from "node:assert/strict";
import { Interrupted, UserError } from "../../../core/contracts/errors.ts";
import { EarlyExit, runScript } from "../../../core/run/script.ts";

async function outcome(main: () => void): Promise<{ code: number | undefined; lines: string[] }> {
  const lines: string[] = [];
  let code: number | undefined;
  await runScript(main, {
    complain: (line) => lines.push(line),
    exit: (given) => {
      code = given;
    },
  });
  return { code, lines };
}

function failing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

Deno.test("a script that returns does not end the process itself", async () => {
  assert.deepEqual(await outcome(() => {}), { code: undefined, lines: [] });
});

Deno.test("a user's mistake is one line and code 2", async () => {
  const { code, lines } = await outcome(failing(new UserError("Cannot read x:\n  no such file")));
  assert.equal(code, 2);
  assert.deepEqual(lines, ["error: Cannot read x: no such file"]);
});

Deno.test("a missing permission is one line and code 2", async () => {
  const { code, lines } = await outcome(failing(new Deno.errors.NotCapable("Requires net access")));
  assert.equal(code, 2);
  assert.equal(lines.length, 1);
});

Deno.test("an interrupted run says how to continue and gives code 130", async () => {
  const { code, lines } = await outcome(failing(new Interrupted("Saved. Continue with --resume.")));
  assert.deepEqual([code, lines], [130, ["Saved. Continue with --resume."]]);
});

Deno.test("--help ends a script with code 0 and without a word", async () => {
  assert.deepEqual(await outcome(failing(new EarlyExit())), { code: 0, lines: [] });
});

Deno.test("anything else is called a bug, with its stack and code 1", async () => {
  const { code, lines } = await outcome(failing(new RangeError("internal: odd")));
  assert.equal(code, 1);
  assert.match(lines[0]!, /RangeError: internal: odd\n +at /);
  assert.match(lines[1]!, /bug/);
});
