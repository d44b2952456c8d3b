/**
 * Mistakes that a user can make: each gives one clear line on stderr and exit code 2, before
 * anything is written.
 */

import assert from "node:assert/strict";
import { readdirSync, truncateSync } from "node:fs";
import { trainByteLevelBpe } from "../../core/io/bpe_trainer.ts";
import { resolveConfig } from "../../core/run/config.ts";
import type { RouterOptions } from "../../core/run/config_schema.ts";
import { createRun, type OpenRun } from "../../core/run/run_folder.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";
import { complaints, testWithProcesses, Workplace } from "./command.ts";
import { TINY_CONFIG, tinyLines, writeTinyModel } from "./tiny_model.ts";

/** A command line that cannot work, and what its one line has to say. */
interface Mistake {
  readonly args: readonly string[];
  readonly says: RegExp;
}

testWithProcesses("a wrong command line is refused in one line", () =>
  refuseAll(() => {}, {
    "unknown option": { args: ["--frsh"], says: /unknown option '--frsh'.*--fresh/ },
    "option without its value": { args: ["--steps"], says: /--steps.*argument missing/ },
    "stray word": { args: ["fresh"], says: /too many arguments|unknown argument|Expected 0/i },
    "unknown setting": {
      args: ["--set", "optimizer.learningrate=1"],
      says: /"optimizer\.learningrate".*did you mean "optimizer\.learningRate"/,
    },
    "setting out of range": {
      args: ["--set", "objective.targetSkip=1.5"],
      says: /objective\.targetSkip = 1\.5.*below 1/,
    },
    "no number": { args: ["--steps", "many"], says: /steps = "many".*whole number/ },
    "no finite number": { args: ["--set", "lora.alpha=NaN"], says: /lora\.alpha = "NaN".*number/ },
    "set without a value": { args: ["--set", "steps"], says: /key=value/ },
    "missing configuration file": {
      args: ["--config", "no.json"],
      says: /no\.json.*no such file/,
    },
    "unknown model": { args: ["--model", "nanno"], says: /model "nanno".*did you mean "nano"/ },
    "unknown corpus": {
      args: ["--data", "microwrld"],
      says: /corpus "microwrld".*did you mean "microworld"/,
    },
    "unknown backend": { args: ["--backend", "onxx"], says: /backend "onxx".*did you mean "onnx"/ },
    "unknown router": {
      args: ["--set", "router.name=token-gumble"],
      says: /router "token-gumble".*did you mean "token-gumbel"/,
    },
    "unknown execution provider": {
      args: ["--set", "backend.executionProvider=abacus"],
      says: /"abacus".*there is cpu/,
    },
    "unknown session option value": {
      args: ["--set", "backend.sessionOptions.graphOptimizationLevel=most"],
      says: /graphOptimizationLevel/,
    },
    "unknown projection": {
      args: ["--set", "lora.targets=q_proj,qproj"],
      says: /"qproj".*q_proj, k_proj/,
    },
    "no layer left to route": {
      args: ["--set", "router.anchorLayers=3"],
      says: /router\.anchorLayers is 3.*has 3 layers.*at most 2/,
    },
    "sequences longer than the model's positions": {
      args: ["--set", "sequenceLength=65"],
      says: /sequenceLength is 65.*64 positions/,
    },
  }));

