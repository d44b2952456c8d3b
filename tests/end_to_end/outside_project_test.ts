/** A project of somebody else's, outside of this repository, that depends on dlr by its path. */

import assert from "node:assert/strict";
import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { publishedDlr, serveJsr } from "../support/jsr_registry.ts";
import { assertFinished, outcomeOf, ROOT, testWithProcesses } from "./command.ts";

const PLUGIN = `
import { definePlugin, greater, gumbelGates, linear, type RouterKind } from "@dlr/dlr";
import { z } from "zod";

const oneLayer: RouterKind<{ bias: number }> = {
  name: "one-layer",
  description: "a linear layer scores every block",
  options: z.strictObject({ bias: z.number().default(2).describe("at the start") }),
  create: ({ bias }) => ({
    name: "one-layer",
    decidesBy: "state",
    params: ({ hiddenSize, routableLayers }) => ({
      "gate.weight": {
        shape: [routableLayers, hiddenSize],
        init: { kind: "normal", std: 0.02 },
      },
      "gate.bias": { shape: [routableLayers], init: { kind: "constant", value: bias } },
    }),
    decide(params, anchor, _site, context) {
      const logits = linear(params, "gate", anchor);
      const gates = context.mode === "train"
        ? gumbelGates(logits, context.noise, context.temperature)
        : greater(logits, context.threshold);
      return { gates, logits };
    },
  }),
};

export default definePlugin({ name: "outside", routers: [oneLayer] });
`;

/** Prints what the router decides about one token whose state is all ones, and a gradient. */
const USE = `
import {
  floats, gradients, initialize, input, inputNodes, ParamNodes, reduceSum, scalar,
} from "@dlr/dlr";
import { evaluate } from "@dlr/dlr/backends/reference";
import plugin from "./my_router.ts";

const kind = plugin.routers![0]!;
const router = kind.create(kind.options.parse({ bias: 0.5 }));
const site = { hiddenSize: 3, anchorLayers: 1, routableLayers: 2 };
const specs = router.params(site);
const nodes = inputNodes(specs);
const { gates, logits } = router.decide(new ParamNodes(nodes), input("state", [1, 1, 3]), site, {
  mode: "eval",
  threshold: scalar(0),
  tokenMask: input("mask", [1, 1]),
  promptMask: input("prompt", [1, 1]),
  noise: input("noise", [1, 1, 2]),
  targetSkip: scalar(0.5),
});
const [slope] = gradients(reduceSum(logits!), [nodes["gate.weight"]!]);
const feeds = {
  ...initialize(specs, 1),
  "gate.weight": floats([2, 3], [1, 1, 1, -1, -1, -1]),
  state: floats([1, 1, 3], [1, 1, 1]),
};
const values = evaluate({ gates, logits: logits!, slope: slope! }, feeds);
console.log(JSON.stringify({
  gates: [...values.gates.data],
  logits: [...values.logits.data],
  slope: [...values.slope.data],
}));
`;

/** The router's promises as tests, as docs/conformance.md has it. */
const KIT = `
import { oracle } from "@dlr/dlr/backends/reference";
import { routerKindPromises, testOf } from "@dlr/dlr/conformance";
import plugin from "./my_router.ts";

for (const promise of routerKindPromises(plugin.routers![0]!, oracle)) {
  Deno.test(testOf("my router", promise));
}
`;

/** What it prints. */
const DECIDED = { gates: [1, 0], logits: [3.5, -2.5], slope: [1, 1, 1, 1, 1, 1] };

/** A folder with these files and a `deno.json` that links to these folders. */
function outsideProject(files: Readonly<Record<string, string>>, links = [ROOT]): string {
  const folder = Deno.makeTempDirSync({ prefix: "dlr_outside_" });
  const imports = { "@dlr/dlr": `jsr:@dlr/dlr@^${project.version}`, zod: project.imports.zod };
  const config = { imports, links };
  for (
    const [name, text] of Object.entries({ "deno.json": JSON.stringify(config), ...files })
  ) {
    Deno.writeTextFileSync(join(folder, name), text);
  }
  return folder;
}

function deno(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  return outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
    }).spawn(),
  );
}

testWithProcesses("an outside project is checked and run against dlr by its path", async () => {
  const folder = outsideProject({ "my_router.ts": PLUGIN, "use.ts": USE });
  try {
    assertFinished(await deno(folder, ["check", "--quiet", "my_router.ts", "use.ts"]));
    const run = await deno(folder, ["run", "--quiet", "use.ts"]);
    assertFinished(run);
    assert.deepEqual(JSON.parse(run.stdout), DECIDED);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

testWithProcesses(
  "an outside project holds its plugin to the promises in its own tests",
  async () => {
    const folder = outsideProject({ "my_router.ts": PLUGIN, "my_router_test.ts": KIT });
    try {
      const tested = await deno(folder, ["test", "--quiet", "--allow-read"]);
      assertFinished(tested);
      assert.match(tested.stdout, /\b1\d passed \| 0 failed/);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

testWithProcesses(
  "an outside project is told where it does not keep to the contracts",
  async () => {
    const wrong = PLUGIN.replace("return { gates, logits };", "return { gate: gates, logits };");
    const folder = outsideProject({ "my_router.ts": wrong });
    try {
      const { code, stderr } = await deno(folder, ["check", "--quiet", "my_router.ts"]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /'gates' is missing|'gate' does not exist in type 'Decision'/);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

testWithProcesses("an outside project reaches nothing but what dlr exports", async () => {
  const folder = outsideProject({
    "inner.ts": 'import { Trainer } from "@dlr/dlr/core/train/mod.ts";\nconsole.log(Trainer);\n',
  });
  try {
    const { code, stderr } = await deno(folder, ["check", "--quiet", "inner.ts"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /core\/train\/mod\.ts/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

testWithProcesses("an outside project is checked and run against dlr from JSR alone", async () => {
  const folder = outsideProject({ "my_router.ts": PLUGIN, "use.ts": USE }, []);
  await using registry = serveJsr({ "@dlr/dlr": publishedDlr(ROOT) });
  // A cache of its own, but for the packages from npm, which are there already.
  const cache = join(folder, "deno");
  const { npmCache } = JSON.parse((await deno(folder, ["info", "--json"])).stdout);
  Deno.mkdirSync(cache);
  Deno.symlinkSync(npmCache, join(cache, "npm"));
  const env = { DENO_DIR: cache, JSR_URL: `http://127.0.0.1:${registry.addr.port}/` };
  try {
    assertFinished(await deno(folder, ["check", "--quiet", "my_router.ts", "use.ts"], env));
    const run = await deno(folder, ["run", "--quiet", "use.ts"], env);
    assertFinished(run);
    assert.deepEqual(JSON.parse(run.stdout), DECIDED);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
