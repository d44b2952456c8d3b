/** Plugins of third parties, from a folder outside of the repository, as their authors use them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  assertFinished,
  assertRefused,
  complaints,
  testWithProcesses,
  Workplace,
} from "./command.ts";

/** A router of its own options, a drawn model, a corpus and a launcher. */
const PLUGIN = `
import { constant, definePlugin, floats, type RouterKind } from "@dlr/dlr";
import { z } from "zod";

const options = z.strictObject({ every: z.int().min(1).default(2).describe("runs one in so many") });

const everyNth: RouterKind<z.infer<typeof options>> = {
  name: "every-nth",
  description: "runs every so-manieth layer",
  options,
  create: ({ every }) => ({
    name: "every-nth",
    decidesBy: "rule",
    params: () => ({}),
    decide: (_params, _anchor, { routableLayers }) => ({
      gates: constant(floats(
        [1, 1, routableLayers],
        Array.from({ length: routableLayers }, (_, layer) => layer % every === 0 ? 1 : 0),
      )),
    }),
  }),
};

export default definePlugin({
  name: "my-plugin",
  routers: [everyNth],
  models: {
    "my-llama": {
      description: "a small Llama, drawn",
      scale: "small",
      tokenizer: "nano",
      config: {
        architectures: ["LlamaForCausalLM"],
        vocab_size: 1024,
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 4,
        num_attention_heads: 2,
        max_position_embeddings: 64,
        rms_norm_eps: 1e-5,
      },
    },
  },
  corpora: {
    "my-text": () => ({
      name: "my-text",
      kinds: [],
      *documents(split) {
        for (let i = 0; i < 200; i++) yield { text: \`\${split} \${i}: one two three four five six\` };
      },
    }),
  },
  launchers: [{
    name: "none",
    description: "runs nothing",
    options: z.strictObject({}),
    create: () => ({
      run: (trials) => Promise.resolve(trials.map((trial) => ({ trial, failure: "was not run" }))),
    }),
  }],
});
`;

const OPTIONS = [
  ...["--model", "my-llama", "--data", "my-text", "--steps", "4", "--quiet"],
  ...["--set", "router.name=every-nth", "--set", "router.every=3", "--set", "sequenceLength=16"],
  ...["--set", "batchSize=2", "--set", "router.anchorLayers=1", "--set", "backend.threads=1"],
  ...["--set", "evaluation.finalBatches=2", "--set", "evaluation.batches=1"],
];

testWithProcesses(
  "a plugin's model, corpus and router train, and the run is opened again without it being named",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const trained = await place.run("--fresh", "--plugin", "./mine.ts", ...OPTIONS);
    assertFinished(trained);
    const [run] = place.runs();
    const record = JSON.parse(readFileSync(`${run}/run.json`, "utf8"));
    assert.equal(record.config.router.every, 3);
    assert.match(record.config.plugins[0], /^file:.*\/mine\.ts$/);
    assert.deepEqual([record.plugins[0].name, record.plugins[0].sha256.length], ["my-plugin", 64]);
    // Of layers 1 to 3 the first runs, beside layer 0.
    assert.equal(record.final.activeLayers, 2);

    assertFinished(
      await place.runScript(
        "generate",
        "--checkpoint",
        run!,
        "--prompt",
        "one",
        "--max-tokens",
        "4",
      ),
    );
    const questions = ["--tasks", "micro_facts", "--limit", "2", "--out", "answers"];
    assertFinished(await place.runScript("evaluate", "--run", run!, ...questions));

    Deno.renameSync(place.path("mine.ts"), place.path("moved.ts"));
    assertRefused(
      await place.runScript(
        "generate",
        "--checkpoint",
        run!,
        "--prompt",
        "one",
        "--max-tokens",
        "4",
      ),
      /uses the plugin .*mine\.ts, which is not there any more: give it by --plugin FILE/,
    );
    const again = [
      "--checkpoint",
      run!,
      "--plugin",
      "moved.ts",
      "--prompt",
      "one",
      "--max-tokens",
      "4",
    ];
    assertFinished(await place.runScript("generate", ...again));
  },
);

testWithProcesses(
  "a run that was broken off goes on with its plugin, and says when that has changed",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const child = place.start(
      "--fresh",
      "--plugin",
      "./mine.ts",
      ...OPTIONS,
      "--set",
      "steps=100000",
    );
    while (place.runs().length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGINT");
    const { code } = await child.output();
    assert.equal(code, 130);
    Deno.writeTextFileSync(place.path("mine.ts"), `${PLUGIN}\n// A new line.\n`);
    const resumed = place.start("--resume", "auto");
    const reader = resumed.stderr.pipeThrough(new TextDecoderStream());
    let said = "";
    for await (const text of reader) {
      said += text;
      if (said.includes("resumed after step")) break;
    }
    resumed.kill("SIGKILL");
    await resumed.stdout.cancel();
    await resumed.status;
    assert.match(said, /the plugin "my-plugin" has changed since this run began/);
  },
);

