/**
 * Commands that the docs name exist and take the options that they are given. Pages that are followed
 * word by word are those of `followed_test.ts`; of the others, which train for minutes or need a hub
 * or a cluster, every command is held to its script's `--help`.
 */

import assert from "node:assert/strict";
import { type Block, blocksIn, pages, textOf } from "./pages.ts";
import { mistakeIn, parseHelp, scriptCommand } from "./command_help.ts";
import { FOLLOWED } from "./followed.ts";
import { commandsIn, wordsIn } from "./shell.ts";
import { FOREIGN, NOT_FOLLOWED } from "./untested.ts";
import { testWithProcesses } from "../end_to_end/command.ts";

const blocks: readonly Block[] = pages().flatMap((page) => blocksIn(page, textOf(page)));
const isFollowed = ({ page }: Block) => FOLLOWED.some((followed) => followed.page === page);

/** What is done with blocks of a language on pages that are not followed. */
const TREATED: Readonly<Record<string, string>> = {
  sh: "each command is held to the help of its script",
  ts: "type-checked, in snippets_test.ts",
  text: "figures that were measured, or a drawing",
  mermaid: "a drawing",
  json: "is JSON",
  jsonc: "is JSON with comments",
};

Deno.test("every block of the docs is of a kind that something is done with", () => {
  assert.ok(blocks.length > 30, `only ${blocks.length} blocks found`);
  const strange = blocks.filter(({ language }) => !(language in TREATED));
  assert.deepEqual(strange.map(({ page, line, language }) => `${page}:${line} ${language}`), []);
});

Deno.test("JSON in the docs is JSON", () => {
  for (const { page, line, text } of blocks.filter(({ language }) => language === "json")) {
    assert.doesNotThrow(() => JSON.parse(text), `${page}:${line}`);
  }
});

testWithProcesses("every command in the docs is one that its script takes", async () => {
  const wrong: string[] = [];
  const used = new Set<RegExp>();
  let checked = 0;
  for (const block of blocks.filter(({ language }) => language === "sh")) {
    for (const command of commandsIn(block.text)) {
      const foreign = FOREIGN.find(({ commands }) => commands.test(command));
      const skipped = NOT_FOLLOWED.find(({ commands }) => commands.test(command));
      if (foreign) used.add(foreign.commands);
      if (skipped) used.add(skipped.commands);
      if (foreign || (isFollowed(block) && !skipped)) continue;
      const mistake = await mistakeOf(command, isFollowed(block));
      checked++;
      if (mistake) wrong.push(`${block.page}:${block.line}: ${command}: ${mistake}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(checked > 50, `only ${checked} commands found`);
  const unused = [...FOREIGN, ...NOT_FOLLOWED].filter(({ commands }) => !used.has(commands));
  assert.deepEqual(unused.map(({ commands }) => commands.source), [], "reasons that nothing needs");
});

async function mistakeOf(command: string, outside: boolean): Promise<string | undefined> {
  try {
    const words = wordsIn(outside ? command.replaceAll("../dlr/", "") : command)!;
    const script = scriptCommand(words);
    if (script === undefined) return "no script runs it, and no reason is given in untested.ts";
    return await mistakeIn(script);
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("a command is held to the help of its script", async () => {
  const mistake = (command: string) => mistakeOf(command, false);
  assert.equal(await mistake("deno task exp10 --fresh --set steps=3 --steps=4"), undefined);
  assert.equal(await mistake("npx -y deno@2.9.6 task exp10 --fresh"), undefined);
  assert.equal(await mistake("deno task sweep status somewhere"), undefined);
  assert.equal(await mistake("deno run -P scripts/exp10.ts --quiet"), undefined);
  assert.equal(await mistake("deno task exp99"), 'there is no task "exp99"');
  assert.match(await mistake("deno run -P scripts/exp99.ts") ?? "", /there is no script/);
  assert.equal(await mistake("deno task exp10 --frsh"), "it has no option --frsh");
  assert.equal(await mistake("deno task exp10 fresh"), 'it takes no "fresh"');
  assert.equal(await mistake("deno task exp10 --steps"), "--steps takes a value");
  assert.equal(await mistake("deno task exp10 --set stps=3"), "there is no setting stps");
  assert.equal(
    await mistake("deno task exp10 --scale tiny"),
    "--scale takes small, reference, not tiny",
  );
  assert.match(await mistake("ls") ?? "", /no reason is given/);
});

Deno.test("a help is read with the choices of its options", () => {
  const { options, takesWords, settings } = parseHelp(
    'Usage: x [options]\n\nOptions:\n  --scale <name>   size\n                   (choices: "a",\n' +
      '                   "b")\n  -h, --help       show\n\nSettings with their defaults, for\n  a.b=1\n      x\n',
  );
  assert.deepEqual(options.get("--scale"), { value: true, choices: ["a", "b"] });
  assert.deepEqual(options.get("--help"), { value: false });
  assert.equal(takesWords, false);
  assert.deepEqual([...settings], ["a.b"]);
});
