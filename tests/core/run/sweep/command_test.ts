/** The command line of sweeps and comparisons. */

import assert from "node:assert/strict";
import { UserError } from "../../../../core/contracts/mod.ts";
import { readOptions } from "../../../../core/run/command.ts";
import {
  commonArgs,
  numbers,
  sweepCommand,
  type SweepOptions,
  wholeNumbers,
} from "../../../../core/run/sweep/command.ts";

const read = (...args: string[]): SweepOptions =>
  readOptions(sweepCommand("deno task pareto", "Tries many.", "results/sweeps/pareto"), args);

function refusal(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof UserError, `not a UserError: ${error}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail("it was accepted");
}

Deno.test("an empty command line asks for nothing of a trial", () => {
  const options = read();
  assert.deepEqual(options, { set: [], jobs: 0, out: "results/sweeps/pareto" });
  assert.deepEqual(commonArgs(options), []);
});

Deno.test("what is asked of all trials is handed on, in a fixed order; the rest is not", () => {
  const typed =
    "--set a=1 --seeds 3,1 --steps 5 --jobs 2 --recipe reference --out o --set b=x=2,3 " +
    "--scale small --data d --fresh --model m --quiet --log mlflow --tracking-uri http://x";
  const options = read(...typed.split(" "));
  assert.deepEqual(options.seeds, [3, 1]);
  assert.deepEqual([options.jobs, options.out, options.fresh, options.quiet], [2, "o", true, true]);
  assert.equal(
    commonArgs(options).join(" "),
    "--model m --data d --scale small --recipe reference --steps 5 --set a=1 --set b=x=2,3 " +
      "--log mlflow --tracking-uri http://x",
  );
});

Deno.test("settings of one command line do not reach the next", () => {
  const command = sweepCommand("deno task pareto", "Tries many.", "out");
  assert.deepEqual(readOptions(command, ["--set", "a=1"]).set, ["a=1"]);
  assert.deepEqual(read("--set", "b=1").set, ["b=1"]);
  assert.deepEqual(read().set, []);
});

Deno.test("lists of numbers are read with or without spaces, and refused if anything else is in them", () => {
  assert.deepEqual(numbers("0.1, .5,-2e-1"), [0.1, 0.5, -0.2]);
  assert.deepEqual(wholeNumbers("0,12, 3"), [0, 12, 3]);
  for (const text of ["", " ", "1,", ",1", "1,,2", "one", "1;2", "NaN", "1,Infinity", "0.1 0.2"]) {
    assert.match(refusal(() => numbers(text)), /takes numbers with commas between/, text);
    assert.match(refusal(() => wholeNumbers(text)), /takes numbers with commas between/, text);
  }
  for (const text of ["1.5", "-1", "0,1,0.5"]) {
    assert.match(refusal(() => wholeNumbers(text)), /takes whole numbers from 0 up/, text);
  }
});

/** Mistakes, and what their one line says. */
const MISTAKES: readonly [args: string[], says: RegExp][] = [
  [["--seed", "1"], /unknown option '--seed' \(Did you mean --seeds\?\)/],
  [["--seeds", "0.5"], /0\.5: it takes whole numbers/],
  [["--seeds", ""], /takes numbers with commas/],
  [["--steps", "0"], /--steps.*whole number from 1 up/],
  [["--jobs", "-1"], /--jobs.*whole number from 0 up/],
  [["--jobs", "two"], /whole number from 0 up/],
  [["--scale", "huge"], /--scale.*'huge'.*small, reference/],
  [["--recipe", "mine"], /--recipe.*'mine'.*dlr, reference/],
  [["--out"], /--out <DIR>.* argument missing/],
  [["--log", "mlflw"], /"mlflw".*did you mean "mlflow"\? There are: tensorboard, mlflow, none/],
  [["all"], /too many arguments/],
];

for (const [args, says] of MISTAKES) {
  Deno.test(`"${args.join(" ")}" is refused in one line`, () => {
    assert.match(refusal(() => read(...args)), says);
  });
}
