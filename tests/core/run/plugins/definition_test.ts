/** What a module may export as a plugin. */

import assert from "node:assert/strict";
import { z } from "zod";
import {
  definePlugin,
  type Plugin,
  type RouterKind,
  UserError,
} from "../../../../core/contracts/mod.ts";
import { readDefinition } from "../../../../core/run/plugins/definition.ts";

const router: RouterKind = {
  name: "mine",
  description: "a router",
  options: z.strictObject({}),
  create: () => ({ name: "mine", decidesBy: "rule", params: () => ({}), decide: () => never() }),
};

function never(): never {
  throw new Error("is not called here");
}

const task = {
  name: "quiz",
  description: "a quiz",
  version: 1,
  outputType: "multiple_choice",
  dataset: { folder: "quiz" },
  split: "test",
  metrics: [{ name: "acc", aggregation: "mean", higherIsBetter: true }],
  document: never,
  question: never,
  answer: never,
  requests: never,
  target: never,
  score: never,
} as const;

const refusal = (exported: unknown, options?: Parameters<typeof readDefinition>[2]): string => {
  try {
    readDefinition(exported, "./mine.ts", options);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return (error as Error).message;
  }
  assert.fail("it was accepted");
};

/** A plugin as a careless author writes it. */
const careless = (parts: Record<string, unknown>) =>
  definePlugin({ name: "mine", ...parts } as unknown as Plugin);

Deno.test("a plugin that holds what it should is taken as it is", () => {
  const plugin = definePlugin({
    name: "mine",
    architectures: [{ name: "a", architectures: ["AForCausalLM"], fromConfig: never }],
    models: {
      "a": { description: "in a folder", folder: "/models/a", scale: "small" },
      "b": { description: "on the hub", hub: "org/b" },
      "c": { description: "drawn", config: {}, tokenizer: "nano" },
    },
    routers: [router],
    tasks: [task],
    taskGroups: [{
      name: "g",
      description: "d",
      version: "1",
      members: ["quiz"],
      metrics: ["acc"],
    }],
    backends: { fast: never },
    corpora: { text: never },
    launchers: [{ name: "l", description: "d", options: z.object({}), create: never }],
  });
  assert.equal(readDefinition(plugin, "./mine.ts"), plugin);
});

Deno.test("what is no plugin is refused with what to write", () => {
  for (const nothing of [undefined, null, 3, "x", () => {}]) {
    assert.match(
      refusal(nothing),
      /^Cannot use the plugin \.\/mine\.ts: .*export default definePl/,
    );
  }
  assert.match(refusal({ name: "mine" }), /not made by definePlugin/);
});