testWithProcesses(
  "a model folder that cannot be used is refused in one line",
  () =>
    refuseAll((place) => {
      const model = (name: string) => {
        writeTinyModel(place.path(name));
        return (file: string) => place.path(name, file);
      };
      const config = (name: string, change: Readonly<Record<string, unknown>>) =>
        Deno.writeTextFileSync(
          model(name)("config.json"),
          JSON.stringify({ ...TINY_CONFIG, ...change }),
        );

      Deno.removeSync(model("no-config")("config.json"));
      Deno.writeTextFileSync(model("broken-config")("config.json"), "{");
      config("gpt2", { architectures: ["GPT2LMHeadModel"] });
      config("no-layers", { "num_hidden_layers": 0 });
      config("wider", { "hidden_size": 32 });
      config("deeper", { "num_hidden_layers": 4 });
      Deno.removeSync(model("no-weights")("model.safetensors"));
      truncateSync(model("truncated")("model.safetensors"), 5000);
      lieAboutHeader(model("lying")("model.safetensors"));
      Deno.removeSync(model("no-tokenizer")("tokenizer.json"));
      const larger = trainByteLevelBpe(tinyLines(), {
        vocabularySize: TINY_CONFIG.vocab_size + 10,
      });
      Deno.writeTextFileSync(model("larger-tokenizer")("tokenizer.json"), JSON.stringify(larger));
    }, {
      "no such folder": { args: ["--model", "./nowhere"], says: /nowhere: no such folder/ },
      "a file": { args: ["--model", "./text.txt"], says: /text\.txt: it is a file/ },
      "no config.json": { args: ["--model", "./no-config"], says: /no-config.*no config\.json/ },
      "config.json is no JSON": { args: ["--model", "./broken-config"], says: /config\.json/ },
      "another architecture": {
        args: ["--model", "./gpt2"],
        says: /"GPT2LMHeadModel".*supported: LlamaForCausalLM/,
      },
      "no layers": { args: ["--model", "./no-layers"], says: /"num_hidden_layers"/ },
      "weights of another width": {
        args: ["--model", "./wider"],
        says: /tensor \S+ is \[288,16\], config\.json calls for \[288,32\]/,
      },
      "too few weights": { args: ["--model", "./deeper"], says: /model\.layers\.3\./ },
      "no weights": { args: ["--model", "./no-weights"], says: /no-weights.*safetensors/ },
      "truncated weights": { args: ["--model", "./truncated"], says: /model\.safetensors.*again/ },
      "a header that lies about its length": {
        args: ["--model", "./lying"],
        says: /model\.safetensors.*header.*bytes/,
      },
      "no tokenizer": { args: ["--model", "./no-tokenizer"], says: /no tokenizer\.json/ },
      "a tokenizer with more tokens than the model": {
        args: ["--model", "./larger-tokenizer"],
        says: /larger-tokenizer.*288/,
      },
    }),
);

testWithProcesses("a text that cannot be used is refused in one line", () =>
  refuseAll((place) => {
    Deno.writeTextFileSync(place.path("empty.txt"), "");
    Deno.writeTextFileSync(place.path("blank.txt"), "\n \n\n");
    Deno.writeFileSync(place.path("binary.txt"), new Uint8Array([104, 105, 0, 1, 2, 255]));
    Deno.writeFileSync(place.path("latin1.txt"), new Uint8Array([104, 233, 10, 104, 10]));
    Deno.writeTextFileSync(place.path("short.txt"), "one\n\ntwo\n\nthree\n\nfour\n");
    Deno.writeTextFileSync(place.path("broken.jsonl"), '{"text": "a"}\n{"text": \n');
  }, {
    "missing": { args: ["--data", "missing.txt"], says: /missing\.txt: no such file/ },
    "a folder": { args: ["--data", "./model"], says: /model.*(folder|directory)/ },
    "empty": { args: ["--data", "empty.txt"], says: /empty\.txt: it is empty/ },
    "blank": { args: ["--data", "blank.txt"], says: /blank\.txt: it is empty/ },
    "binary": { args: ["--data", "binary.txt"], says: /binary\.txt: byte 2 is zero/ },
    "not UTF-8": { args: ["--data", "latin1.txt"], says: /latin1\.txt: it is not UTF-8/ },
    "too short": {
      args: ["--data", "short.txt"],
      says: /batch of 2 sequences of 16 tokens.*short/,
    },
    "a broken line": { args: ["--data", "broken.jsonl"], says: /broken\.jsonl: line 2/ },
  }));

