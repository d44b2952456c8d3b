/** What all command lines share. */

import assert from "node:assert/strict";
import { UserError } from "../../../core/contracts/mod.ts";
import { countFrom, newCommand, readOptions } from "../../../core/run/command.ts";

const make = () =>
  newCommand("deno task thing", "Does a thing.")
    .option("--steps <n>", "steps", countFrom(1), 7);

const refusal = (...args: string[]) => {
  try {
    readOptions(make(), args);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  throw new assert.AssertionError({ message: `${args.join(" ")} was accepted` });
};

Deno.test("readOptions() gives what was typed, and defaults for the rest", () => {
  assert.deepEqual(readOptions(make(), []), { steps: 7 });
  assert.deepEqual(readOptions(make(), ["--steps", "3"]), { steps: 3 });
});

Deno.test("readOptions() refuses unknown options, stray words and values out of range in one line", () => {
  assert.match(refusal("--stepz", "3"), /unknown option '--stepz'.*--steps/);
  assert.match(refusal("more"), /too many arguments/);
  for (const value of ["0", "1.5", "x", ""]) {
    assert.match(refusal("--steps", value), /whole number from 1 up/, value);
  }
});
