/** What the tests of the docs make of pages and commands. */

import assert from "node:assert/strict";
import { commandsIn, wordsIn } from "./shell.ts";
import { blocksIn } from "./blocks.ts";
import { asPattern, missingIn } from "./output.ts";

Deno.test("a shell block is taken apart into commands, without comments", () => {
  const block = `# first
deno task exp10 --fresh    # a comment
deno task sweep \\
  --time 4:00:00 --prompt "a # b"

python3 -c '
print("x")
'
`;
  assert.deepEqual(commandsIn(block), [
    "deno task exp10 --fresh",
    'deno task sweep --time 4:00:00 --prompt "a # b"',
    `python3 -c '\nprint("x")\n'`,
  ]);
  assert.throws(() => commandsIn("echo 'a\n"), /a quote is not closed/);
});

Deno.test("words are those of a shell", () => {
  assert.deepEqual(wordsIn(`a "b c" d='e f' '' # g`), ["a", "b c", "d=e f", ""]);
  assert.equal(wordsIn(`a "b`), undefined);
});

Deno.test("blocks are found with their language, line and file", () => {
  const page =
    "text\n\n`a.ts`:\n\n```ts\nlet x;\n```\n\n`a.ts`, continued:\n\n```ts\nx = 1;\n```\n\n" +
    "- item\n\n  ```sh\n  ls\n  ```\n";
  assert.deepEqual(blocksIn({ path: "p.md", text: page }), [
    {
      page: "p.md",
      line: 5,
      language: "ts",
      text: "let x;\n",
      file: { name: "a.ts", continued: false },
    },
    {
      page: "p.md",
      line: 11,
      language: "ts",
      text: "x = 1;\n",
      file: { name: "a.ts", continued: true },
    },
    { page: "p.md", line: 17, language: "sh", text: "ls\n" },
  ]);
  assert.throws(
    () => blocksIn({ path: "p.md", text: "```sh\nls\n" }),
    /p\.md, line 1: nothing closes/,
  );
});

Deno.test("output is compared line by line, in order, with any numbers", () => {
  const printed = "head\nloss 1.25, ok\nother\nend of 3 (40%)\n";
  assert.deepEqual(missingIn("loss 0.7, ok\nend of 12 (9%)\n", printed), []);
  assert.deepEqual(missingIn("loss 0.7, ok\n…\n", printed), []);
  assert.deepEqual(missingIn("end of 3 (40%)\nloss 0.7, ok\n", printed), ["loss 0.7, ok"]);
  assert.deepEqual(missingIn("loss x, ok\n", printed), ["loss x, ok"]);
  assert.match("a  3.1e-7 b", asPattern("a 2e-9 b"));
  assert.doesNotMatch("a. b", asPattern("a+ b"));
});
