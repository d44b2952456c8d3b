/** exp10 on a model and a text of the hub: downloaded, pinned, used again offline, or refused. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openSafetensors, writeSafetensors } from "../../core/io/mod.ts";
import { readRunRecord } from "../../core/run/run_record.ts";
import { answers, filesBelow, garbage, type HubFiles, HubServer } from "../support/hub_server.ts";
import {
  assertFinished,
  complaints,
  outcomeOf,
  testWithProcesses,
  TINY_OPTIONS,
  Workplace,
} from "./command.ts";
import { TINY_CONFIG, tinyLines } from "./tiny_model.ts";

const MODEL = "someone/tiny-llama";
const DATASET = "Salesforce/wikitext";
const OPTIONS = ["--scale", "small", "--data", "wikitext2", "--steps", "6", ...TINY_OPTIONS];

/** A hub, and a folder whose processes ask it and no other. */
async function withHub(
  body: (hub: HubServer, place: Workplace, model: HubFiles) => Promise<void>,
): Promise<void> {
  await using hub = HubServer.start();
  using place = new Workplace({ HF_ENDPOINT: hub.endpoint, HF_TOKEN: "", HF_HUB_OFFLINE: "" });
  place.env["HF_HOME"] = place.path("huggingface");
  const model = shardedModel(place);
  await hub.add("dataset", DATASET, wikitext());
  await body(hub, place, model);
}

/** The tiny model in bfloat16, in two files with an index. */
function shardedModel(place: Workplace): HubFiles {
  using whole = openSafetensors(place.path("model", "model.safetensors"));
  const names = [...whole.tensors.keys()];
  const [first, second] = [names.slice(0, 7), names.slice(7)];
  const places: Record<string, string> = {};
  [first, second].forEach((part, i) => {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    const tensors = part.map((name) => ({ name, tensor: whole.read(name) }));
    writeSafetensors(place.path("sharded", file), tensors, { format: "pt" }, { floats: "BF16" });
    for (const name of part) places[name] = file;
  });
  const small = Object.fromEntries(
    ["config.json", "tokenizer.json", "tokenizer_config.json"].map((file) => [
      file,
      Deno.readTextFileSync(place.path("model", file)),
    ]),
  );
  return {
    ...filesBelow(place.path("sharded")),
    ...small,
    "model.safetensors.index.json": JSON.stringify({ "weight_map": places }),
    "README.md": "# of no use here",
  };
}

/** WikiText-2 with lines of more than 100 characters between headings. */
function wikitext(): HubFiles {
  const lines = tinyLines().map((line) => `${line}, `.repeat(3));
  const file = (texts: readonly string[]) => {
    const rows = texts.flatMap((text) => [" = A heading = \n", "", ` ${text}\n`]);
    const columnData = [{ name: "text", data: rows, type: "STRING" as const }];
    return new Uint8Array(parquetWriteBuffer({ columnData }));
  };
  const name = (split: string) => `wikitext-2-raw-v1/${split}-00000-of-00001.parquet`;
  return {
    [name("train")]: file(lines.slice(0, 30)),
    [name("validation")]: file(lines.slice(30, 36)),
    [name("test")]: file(lines.slice(36)),
  };
}

testWithProcesses(
  "a model and a text come from the hub, and stay what they were",
  () =>
    withHub(async (hub, place, files) => {
      const model = await hub.add("model", MODEL, files);
      const commit = model.resolve("main")!;
      const child = place.start("--fresh", "--model", MODEL, ...OPTIONS, "--set", "steps=200");
      while (!existsSync(join(place.runs()[0] ?? "", "checkpoints", "index.json"))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill("SIGINT");
      const stopped = await outcomeOf(child);
      assert.equal(stopped.code, 130, stopped.stderr);
      assert.match(stopped.stderr, /someone\/tiny-llama, MB/);
      const [run] = place.runs();
      const { repositories } = readRunRecord(run!);
      assert.deepEqual(Object.keys(repositories!), [`model ${MODEL}`, `dataset ${DATASET}`]);
      assert.equal(repositories![`model ${MODEL}`], commit);
      assert.ok(
        !hub.requests.some(({ path }) => path.endsWith("README.md")),
        "only what is needed",
      );

      // The model moves on; the run does not.
      await model.commit({ ...files, "config.json": "{}" });
      const before = hub.requests.length;
      const resumed = await place.run("--resume", run!, "--quiet");
      assertFinished(resumed);
      assert.match(resumed.stdout, /^speed +\d+ tokens\/s, \d+ GFLOP\/s/m);
      assert.deepEqual(hub.requests.slice(before), [], "everything is here already");
      assert.equal(readRunRecord(run!).repositories![`model ${MODEL}`], commit);

      const pinned = `${MODEL}@${commit}`;
      place.env["HF_HUB_OFFLINE"] = "1";
      const offline = await place.run("--fresh", "--model", pinned, ...OPTIONS, "--quiet");
      assertFinished(offline);
      assert.match(offline.stdout, /^estimate +\S.* for the 250 steps of the whole experiment$/m);
      assert.equal(hub.requests.length, before);
    }),
);

testWithProcesses(
  "what the hub cannot give is refused in one line",
  () =>
    withHub(async (hub, place, files) => {
      const { "model-00002-of-00002.safetensors": _, ...lacking } = files;
      await hub.add("model", "someone/lacking", lacking);
      await hub.add("model", "someone/gated", files, { access: "gated" });
      await hub.add("model", "someone/words", { "README.md": "no model" });
      await hub.add("model", "someone/other", {
        ...files,
        "config.json": JSON.stringify({ ...TINY_CONFIG, architectures: ["GPT2LMHeadModel"] }),
      });
      await hub.add("model", "someone/unfit", {
        ...files,
        "config.json": JSON.stringify({ ...TINY_CONFIG, "hidden_size": 24 }),
      });
      await hub.add("model", "someone/garbled", files);
      hub.inject(/api\/models\/someone\/garbled/, garbage(), Infinity);
      await hub.add("model", "someone/failing", files);
      hub.inject(/api\/models\/someone\/failing/, answers(500, { "retry-after": "0" }), Infinity);
      const refusals: Readonly<Record<string, RegExp>> = {
        "someone/lacking": /model-00002-of-00002\.safetensors, listed in .*index\.json, is missing/,
        "someone/gated": /gated.*HF_TOKEN/,
        "someone/words": /repository someone\/words: it has no weights/,
        "someone/other":
          /"GPT2LMHeadModel"; supported: LlamaForCausalLM, Qwen2ForCausalLM; .*plugin/,
        "someone/unfit":
          /tensor model\.embed_tokens\.weight is \[288,16\], config\.json calls for \[288,24\]/,
        "someone/nobody": /someone\/nobody.*HF_TOKEN.*there is no folder someone\/nobody either/,
        "someone/garbled": /garbled/,
        "someone/failing": /500/,
        "someone/tiny model": /no such folder|no repository has such a name/,
      };
      for (const [model, says] of Object.entries(refusals)) {
        const outcome = await place.run("--fresh", "--model", model, ...OPTIONS);
        assert.equal(outcome.code, 2, `${model}: ${outcome.stderr}`);
        const last = complaints(outcome).at(-1)!;
        assert.match(last, /^error: /, model);
        assert.match(last, says, model);
        assert.doesNotMatch(outcome.stderr, /\n +at /, model);
      }
      assert.deepEqual(place.runs(), [], "nothing was begun");
    }),
);
