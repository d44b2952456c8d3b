/** Layers of a configuration, and what is said of wrong ones. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { UserError } from "../../../core/contracts/errors.ts";
import { configKeys, type ConfigLayers, resolveConfig } from "../../../core/run/config.ts";
import { sameConfiguration, showDifferences } from "../../../core/run/config_difference.ts";

const tokenOptions = z.object({
  bias: z.number().min(-8).default(2).describe("first bias of the gates' logits"),
  hidden: z.array(z.int().min(1)).default([48, 24]).describe("widths of the hidden layers"),
}).refine(({ bias }) => bias !== 0, {
  error: "a bias of nothing opens no gate",
  path: ["bias"],
});
const ROUTERS = new Map<string, z.ZodObject>([
  ["token", tokenOptions],
  ["sequence", z.object({ pool: z.enum(["mean", "last"]).default("mean") })],
]);
const DEFAULTS = { name: "exp10", steps: 300, router: { name: "token", bias: 3 } };

function resolve(layers: Partial<ConfigLayers>) {
  return resolveConfig({ defaults: DEFAULTS, routerOptions: ROUTERS, ...layers });
}

async function refusal(...sets: string[]): Promise<string> {
  try {
    await resolve({ sets });
  } catch (error) {
    assert.ok(error instanceof UserError, `not a UserError: ${error}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  assert.fail(`${sets.join(" ")} was accepted`);
}

Deno.test("a configuration needs nothing beside the experiment's defaults", async () => {
  const config = await resolve({});
  assert.equal(config.steps, 300);
  assert.equal(config.backend.name, "onnx");
  assert.equal(config.router.name, "token");
  assert.equal(config.router.anchorLayers, 4);
  assert.equal(config.router["bias"], 3);
  assert.deepEqual(config.router["hidden"], [48, 24]);
});

Deno.test("--set wins over named options, which win over the file, which wins over defaults", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(
      file,
      `{"steps": 1, "seed": 1, "batchSize": 1, "lora": {"rank": 1, "alpha": 1}}`,
    );
    const config = await resolve({
      file,
      overrides: { steps: "2", seed: "2", "backend.name": "reference" },
      sets: ["steps=3", "lora.rank=3"],
    });
    assert.equal(config.steps, 3);
    assert.equal(config.seed, 2);
    assert.equal(config.batchSize, 1);
    assert.equal(config.backend.name, "reference");
    assert.equal(config.lora.rank, 3);
    assert.equal(config.lora.alpha, 1);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("values given as text are read as their setting's type wants them", async () => {
  const config = await resolve({
    sets: [
      "optimizer.learningRate=3e-4",
      "lora.dropout=.1",
      "lora.targets=q_proj, v_proj",
      "router.hidden=[32,16]",
      "model=7",
      "backend.sessionOptions.extra.session.spinning=0",
      `backend.sessionOptions={"graphOptimizationLevel":"all"}`,
      `checkpoint={"every":7}`,
    ],
  });
  assert.equal(config.optimizer.learningRate, 3e-4);
  assert.equal(config.lora.dropout, 0.1);
  assert.deepEqual(config.lora.targets, ["q_proj", "v_proj"]);
  assert.deepEqual(config.router["hidden"], [32, 16]);
  assert.equal(config.model, "7");
  assert.deepEqual(config.backend.sessionOptions, {
    extra: { session: { spinning: 0 } },
    graphOptimizationLevel: "all",
  });
  assert.equal(config.checkpoint.every, 7);
});

Deno.test("another router takes its own options and drops the defaults of the replaced one", async () => {
  const config = await resolve({ sets: ["router.name=sequence", "router.pool=last"] });
  assert.equal(config.router.name, "sequence");
  assert.equal(config.router["pool"], "last");
  assert.ok(!("bias" in config.router));
  assert.match(await refusal("router.name=sequence", "router.hidden=3"), /router\.hidden/);
});

Deno.test("an unknown setting is answered with the nearest one", async () => {
  assert.match(await refusal("lora.rnk=2"), /"lora\.rnk" .*did you mean "lora\.rank"\?/);
  assert.match(await refusal("rank=2"), /did you mean "lora\.rank"\?/);
  assert.match(await refusal("router.anchorLayer=2"), /did you mean "router\.anchorLayers"\?/);
  assert.match(await refusal("router.name=tokn"), /"tokn", did you mean "token"\?/);
  assert.match(await refusal("qqqqqqqq=2"), /--help/);
  assert.match(await refusal("__proto__.polluted=1"), /Unknown setting/);
});

Deno.test("a value out of range is refused with key, value, source and what is allowed", async () => {
  const message = await refusal("steps=0");
  assert.match(message, /steps = 0 from --set: it must be a whole number, at least 1/);
  assert.match(await refusal("steps=abc"), /steps = "abc"/);
  assert.match(await refusal("steps=1.5"), /whole number/);
  assert.match(await refusal("steps=1e999"), /steps = Infinity/);
  assert.match(await refusal("objective.targetSkip=1"), /at least 0, below 1/);
  assert.match(await refusal("lora.dropout=1"), /below 1/);
  assert.match(await refusal("lora.targets="), /at least one entry/);
  assert.match(await refusal("optimizer.schedule=cos"), /one of cosine, linear, constant/);
  assert.match(await refusal("router.hidden=1,0"), /router\.hidden = \[1,0\]/);
  assert.match(await refusal("router.bias=0"), /router\.bias = 0 from --set: a bias of nothing/);
  assert.match(await refusal("lora=2"), /it is a group.*lora\.rank/);
  assert.match(await refusal("steps"), /key=value/);
});

Deno.test("a configuration file may say where its schema is", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, '{"$schema": "docs/configuration.schema.json", "steps": 7}');
    const config = await resolve({ file });
    assert.equal(config.steps, 7);
    assert.ok(!("$schema" in config));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a configuration file that is absent, no JSON or no object is refused by name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const cases: [string, string | undefined, RegExp][] = [
      ["absent.json", undefined, /absent\.json: there is no such file/],
      ["torn.json", `{"steps": `, /torn\.json: it is not JSON/],
      ["list.json", `[1]`, /list\.json: it must be an object/],
      ["typo.json", `{"lora": {"rnk": 2}}`, /"lora\.rnk" \(from .*typo\.json\)/],
    ];
    for (const [name, content, expected] of cases) {
      const file = `${folder}/${name}`;
      if (content !== undefined) await Deno.writeTextFile(file, content);
      await assert.rejects(resolve({ file }), { name: "UserError", message: expected });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every listed setting can be given back its own default", async () => {
  const plain = await resolve({});
  for (const { key, default: value } of configKeys(tokenOptions, DEFAULTS)) {
    if (value === undefined) continue; // absent unless it is given
    const text = Array.isArray(value)
      ? value.join(",")
      : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
    const config = await resolve({ sets: [`${key}=${text}`] });
    assert.deepEqual(sameConfiguration(plain, config), [], key);
  }
});

Deno.test("no text given to --set gets past the checks or fails other than by a UserError", async () => {
  const keys = configKeys(tokenOptions).map(({ key }) => key);
  const anyKey = fc.oneof(fc.constantFrom(...keys), fc.string());
  await fc.assert(
    fc.asyncProperty(anyKey, fc.oneof(fc.string(), fc.json()), async (key, text) => {
      try {
        const config = await resolve({ sets: [`${key}=${text}`] });
        assert.ok(Number.isInteger(config.steps) && config.steps >= 1);
        assert.ok(config.objective.targetSkip >= 0 && config.objective.targetSkip < 1);
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
      }
    }),
    { seed: 7, numRuns: 150 },
  );
});

Deno.test("configurations differ in whatever changes a run's numbers, and in nothing else", async () => {
  const before = await resolve({});
  const stored = JSON.parse(JSON.stringify(before));
  assert.deepEqual(sameConfiguration(stored, before), []);
  const checkpoints = await resolve({ sets: ["checkpoint.every=7"] });
  assert.deepEqual(sameConfiguration(stored, checkpoints), []);
  const other = await resolve({ sets: ["steps=5", "lora.targets=q_proj", "backend.threads=1"] });
  const differences = sameConfiguration(stored, other);
  assert.deepEqual(differences.map(({ key }) => key), ["steps", "backend.threads", "lora.targets"]);
  assert.match(showDifferences(differences), /^steps \(300 there, 5 asked for\), /);
});

const REFERENCE = {
  model: "tinyllama",
  steps: 1860,
  lora: { rank: 4 },
  router: { name: "token", bias: -1.5 },
};
const scaleOf = (model: string | undefined) =>
  model === undefined || model === "nano" ? "small" : "reference";

Deno.test("a model of the reference's scale brings its settings, which all others win over", async () => {
  const layers = { reference: REFERENCE, scaleOf };
  const small = await resolve(layers);
  assert.deepEqual([small.model, small.steps, small.router["bias"]], ["nano", 300, 3]);

  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, '{"model": "qwen3b", "lora": {"rank": 5}}');
    const chosen: Partial<ConfigLayers>[] = [
      { overrides: { model: "qwen3b" }, sets: ["lora.rank=5"] },
      { sets: ["model=qwen3b", "lora.rank=5"] },
      { file },
    ];
    for (const how of chosen) {
      const large = await resolve({ ...layers, ...how });
      assert.deepEqual([large.model, large.steps, large.lora.rank], ["qwen3b", 1860, 5]);
      assert.equal(large.router["bias"], -1.5);
    }
  } finally {
    await Deno.remove(file);
  }
  // The last one named counts.
  const back = await resolve({ ...layers, overrides: { model: "qwen3b" }, sets: ["model=nano"] });
  assert.equal(back.steps, 300);
});

Deno.test("at the reference's scale the model is the reference's, unless told", async () => {
  const config = await resolve({ reference: REFERENCE, scaleOf: () => "reference" });
  assert.deepEqual([config.model, config.steps], ["tinyllama", 1860]);
});

Deno.test("the reference's options of a router do not reach another router", async () => {
  const layers = { reference: REFERENCE, scaleOf: () => "reference" as const };
  const config = await resolve({ ...layers, sets: ["router.name=sequence"] });
  assert.deepEqual([config.router.name, config.router["pool"]], ["sequence", "mean"]);
  assert.equal(config.router["bias"], undefined);
  assert.equal(config.steps, 1860);
});

Deno.test("a wrong setting of the reference's, or of an option of two words, says where it is from", async () => {
  const wrong = { reference: { steps: 0 }, scaleOf: () => "reference" as const };
  await assert.rejects(resolve(wrong), {
    message: /steps = 0 from the experiment's settings at --scale reference: /,
  });
  await assert.rejects(resolve({ overrides: { basePrecision: "fp4" } }), {
    message: /basePrecision = "fp4" from --base-precision: it must be .*float32.*int4.*nf4/,
  });
});
