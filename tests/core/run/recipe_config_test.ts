/** Recipes between an experiment's scale and the user's own settings, and what new settings may be. */

import assert from "node:assert/strict";
import { z } from "zod";
import { type ConfigLayers, resolveConfig } from "../../../core/run/config.ts";
import { type RouterOptions } from "../../../core/run/config_schema.ts";
import { type ConfigTree, isTree } from "../../../core/run/settings.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import * as recipes from "../../../scripts/recipes/routing.ts";
import * as scales from "../../../scripts/recipes/scales.ts";
import { inFolder, userError } from "../io/support.ts";

const ROUTERS = new Map<string, RouterOptions>([
  ["token", z.object({ bias: z.number().default(2), hidden: z.int().default(8) })],
  ["sequence", z.object({ pool: z.enum(["mean", "last"]).default("mean") })],
]);

const LAYERS: ConfigLayers = {
  defaults: {
    name: "exp10",
    steps: 300,
    router: { name: "token", bias: 3, rateFactor: 2, temperatureEnd: 0.5 },
  },
  reference: {
    model: "large",
    steps: 1860,
    batchSize: 1,
    seed: 5,
    router: { bias: 4, anchorLayers: 3 },
  },
  recipe: {
    steps: 7,
    batchSize: 2,
    objective: { targetSkip: 0.4 },
    router: { bias: -1, rateFactor: 3 },
  },
  scaleOf: () => "reference",
  routerOptions: ROUTERS,
};

const resolve = (layers: Partial<ConfigLayers> = {}) => resolveConfig({ ...LAYERS, ...layers });

Deno.test("a recipe wins over the scale, and the scale over the experiment's defaults", async () => {
  const config = await resolve();
  // Of the scale alone, of both, and of the recipe alone.
  assert.deepEqual([config.model, config.seed, config.router.anchorLayers], ["large", 5, 3]);
  assert.deepEqual([config.steps, config.batchSize, config.router["bias"]], [7, 2, -1]);
  assert.equal(config.objective.targetSkip, 0.4);
  assert.equal(config.router.temperatureEnd, 0.5);

  const plain = await resolve({ recipe: undefined });
  assert.deepEqual([plain.steps, plain.router["bias"], plain.router.rateFactor], [1860, 4, 2]);
  const small = await resolve({ scaleOf: () => "small" });
  assert.deepEqual([small.model, small.steps, small.router.anchorLayers], ["nano", 7, 4]);
});

