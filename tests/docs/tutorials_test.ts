/** The tutorials, followed word by word in a fresh folder. */

import assert from "node:assert/strict";
import { inFolder } from "../core/io/support.ts";
import { testWithProcesses } from "../end_to_end/command.ts";
import { blocksIn } from "./blocks.ts";
import { followIn, lacksBash, shortened, testFollowed, TUTORIALS } from "./followed.ts";

for (const tutorial of TUTORIALS) testFollowed(tutorial);

Deno.test("commands that train are made shorter, and no others", () => {
  const train = "deno run -P ../dlr/scripts/exp10.ts --fresh";
  assert.match(
    shortened(train),
    /^deno run -P \.\.\/dlr\/scripts\/exp10\.ts --fresh --steps 5 --set /,
  );
  assert.doesNotMatch(shortened(`${train} --steps 20`), /--steps 5/);
  assert.equal(shortened("deno check my_model.ts"), "deno check my_model.ts");
});

testWithProcesses("a command that fails, and a line that is not printed, are told", async () => {
  const page = {
    path: "p.md",
    text: "`a.txt`:\n\n```text\none\n```\n\n`a.txt`, continued:\n\n```text\ntwo\n```\n\n" +
      "```sh\ncat a.txt\nfalse\n```\n\n```text\none\ntwo\nthree\n```\n",
  };
  await inFolder(async (folder) => {
    const { failed, missing, ran } = await followIn(folder, blocksIn(page));
    assert.equal(ran, 2);
    assert.deepEqual(failed, ["p.md:13: false: exit code 1\n"]);
    assert.deepEqual(missing, ["p.md:18: three"]);
  });
}, lacksBash);
