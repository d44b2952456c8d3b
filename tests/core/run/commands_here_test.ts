/** Commands as they can be typed from a folder. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandsHere } from "../../../core/run/commands_here.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

Deno.test("in dlr's own folder a task is started as a task, with further options in front", () => {
  const line = "deno task exp10 --fresh    again";
  assert.equal(commandsHere(line, [], ROOT), line);
  assert.equal(
    commandsHere(line, ["--plugin", "./mine.ts"], ROOT),
    "deno task exp10 --plugin ./mine.ts --fresh    again",
  );
});

Deno.test("elsewhere it is started by the path of its script", () => {
  const beside = join(ROOT, "..", "my-plugin");
  const path = join("..", ROOT.split(/[\\/]/).filter((part) => part !== "").at(-1)!, "scripts");
  assert.equal(
    commandsHere("train with deno task exp10 --fresh, or deno task plot-results", [], beside),
    `train with deno run -P ${join(path, "exp10.ts")} --fresh, or deno run -P ${
      join(path, "plot_results.ts")
    }`,
  );
  // What is no script stays as it is.
  assert.equal(
    commandsHere("deno task test, deno task x", [], beside),
    "deno task test, deno task x",
  );
});