testWithProcesses("what a plugin brings is in --help, in the list and in suggestions", async () => {
  using place = new Workplace();
  Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
  const plugin = ["--plugin", "./mine.ts"];
  const help = await place.run("--help", ...plugin, "--set", "router.name=every-nth");
  assertFinished(help);
  assert.match(help.stdout, /models: nano, .*my-llama/);
  assert.match(help.stdout, /routers: .*every-nth/);
  assert.match(help.stdout, /router\.every=2\n +runs one in so many; a whole number, at least 1/);
  const list = await place.runScript("list", ...plugin);
  assertFinished(list);
  for (const name of ["my-llama", "every-nth", "my-text", "none"]) {
    assert.match(list.stdout, new RegExp(`^${name} +plugin "my-plugin" \\(\\./mine\\.ts\\)`, "m"));
  }
  const json = await place.runScript("list", "--json", ...plugin);
  const listed: { name: string; options?: Record<string, string> }[] = JSON.parse(json.stdout);
  const router = listed.find(({ name }) => name === "every-nth");
  assert.deepEqual(router?.options, { every: "runs one in so many" });
  Deno.writeTextFileSync(place.path("bare.ts"), `import "some-package";`);
  assertRefused(
    await place.run("--plugin", "bare.ts"),
    /bare\.ts: .*"some-package".*write out what it imports, as in npm:package@1\.2\.3/,
  );
  assertRefused(await place.run(...plugin, "--model", "my-lama"), /did you mean "my-llama"/);
  assertRefused(
    await place.run(...plugin, "--set", "router.name=every-nht"),
    /router "every-nht", did you mean "every-nth"/,
  );
  assertRefused(
    await place.run(...plugin, "--set", "router.name=every-nth", "--set", "router.every=0"),
    /router\.every = 0 from --set: it must be a whole number, at least 1/,
  );
});

/** Backends that fail in ways that their contract does not allow. */
const BROKEN = `
import { definePlugin } from "@dlr/dlr";
import { referenceBackend } from "@dlr/dlr/backends/reference";

const broken = (wrong: (inner: ReturnType<typeof referenceBackend>) => object) => () => {
  const inner = referenceBackend({ round: true });
  return Promise.resolve(Object.assign(Object.create(inner), inner, wrong(inner)));
};

export default definePlugin({
  name: "broken",
  backends: {
    "cannot-open": () => Promise.reject(new Error("no device")),
    "cannot-compile": broken(() => ({ compile: () => Promise.reject(new Error("no kernel")) })),
    "answers-nothing": broken((inner) => ({
      async compile(outputs: never) {
        const program = await inner.compile(outputs);
        return {
          inputs: program.inputs,
          flops: 0,
          run: () => Promise.resolve({}),
          [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
        };
      },
    })),
  },
});
`;

testWithProcesses(
  "a backend that fails is named in one line, in training and in writing",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("broken.ts"), BROKEN);
    const says = {
      "cannot-open": /backend "cannot-open" threw Error: no device, at broken\.ts:\d+:\d+/,
      "cannot-compile": /backend "cannot-compile"\.compile threw Error: no kernel/,
      "answers-nothing":
        /"answers-nothing": its program, output ".+", returned nothing; it should be/,
    };
    for (const [backend, pattern] of Object.entries(says)) {
      const options = ["--plugin", "broken.ts", "--backend", backend];
      assertRefused(await place.run("--fresh", ...options, ...place.tiny(), "--quiet"), pattern);
      const written = ["--model", "nano", "--prompt", "a", "--quiet"];
      const generated = await place.runScript("generate", ...options, ...written);
    assert.equal(generated.code, 2, generated.stderr);
    assert.equal(complaints(generated).length, 1, generated.stderr);
    assert.match(complaints(generated)[0]!, pattern);
    }
  },
);

testWithProcesses(
  "a sweep gives plugins to its trials, and may be run by a launcher of one",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const sweep = ["--targets", "0.3", "--plugin", "./mine.ts", ...OPTIONS];
    const local = await place.runScript("pareto", "--fresh", ...sweep);
    assertFinished(local);
    const none = ["--launcher", "none", "--out", "other"];
    const unrun = await place.runScript("pareto", ...sweep, ...none);
    assert.equal(unrun.code, 2);
    assert.match(complaints(unrun).at(-1)!, /was not run/);
  },
);
