/** conformance, as a user starts it: exit codes, and lines. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFinished, assertRefused, ROOT, testWithProcesses, Workplace } from "./command.ts";

const FAMILIES = join(ROOT, "tests", "parity", "goldens", "families");

testWithProcesses("conformance ends with 0 where every promise holds", async () => {
  using place = new Workplace();
  const outcome = await place.runScript("conformance", "--model", "model", "--router", "static");
  assertFinished(outcome);
  const lines = outcome.stdout.trim().split("\n");
  assert.match(lines[0]!, /^model model: \d+ layers, .*; checked with/);
  assert.ok(
    lines.some((line) => /^ok {4}compacted = gated +max difference \S+, bound /.test(line)),
  );
  assert.ok(lines.some((line) => line.startsWith("router static: ")));
  assert.match(lines.at(-1)!, /^\d+ promises hold, 0 are broken, 1 is skipped$/);
});

testWithProcesses(
  "conformance ends with 1 where one is broken, and says what to look at",
  async () => {
    using place = new Workplace();
    const goldens = join(FAMILIES, "linear_rope", "logits.safetensors");
    const model = join(FAMILIES, "llama3_rope");
    const outcome = await place.runScript("conformance", "--model", model, "--goldens", goldens);
    assert.equal(outcome.code, 1, outcome.stderr);
    const broken = outcome.stdout.split("\n").filter((line) => line.startsWith("FAIL"));
    assert.equal(broken.length, 1, outcome.stdout);
    assert.match(broken[0]!, /those of other software +max difference .*, bound 1e-4: norms and/);
  },
);

testWithProcesses("conformance refuses what it cannot check in one line", async () => {
  using place = new Workplace();
  const refused = async (says: RegExp, ...args: string[]) =>
    assertRefused(await place.runScript("conformance", ...args), says);
  await refused(/Nothing to check/);
  await refused(/router "statik".*did you mean "static"/, "--router", "statik");
  await refused(/no data for the split/, "--task", "gsm8k", "--data-dir", ".");
  await refused(/no\.safetensors/, "--model", "model", "--goldens", "no.safetensors");
});
