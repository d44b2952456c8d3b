/** TypeScript in the docs that is no file of a page that is followed: type-checked as it stands. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, testWithProcesses } from "../end_to_end/command.ts";
import { blocksIn } from "./blocks.ts";
import { FOLLOWED } from "./followed.ts";
import { allPages } from "./pages.ts";

const followed = new Set(FOLLOWED.map(({ page }) => page));
const snippets = allPages().flatMap(blocksIn)
  .filter(({ page, language, file }) => language === "ts" && !(file && followed.has(page)));

testWithProcesses("TypeScript in the docs fits what it imports", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "dlr_snippets_" });
  try {
    const files = [{
      page: "the check",
      line: 0,
      text: 'import { add } from "@dlr/dlr";\nadd(1);\n',
    }, ...snippets]
      .map(({ text, ...where }, i) => {
        const name = `snippet_${i}.ts`;
        Deno.writeTextFileSync(join(folder, name), text + "\nexport {};\n");
        return { name, ...where };
      });
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", join(ROOT, "deno.json"), ...files.map(({ name }) => name)],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    const wrong = files.filter(({ name }) => text.includes(`${name}:`));
    // The first is wrong, so that a check that looks at nothing is noticed.
    assert.deepEqual(wrong.map(({ page, line }) => `${page}:${line}`), ["the check:0"], text);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