testWithProcesses(
  "a run folder that cannot be used is refused in one line",
  () =>
    refuseAll(async (place, open) => {
      const record = (name: string, text: string) => {
        Deno.mkdirSync(place.path(name));
        Deno.writeTextFileSync(place.path(name, "run.json"), text);
      };
      Deno.mkdirSync(place.path("no-run"));
      record("damaged", '{"name": "exp1');
      record("half", '{"name": "exp10"}');
      await newRun(place, "other", "exp1").then((run) => run[Symbol.dispose]());
      await newRun(place, "unfinished").then((run) => run[Symbol.dispose]());
      await newRun(place, "finished").then((run) => {
        run.finish({});
        run[Symbol.dispose]();
      });
      open.use(await newRun(place, "locked"));
    }, {
      "--fresh with --resume": { args: ["--fresh", "--resume", "auto"], says: /--fresh.*--resume/ },
      "nothing to resume": { args: ["--resume", "auto"], says: /no unfinished run/ },
      "no run folder": { args: ["--resume", "no-run"], says: /no-run is no run folder/ },
      "no folder": { args: ["--resume", "nowhere"], says: /nowhere/ },
      "damaged record": { args: ["--resume", "damaged"], says: /damaged.*not JSON/ },
      "a run of another experiment": {
        args: ["--resume", "other"],
        says: /is of exp1, not of exp10/,
      },
      "a finished run": { args: ["--resume", "finished"], says: /finished is finished/ },
      "a run that is open elsewhere": {
        args: ["--resume", "locked"],
        says: /locked is open in another process/,
      },
      "a run of another configuration": {
        args: ["--resume", "unfinished", "--steps", "7"],
        says: /unfinished has other settings: steps \(6 there, 7 asked for\);/,
      },
      "half a record": { args: ["--resume", "half"], says: /half.run\.json is damaged/ },
      "--out holds something": { args: ["--out", "model"], says: /model.*not empty/ },
      "--out is a file": { args: ["--out", "text.txt"], says: /text\.txt.*it is a file/ },
    }),
);

/** Runs every command line in one folder and checks how it is refused; two at a time. */
async function refuseAll(
  prepare: (place: Workplace, open: DisposableStack) => void | Promise<void>,
  mistakes: Readonly<Record<string, Mistake>>,
): Promise<void> {
  using place = new Workplace();
  using open = new DisposableStack();
  await prepare(place, open);
  const before = filesIn(place.folder);
  const left = Object.entries(mistakes);
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await refuse(place, ...next);
    }
  };
  await Promise.all([worker(), worker()]);
  assert.deepEqual(filesIn(place.folder), before, "something was left behind");
}

async function refuse(place: Workplace, name: string, { args, says }: Mistake): Promise<void> {
  const outcome = await place.run(...withDefaults(place, args));
  const lines = complaints(outcome);
  const all = `${name}: ${args.join(" ")}\n${outcome.stdout}${outcome.stderr}`;
  assert.equal(outcome.code, 2, `code ${outcome.code} for ${all}`);
  assert.equal(lines.length, 1, `${lines.length} lines for ${all}`);
  assert.match(lines[0]!, /^error: /, all);
  assert.match(lines[0]!, says, all);
  assert.equal(outcome.stdout, "", all);
}

/** A run that would work, but for `args`; a run that is resumed takes no settings. */
function withDefaults(place: Workplace, args: readonly string[]): string[] {
  if (args.includes("--resume")) return [...args];
  return [...place.tiny(), ...(args.includes("--out") ? [] : ["--fresh"]), ...args];
}

/** A run folder without any step in it, as a run that is killed at once leaves it. */
async function newRun(place: Workplace, name: string, experiment = "exp10"): Promise<OpenRun> {
  const router = builtinPlugins().routers.get(tokenGumbel.name);
  const config = await resolveConfig({
    defaults: { name: experiment, router: { name: tokenGumbel.name, anchorLayers: 1 } },
    routerOptions: new Map([[tokenGumbel.name, router.options as RouterOptions]]),
    overrides: { model: "model", data: "text.txt", steps: "6" },
    sets: ["batchSize=2", "sequenceLength=16"],
  });
  return createRun({ config, commandLine: "deno task exp10", out: place.path(name) });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).toSorted();
}

/** Makes a safetensors file claim a header of a terabyte. */
function lieAboutHeader(path: string): void {
  const bytes = Deno.readFileSync(path);
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 40n, true);
  Deno.writeFileSync(path, bytes);
}