Deno.test("a file wins over a recipe, named options over the file, and --set over all", () =>
  inFolder(async (folder) => {
    const file = `${folder}/config.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({ steps: 8, batchSize: 8, router: { rateFactor: 8 } }),
    );
    const config = await resolve({
      file,
      overrides: { batchSize: "9" },
      sets: ["router.rateFactor=10"],
    });
    assert.deepEqual([config.steps, config.batchSize, config.router.rateFactor], [8, 9, 10]);
    assert.equal(config.objective.targetSkip, 0.4);
  }));

Deno.test("another router takes the settings common to all from every layer, and no other option", async () => {
  const config = await resolve({ sets: ["router.name=sequence"] });
  assert.deepEqual(config.router, {
    name: "sequence",
    pool: "mean",
    anchorLayers: 3,
    reads: "state",
    bypassRank: 0,
    rateFactor: 3,
    temperatureStart: 1,
    temperatureEnd: 0.5,
  });
});

Deno.test("a recipe may be of another router than the experiment", async () => {
  const recipe = { router: { name: "sequence", pool: "last" } };
  const config = await resolve({ recipe });
  assert.deepEqual([config.router.name, config.router["pool"]], ["sequence", "last"]);
  assert.ok(!("bias" in config.router) && config.router.rateFactor === 2);
  // Back to the experiment's own router: its options are there again, the recipe's are not.
  const back = await resolve({ recipe, sets: ["router.name=token"] });
  assert.deepEqual([back.router["bias"], back.router["pool"]], [4, undefined]);
});

Deno.test("a wrong setting of a recipe says that it is from there", async () => {
  await userError(
    () => resolve({ recipe: { steps: 0 } }),
    "steps = 0 from the experiment's settings for --recipe reference: ",
  );
  await userError(
    () => resolve({ recipe: { router: { bais: 1 } } }),
    /"router\.bais" \(from .*--recipe reference\).*"router\.bias"/,
  );
});

/** Settings with values that are refused, and what is said of them. */
const REFUSED: readonly [set: string, says: RegExp][] = [
  ["router.rateFactor=0", /above 0/],
  ["router.bypassRank=-1", /whole number, at least 0/],
  ["router.bypassRank=1.5", /whole number/],
  ["router.temperatureStart=0", /above 0/],
  ["router.temperatureEnd=-1", /above 0/],
  ["lora.startStep=-1", /whole number, at least 0/],
  ["optimizer.clipNorm=-1", /at least 0/],
  ["objective.distillPer=word", /one of token, sequence/],
  ["objective.distillWarmupSteps=0.5", /whole number/],
  ["objective.hiddenWeight=-0.1", /at least 0/],
  ["objective.sparsityRamp=1", /a list of 2 \(a,b\), each a number, at least 0/],
  ["objective.sparsityRamp=1,2,3", /a list of 2/],
  ["objective.sparsityRamp=1,-2", /each a number, at least 0/],
  ["objective.targetSkipFrom=1", /at least 0, below 1/],
  ["objective.targetSkipFrom=-0.1", /at least 0, below 1/],
  ["evaluation.gates=hard", /one of calibrated, own, sampled/],
  ["evaluation.questions=-1", /whole number, at least 0/],
  ["evaluation.staticMaskBatches=-1", /whole number, at least 0/],
  ["evaluation.budgets=0.1,1", /each a number, at least 0, below 1/],
  ["evaluation.budgets=some", /each a number/],
  ["checkpoint.use=first", /one of last, best/],
];

for (const [set, says] of REFUSED) {
  Deno.test(`--set ${set} is refused with what is allowed`, () =>
    userError(
      () => resolve({ sets: [set] }),
      `Cannot use ${set.slice(0, set.indexOf("="))} = `,
      "from --set: it must be ",
      says,
    ));
}

Deno.test("the ends of ranges are allowed, and a list may be empty where nothing is a choice", async () => {
  const { objective, evaluation, lora, optimizer } = await resolve({
    sets: [
      "objective.targetSkipFrom=0",
      "objective.sparsityRamp=0,0",
      "evaluation.budgets=",
      "evaluation.staticMaskBatches=0",
      "lora.startStep=0",
      "optimizer.clipNorm=0",
    ],
  });
  assert.deepEqual([objective.targetSkipFrom, objective.sparsityRamp], [0, [0, 0]]);
  assert.deepEqual([evaluation.budgets, evaluation.staticMaskBatches], [[], 0]);
  assert.deepEqual([lora.startStep, optimizer.clipNorm], [0, 0]);
});

/** Routers with the options that they really declare. */
const BUILTIN = new Map(
  Array.from(builtinPlugins().routers.entries(), ([name, kind]) => [
    name,
    kind.options as RouterOptions,
  ]),
);
const TREES = Object.entries(recipes).filter((one): one is [string, ConfigTree] => isTree(one[1]));

Deno.test("every recipe that there is names a router and has no setting that is unknown", async () => {
  assert.ok(TREES.length >= 15, `${TREES.length} recipes`);
  const sizes = [scales.SMALL, scales.TINYLLAMA, scales.SHORT_TINYLLAMA, scales.largeModel("x")];
  for (const [name, recipe] of TREES) {
    assert.ok(BUILTIN.has(String((recipe["router"] as ConfigTree)["name"])), name);
    for (const reference of sizes) {
      const config = await resolveConfig({
        defaults: { name: "some", router: { name: "static" } },
        reference,
        recipe,
        scaleOf: () => "reference",
        routerOptions: BUILTIN,
      });
      assert.deepEqual(
        Object.entries(recipe["router"] as ConfigTree).filter(([key, value]) =>
          config.router[key] !== value
        ),
        [],
        name,
      );
    }
  }
});

Deno.test("a recipe without distillation differs from the other in that alone", () => {
  const without = recipes.withoutDistillation(recipes.TOKEN);
  assert.deepEqual(without, {
    ...recipes.TOKEN,
    objective: { ...recipes.TOKEN["objective"] as ConfigTree, distillWeight: 0 },
  });
});