Deno.test("every field that is not right is named, with what it takes", () => {
  const cases: readonly [parts: Record<string, unknown>, says: RegExp][] = [
    [{ name: "" }, /: name is ""; give a name/],
    [{ router: [] }, /it brings "router", did you mean "routers"\?/],
    [{ routers: router }, /: routers is not right; give a list/],
    [{ routers: [router, { ...router, create: undefined }] }, /: routers\[1\]\.create is missing;/],
    [
      { routers: [{ ...router, options: {} }] },
      /routers\[0\]\.options is not right; give a z\.obj/,
    ],
    [
      { routers: [{ ...router, options: z.object({ anchorLayers: z.int() }) }] },
      /routers\[0\]\.options\.anchorLayers .*every router has a setting of that name/,
    ],
    [{ models: [] }, /: models is not right; give an object with a name for each/],
    [{ models: { a: { folder: "x" } } }, /models\.a\.description is missing; give one line/],
    [{ models: { a: { description: "d" } } }, /models\.a .*give one of folder, hub and config/],
    [
      { models: { a: { description: "d", folder: "x", hub: "o/n" } } },
      /models\.a .*give one of folder, hub and config/,
    ],
    [{ models: { a: { description: "d", hub: "bare" } } }, /models\.a\.hub is "bare"; give "org/],
    [{ models: { "q-1": { description: "d", config: {} } } }, /models\["q-1"\] .*give "tokenizer"/],
    [
      { architectures: [{ name: "a", fromConfig: never }] },
      /architectures\[0\]\.architectures is m/,
    ],
    [{ backends: { fast: {} } }, /backends\.fast is not right; give a function \(options\)/],
    [{ corpora: { text: 1 } }, /corpora\.text is 1; give a function \(repositories\)/],
    [{ tasks: [{ ...task, metrics: [] }] }, /tasks\[0\]\.metrics is not right; give at least one/],
    [{ tasks: [{ ...task, outputType: "x" }] }, /tasks\[0\]\.outputType is "x"; give multiple_ch/],
    [{ launchers: [{ name: "l" }] }, /launchers\[0\]\.description is missing/],
    [
      { routers: [{ ...router, description: "two\nlines" }] },
      /\.description is "two\\nlines"; give/,
    ],
  ];
  for (const [parts, says] of cases) assert.match(refusal(careless(parts)), says);
});

Deno.test("a name that would lead elsewhere as a file's is refused, wherever it stands", () => {
  const model = { description: "d", folder: "/models/a" };
  const group = { description: "d", version: "1", members: ["quiz"], metrics: ["acc"] };
  for (const name of ["../../esc", "", ".hidden", "a/b", "a b", "a,b", "__proto__"]) {
    const named: readonly Record<string, unknown>[] = [
      { models: { [name]: model } },
      { backends: { [name]: never } },
      { corpora: { [name]: never } },
      { routers: [{ ...router, name }] },
      { tasks: [{ ...task, name }] },
      { taskGroups: [{ ...group, name }] },
      { launchers: [{ name, description: "d", options: z.object({}), create: never }] },
    ];
    for (const parts of named) {
      const said = refusal(careless(parts));
      assert.ok(
        said.includes(` is ${JSON.stringify(name)}; give a name of letters, digits, dots, dashes`),
        said,
      );
    }
  }
});

Deno.test("a name that every object has for something else is as good as any", () => {
  const plugin = definePlugin({
    name: "mine",
    backends: { "constructor": never },
    corpora: { "constructor": never, "toString": never },
    routers: [{ ...router, name: "constructor" }],
  });
  assert.equal(readDefinition(plugin, "./mine.ts"), plugin);
  const options = z.object({ constructor: z.int() });
  readDefinition(definePlugin({ name: "mine", routers: [{ ...router, options }] }), "./mine.ts");
});

Deno.test("a model's configuration has to be one that a file can hold", () => {
  const config = { list: [1, { deep: "x" }], none: null, absent: undefined };
  const circle: Record<string, unknown> = {};
  circle["again"] = [circle];
  const model = (more: object) => ({
    models: { m: { description: "d", tokenizer: "nano", config: { ...config, ...more } } },
  });
  readDefinition(careless(model({})), "./mine.ts");
  const cases: readonly [more: object, says: string][] = [
    [{ big: 10n }, "models.m.config.big is 10n;"],
    [{ list: [0, { of: NaN }] }, "models.m.config.list[1].of is NaN;"],
    [{ call: never }, "models.m.config.call is a function;"],
    [{ date: new Date(0) }, "models.m.config.date is not right;"],
    [{ circle }, "models.m.config.circle.again[0] is not right;"],
    [{ symbol: Symbol("s") }, "models.m.config.symbol is Symbol(s);"],
  ];
  for (const [more, says] of cases) {
    const said = refusal(careless(model(more)));
    assert.ok(said.includes(says) && said.includes("a config.json holds text, numbers,"), said);
  }
});

Deno.test("an option that no command line could give is refused", () => {
  const launcher = (key: string) => ({
    launchers: [{
      name: "l",
      description: "d",
      options: z.object({ [key]: z.string().default("x") }),
      create: never,
    }],
  });
  for (const key of ["jobs", "pollSeconds", "partition2", "notice"]) {
    readDefinition(careless(launcher(key)), "./mine.ts");
  }
  const cases: readonly [key: string, says: RegExp][] = [
    ["out", /launchers\[0\]\.options\.out is "out"; sweeps have an option of that name/],
    ["stopEarly", /sweeps have an option of that name/],
    ["help", /sweeps have an option of that name/],
    ["noFoo", /--no-… takes an option back/],
    ["Größe", /launchers\[0\]\.options\["Größe"\] .*camel case, such as "arrayLimit"/],
    ["x y", /camel case/],
    ["array_limit", /camel case/],
    ["Upper", /camel case/],
  ];
  for (const [key, says] of cases) assert.match(refusal(careless(launcher(key))), says);
  const grouped = z.object({ queue: z.object({ depth: z.int().default(1) }).prefault({}) });
  assert.match(
    refusal(careless({
      launchers: [{ name: "l", description: "d", options: grouped, create: never }],
    })),
    /launchers\[0\]\.options\.queue\.depth is not right; a command line has no groups of options/,
  );
  const options = z.object({ "b.c": z.int() });
  assert.match(
    refusal(careless({ routers: [{ ...router, options }] })),
    /routers\[0\]\.options\["b\.c"\] is "b\.c"; give the option a name in camel case/,
  );
});

Deno.test("a schema of a zod that cannot be extended is refused by its version", () => {
  const { shape, safeParse, _zod } = z.strictObject({});
  const options = {
    shape,
    safeParse,
    _zod: { ..._zod, version: { major: 4, minor: 0, patch: 17 } },
  };
  assert.match(
    refusal(careless({ routers: [{ ...router, options }] })),
    /options is not right; it is of zod 4\.0: give one of zod 4\.1 or later/,
  );
});

Deno.test("a plugin that brings nothing is refused, as a slip of its author", () => {
  for (const nothing of [{}, { routers: [] }, { models: {}, tasks: undefined }]) {
    assert.match(refusal(careless(nothing)), /it brings nothing; give it one of architectures, mo/);
  }
});

Deno.test("what a class has as getters is taken like what an object has itself", () => {
  class Own {
    readonly #corpora = { text: never };
    get name() {
      return "mine";
    }
    get corpora() {
      return this.#corpora;
    }
  }
  const plugin = readDefinition(definePlugin(new Own()), "./mine.ts");
  assert.equal(plugin.name, "mine");
  assert.deepEqual(Object.keys(plugin.corpora ?? {}), ["text"]);
});

Deno.test("a definition that throws where it is read is refused in a line", () => {
  const thrower = Object.defineProperty({ ...router }, "name", {
    get() {
      throw new Error("boom");
    },
  });
  assert.match(
    refusal(careless({ routers: [thrower] })),
    /^The definition of the plugin \.\/mine\.ts threw Error: boom/,
  );
});

Deno.test("a plugin for other interfaces is refused with what changed", () => {
  const plugin = { ...definePlugin({ name: "mine" }), api: 2 };
  assert.match(refusal(plugin), /built for version 2 .*, this is 1; update dlr/);
  const changes = { 2: "routers are told the site", 3: "tasks have versions", 1: "long ago" };
  const message = refusal({ ...plugin, api: 1 }, { api: 3, changes });
  assert.match(message, /version 1 .*, this is 3; what changed: /);
  assert.match(message, /routers are told the site; tasks have versions; update the plugin$/);
});

Deno.test("a plugin built with another copy of dlr is refused, as graphs of two do not mix", () => {
  const plugin = {
    ...definePlugin({ name: "mine" }),
    builtAgainst: "https://jsr.io/@dlr/dlr/x.ts",
  };
  assert.match(
    refusal(plugin),
    /another copy of dlr \(https:\/\/jsr\.io.*import "@dlr\/dlr" instead/,
  );
});
