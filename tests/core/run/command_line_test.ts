/** What the shared command line reads, and what it says of mistakes. */

import assert from "node:assert/strict";
import { UserError } from "../../../core/contracts/errors.ts";
import { readCommandLine } from "../../../core/run/command_line.ts";
import { EarlyExit } from "../../../core/run/script.ts";

const HELP = {
  command: "deno task exp10",
  description: "Trains a token-level router.",
  names: () => "  models: nano",
  settings: () => [
    {
      key: "lora.rank",
      description: "rank of the adapters",
      allowed: "a whole number, at least 1",
      type: "number" as const,
      open: false,
      default: 16,
    },
    {
      key: "lora.targets",
      description: "projections",
      allowed: "a list",
      type: "list" as const,
      open: false,
      default: ["q_proj", "k_proj", "v_proj"],
    },
  ],
};

/** What `work` prints to stdout. */
function printed(work: () => void): string {
  const lines: string[] = [];
  const original = console.log;
  console.log = (...words: unknown[]) => lines.push(words.join(" "));
  try {
    work();
  } finally {
    console.log = original;
  }
  return lines.join("\n");
}

function refusal(...args: string[]): string {
  try {
    readCommandLine(args, HELP);
  } catch (error) {
    assert.ok(error instanceof UserError, `not a UserError: ${error}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail(`${args.join(" ")} was accepted`);
}

Deno.test("an empty command line asks for nothing", () => {
  assert.deepEqual(readCommandLine([], HELP), {
    fresh: false,
    quiet: false,
    overrides: {},
    sets: [],
    logging: {},
  });
});

Deno.test("options are read, named settings become dotted keys, --set may be repeated", () => {
  const typed = "--fresh --model m --data d --backend b --seed 1 --steps 2 --set a=1 --set b=2,3 " +
    "--config c.json --out o --quiet --log tensorboard,mlflow --tracking-uri http://x";
  assert.deepEqual(readCommandLine(typed.split(" "), HELP), {
    fresh: true,
    out: "o",
    config: "c.json",
    overrides: { model: "m", data: "d", "backend.name": "b", seed: "1", steps: "2" },
    sets: ["a=1", "b=2,3"],
    logging: { log: ["tensorboard", "mlflow"], trackingUri: "http://x" },
    quiet: true,
  });
  assert.equal(readCommandLine(["--resume", "auto"], HELP).resume, "auto");
  assert.deepEqual(readCommandLine(["--set", "a=1"], HELP).sets, ["a=1"], "state was kept");
});

Deno.test("mistakes on the command line are refused in one line", () => {
  assert.match(refusal("--stps", "5"), /unknown option '--stps' \(Did you mean --steps\?\)/);
  assert.match(refusal("--steps"), /--steps <n>.* argument missing/);
  assert.match(refusal("--resume"), /argument missing/);
  assert.match(refusal("exp11"), /too many arguments/);
  assert.match(refusal("--fresh", "--resume", "auto"), /one of them/);
});

Deno.test("--help shows the description, the options and the settings with their defaults", () => {
  const text = printed(() => assert.throws(() => readCommandLine(["--help"], HELP), EarlyExit));
  assert.match(text, /Usage: deno task exp10 \[options\]/);
  assert.match(text, /Trains a token-level router/);
  assert.match(text, /--resume <DIR\|auto>/);
  assert.match(text, /lora\.rank=16\n +rank of the adapters; a whole number, at least 1\n/);
  assert.match(text, /lora\.targets=q_proj,k_proj,v_proj\n/);
});

Deno.test("--recipe takes the two that there are, and none is taken unless it is said", () => {
  assert.equal(readCommandLine(["--recipe", "reference"], HELP).recipe, "reference");
  assert.equal(readCommandLine(["--recipe", "dlr"], HELP).recipe, "dlr");
  assert.ok(!("recipe" in readCommandLine(["--fresh"], HELP)));
  assert.match(refusal("--recipe", "original"), /--recipe.*'original'.*dlr, reference/);
});

Deno.test("--scale, --base-precision and --checkpointing say how a real model is trained", () => {
  const typed = "--scale reference --base-precision nf4 --checkpointing";
  const command = readCommandLine(typed.split(" "), HELP);
  assert.equal(command.scale, "reference");
  assert.deepEqual(command.overrides, { basePrecision: "nf4", checkpointing: "true" });
  assert.match(refusal("--scale", "huge"), /--scale.*'huge'.*small, reference/);
});
