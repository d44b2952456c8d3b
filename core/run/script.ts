/** The outermost function of every script: turns what went wrong into a line and an exit code. */

import { Interrupted, UserError } from "../contracts/errors.ts";
import { commandsHere } from "./commands_here.ts";

/** Ends a script early without anything being wrong, as after `--help`. */
export class EarlyExit extends Error {
  override readonly name = "EarlyExit";
  /** Exit code of the process. */
  readonly code: number;

  /** @param code exit code of the process */
  constructor(code = 0) {
    super(`exit with code ${code}`);
    this.code = code;
  }
}

/** What a script does with the world, replaceable in tests. */
export interface ScriptWorld {
  /** Prints a line to stderr. */
  readonly complain: (line: string) => void;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

const REAL_WORLD: ScriptWorld = {
  complain: (line) => console.error(line),
  exit: (code) => Deno.exit(code),
};

/**
 * Runs a script's `main` and maps its outcome to an exit code: 0 when it returns; 2 and one line
 * for a {@link UserError} or a permission that was not given; 130 for {@link Interrupted}; 1 with a
 * stack for anything else, which is a bug.
 */
export async function runScript(
  main: () => void | Promise<void>,
  world: ScriptWorld = REAL_WORLD,
): Promise<void> {
  try {
    await main();
  } catch (thrown) {
    // What went wrong comes before what went wrong in clearing up after it.
    let error = thrown;
    while (error instanceof SuppressedError) error = error.suppressed;
    if (error instanceof EarlyExit) {
      world.exit(error.code);
    } else if (error instanceof UserError) {
      world.complain(`error: ${commandsHere(oneLine(error.message))}`);
      world.exit(2);
    } else if (error instanceof Interrupted) {
      world.complain(commandsHere(error.message));
      world.exit(130);
    } else if (error instanceof Deno.errors.NotCapable) {
      world.complain(`error: ${oneLine(error.message)}; deno run -P gives all permissions needed`);
      world.exit(2);
    } else {
      world.complain(error instanceof Error ? error.stack ?? error.message : String(error));
      world.complain("This is a bug: please report it with the lines above and the command.");
      world.exit(1);
    }
  }
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}
