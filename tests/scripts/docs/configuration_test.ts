/** The reference of settings: that it is what the schemas say, and that its JSON Schema checks files. */

import assert from "node:assert/strict";
import { z } from "zod";
import { experimentSchema } from "../../../core/run/config_schema.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { configurationFiles } from "../../../scripts/docs/configuration_files.ts";
import { table } from "../../../scripts/docs/markdown.ts";
import { settingsSchema } from "../../../scripts/docs/settings_schema.ts";
import { testWithProcesses } from "../../end_to_end/command.ts";

testWithProcesses(
  "the reference of settings is what deno task docs:configuration makes",
  async () => {
    for (const [path, made] of Object.entries(await configurationFiles(builtinPlugins()))) {
      const there = Deno.readTextFileSync(new URL(`../../../${path}`, import.meta.url));
      // The first line that differs says more than both texts.
      const line = there.split("\n").findIndex((text, i) => text !== made.split("\n")[i]);
      const isSame = there === made;
      assert.ok(
        isSame,
        `${path} is out of date from line ${line + 1}: deno task docs:configuration`,
      );
    }
  },
);

/** Checks a file of settings as an editor would. */
function fits(settings: unknown): boolean {
  const schema = settingsSchema(builtinPlugins());
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(settings)
    .success;
}

Deno.test("the whole configuration of every router is a file of settings", () => {
  for (const [name, { options }] of builtinPlugins().routers.entries()) {
    const schema = experimentSchema(options as z.ZodObject);
    assert.ok(fits(schema.parse({ name: "exp", router: { name } })), name);
  }
});

Deno.test("a file of settings may hold a few settings, and the place of its schema", () => {
  assert.ok(fits({}));
  assert.ok(fits({ $schema: "configuration.schema.json", lora: { rank: 8 } }));
  assert.ok(fits({ router: { anchorLayers: 6 } }));
  assert.ok(fits({ backend: { sessionOptions: { graphOptimizationLevel: "basic" } } }));
});

Deno.test("what is no setting of the run or of its router is found in a file", () => {
  const wrong = [
    { stepz: 1 },
    { steps: 0 },
    { steps: "10" },
    { lora: { ranks: 8 } },
    { objective: { targetSkip: 1 } },
    { objective: { sparsityRamp: [1] } },
    { router: { name: "tokens" } },
    { router: { name: "static", initialBias: 2 } },
    { router: { name: "token-gumbel", skipLayers: [4] } },
  ];
  assert.deepEqual(wrong.filter(fits), []);
});

Deno.test("bars within the cells of a table are escaped", () => {
  assert.equal(table(["a"], [["x|y"]]), "| a |\n| --- |\n| x\\|y |");
});
