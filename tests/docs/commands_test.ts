/**
 * Commands that the docs name exist and take the options that they are given. Pages that are followed
 * word by word are run by `tutorials_test.ts` and `examples_test.ts`; of the others, which train for minutes or need a hub
 * or a cluster, every command is held to its script's `--help`.
 */

import assert from "node:assert/strict";
import pMap from "p-map";
import { type Block, blocksIn } from "./blocks.ts";
import { allPages, inlineCommands } from "./pages.ts";
import { mistakeIn, parseHelp, scriptCommand } from "./command_help.ts";
import { FOLLOWED } from "./followed.ts";
import { commandsIn, wordsIn } from "./shell.ts";
import { FOREIGN, NOT_FOLLOWED, type Untested } from "./untested.ts";
import { testWithProcesses, works } from "../end_to_end/command.ts";

const blocks: readonly Block[] = allPages().flatMap(blocksIn);
const isFollowed = ({ page }: Block) => FOLLOWED.some((followed) => followed.page === page);

/** What is done with blocks of a language on pages that are not followed. */
const TREATED: Readonly<Record<string, string>> = {
  sh: "each command is held to the help of its script",
  ts: "type-checked, in snippets_test.ts",
  text: "figures that were measured, or a drawing",
  mermaid: "a drawing",
  json: "is JSON",
  jsonc: "is JSON with comments",
  python: "is Python",
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

testWithProcesses(
  "Python in the docs is Python",
  async () => {
    const python = blocks.filter(({ language }) => language === "python");
    assert.ok(python.length > 0, "no block found");
    for (const { page, line, text } of python) {
      const args = ["-c", "import ast, sys; ast.parse(sys.argv[1])", text];
      const { success, stderr } = await new Deno.Command("python3", { args }).output();
      assert.ok(success, `${page}:${line}\n${new TextDecoder().decode(stderr)}`);
    }
  },
  () => works("python3", "--version") ? undefined : "python3",
);

/** A command, and where it stands. */
interface Command {
  readonly command: string;
  readonly where: string;
  readonly followed: boolean;
}

/** All commands: in blocks, and in the text around them. */
function commands(): Command[] {
  const inBlocks = blocks.filter(({ language }) => language === "sh").flatMap((block) =>
    commandsIn(block.text).map((command) => ({
      command,
      where: `${block.page}:${block.line}`,
      followed: isFollowed(block),
    }))
  );
  const inText = allPages().flatMap((page) =>
    inlineCommands(page).map((command) => ({ command, where: page.path, followed: false }))
  );
  return [...inBlocks, ...inText];
}

testWithProcesses("every command in the docs is one that its script takes", async () => {
  const all = commands();
  assert.ok(all.length > 80, `only ${all.length} commands found`);
  const isOf = ({ command }: Command, kinds: readonly Untested[]) =>
    kinds.some(({ commands }) => commands.test(command));
  const checked = all.filter((one) =>
    !isOf(one, FOREIGN) && (!one.followed || isOf(one, NOT_FOLLOWED))
  );
  const wrong = await pMap(checked, async ({ command, where, followed }) => {
    const mistake = await mistakeOf(command, followed);
    return mistake === undefined ? [] : [`${where}: ${command}: ${mistake}`];
  }, { concurrency: 2 });
  assert.deepEqual(wrong.flat(), []);
  const idle = [...FOREIGN, ...NOT_FOLLOWED]
    .filter(({ commands }) => !all.some(({ command }) => commands.test(command)));
  assert.deepEqual(idle.map(({ reason }) => reason), [], "reasons that nothing needs");
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
