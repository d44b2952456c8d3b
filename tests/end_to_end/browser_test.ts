/** The page of examples/onnx/browser, in Chromium: the tokens and logits that are ours. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import {
  continueTexts,
  exportModel,
  type InferenceModel,
  Passes,
} from "../../core/inference/mod.ts";
import { openTrainedModel } from "../../core/run/trained_model.ts";
import { writeModel } from "../../core/run/model_export.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { drawTokens, tinyModel } from "../core/eval/scoring/support.ts";
import { type Browser, cachedPackage, inBrowser, lacksForBrowser } from "./chromium.ts";
import { ROOT, testWithProcesses } from "./command.ts";

/** ONNX Runtime Web of the version that runs here. */
const RUNTIME = config.imports["onnxruntime-node"].replace("-node", "-web");

const TOKENIZERS = new URL("tokenizers.min.mjs", import.meta.resolve("@huggingface/tokenizers"));

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  wasm: "application/wasm",
};

/** Serves files by their names, on a port of its own. */
function serve(files: ReadonlyMap<string, string | Uint8Array<ArrayBuffer>>) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async ({ url }) => {
      const name = new URL(url).pathname.slice(1);
      const file = files.get(name);
      if (file === undefined) return new Response("no such file", { status: 404 });
      const type = TYPES[name.split(".").at(-1)!] ?? "application/octet-stream";
      const body = typeof file === "string" ? await Deno.readFile(file) : file;
      return new Response(body, { headers: { "content-type": type } });
    },
  );
  return { address: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

/** Tokens to be made by the class `Model`, without the page. */
interface Task {
  readonly file: string;
  readonly prompt: readonly number[];
  readonly count: number;
  readonly shift: number;
}

/** What the class made: of each step logits, the likeliest token and the layers that ran. */
interface Made {
  readonly tokens: number[];
  readonly logits: number[][];
  readonly layers: number[];
}

/** What a page is told, by the labels of its fields, and what it shows then. */
interface Visit {
  readonly fields: Readonly<Record<string, string>>;
  /** Pressed with the slider in focus, if there is to be one. */
  readonly key?: string;
}
interface Shown {
  readonly text: string;
  readonly tokens: number[];
  readonly layers: number[];
  readonly numbers: string;
  readonly hasSlider: boolean;
}

interface Wanted {
  readonly address: string;
  readonly tasks: readonly Task[];
  readonly visits: readonly Visit[];
}
interface Found {
  readonly made: Made[];
  readonly shown: Shown[];
  readonly errors: string[];
}

/** Runs in a process of its own, so it uses nothing of this file. */
async function lead(
  browser: Browser,
  { address, tasks, visits }: Wanted,
): Promise<Found> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.goto(`${address}/blank.html`);
  const made: Made[] = [];
  for (const task of tasks) {
    made.push(
      await page.evaluate(async ({ file, prompt, count, shift }) => {
        const { Model } = await import(new URL("/generate.js", location.href).href);
        const model = await Model.load(file);
        const all: Made = { tokens: [], logits: [], layers: [] };
        let next = [...prompt];
        while (all.tokens.length < count) {
          const { logits, gates } = await model.read(next, shift);
          next = [logits.indexOf(Math.max(...logits))];
          all.tokens.push(next[0]!);
          all.logits.push([...logits]);
          all.layers.push(gates ? model.layersAt(gates.at(-1)) : model.layers);
        }
        await model.release();
        return all;
      }, task),
    );
  }
  const shown: Shown[] = [];
  for (const { fields, key } of visits) {
    await page.goto(`${address}/index.html`);
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
    const slider = page.getByRole("slider", { name: "Layers" });
    if (key) {
      await slider.waitFor();
      await slider.press(key);
    }
    await page.getByRole("button", { name: "Continue the text" }).press("Enter");
    await page.locator("#numbers[aria-busy=false]").waitFor();
    const tokens = await page.locator("#text span").all();
    const told = (name: string) =>
      Promise.all(tokens.map(async (token) => Number(await token.getAttribute(name))));
    shown.push({
      text: await page.locator("#text").textContent(),
      tokens: await told("data-token"),
      layers: await told("data-layers"),
      numbers: await page.locator("#numbers").textContent(),
      hasSlider: await slider.isVisible(),
    });
  }
  return { made, shown, errors };
}

/** What our own passes make of a task. */
async function ours(own: InferenceModel, { prompt, count, shift }: Task): Promise<Made> {
  const { threshold = 0, targetSkip = 0 } = own.point ?? {};
  const shifted = { ...own, point: { threshold: threshold + shift, targetSkip } };
  await using passes = new Passes(own.point ? shifted : own);
  const { numLayers } = own.student.model.dims;
  const tokens: number[] = [];
  const layers: number[] = [];
  for await (
    const [written] of continueTexts(passes, [Int32Array.from(prompt)], { maxTokens: count })
  ) {
    const { token, gates } = written!;
    tokens.push(token);
    layers.push(gates ? numLayers - gates.length + gates.reduce((a, b) => a + b, 0) : numLayers);
  }
  // All at once, without a cache.
  const { logits } = await passes.run({
    sequences: [Int32Array.from([...prompt, ...tokens.slice(0, -1)])],
    rows: tokens.map((_, step) => [0, prompt.length - 1 + step] as const),
    answers: "logits",
  });
  const width = logits!.shape[1]!;
  return {
    tokens,
    logits: tokens.map((_, step) => [...logits!.data.slice(step * width, (step + 1) * width)]),
    layers,
  };
}

testWithProcesses(
  "in a browser an exported model writes our tokens, as a class and on the page",
  async (test) => {
    const folder = await Deno.makeTempDir({ prefix: "dlr_browser_" });
    await using nano = await openTrainedModel(
      { model: "nano", depth: "base" },
      builtinPlugins(),
      true,
    );
    await writeModel(nano, join(folder, "model.onnx"), "float32");
    const tiny = (["token-gumbel", "sequence-gumbel"] as const).map((router) => ({
      ...tinyModel("routed", router),
      backend: onnxBackend({ threads: 1 }),
    }));
    const models = [nano.model, ...tiny];
    const names = ["model.onnx", "token.onnx", "sequence.onnx"];

    const page = join(ROOT, "examples", "onnx", "browser");
    const files = new Map<string, string | Uint8Array<ArrayBuffer>>([
      ["blank.html", new TextEncoder().encode('<!DOCTYPE html><link rel="icon" href="data:,">')],
      ...["index.html", "page.js", "generate.js"].map((name) => [name, join(page, name)] as const),
      ["model.onnx", join(folder, "model.onnx")],
      ["tokenizer.json", join(ROOT, "plugins", "models", "nano", "tokenizer.json")],
      ...["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"].map(
        (name) => [`ort/${name}`, join(cachedPackage(RUNTIME)!, "dist", name)] as const,
      ),
      ["ort/tokenizers.min.mjs", fileURLToPath(TOKENIZERS)],
      ...tiny.map((own, at) =>
        [
          names[at + 1]!,
          Uint8Array.from(exportModel(own, { weightFormat: "float32" }).bytes),
        ] as const
      ),
    ]);
    const server = serve(files);
    try {
      const prompt = "Mia has a red ball.";
      const ids = [...nano.tokenizer.encode(prompt)];
      const drawn = drawTokens(5, 3);
      const tasks: Task[] = [
        { file: names[0]!, prompt: ids, count: 70, shift: 0 },
        ...[0, 0.5, -1e9, 1e9].map((shift) => ({
          file: names[1]!,
          prompt: drawn,
          count: 12,
          shift,
        })),
        { file: names[2]!, prompt: drawn, count: 12, shift: 0 },
      ];
      const withIds = { Model: names[1]!, Tokenizer: "", Prompt: drawn.join(" ") };
      const visits: Visit[] = [
        { fields: { Prompt: prompt, "Most tokens": "30" } },
        ...["End", "Home"].map((key) => ({ fields: { ...withIds, "Most tokens": "6" }, key })),
        { fields: { Model: "missing.onnx" } },
      ];
      const found = await inBrowser(folder, lead, {
        address: server.address,
        tasks,
        visits,
      });
      const [plain, most, least, missing] = found.shown as [Shown, Shown, Shown, Shown];
      const wanted = await Promise.all(
        tasks.map((task) => ours(models[names.indexOf(task.file)]!, task)),
      );

      await test.step("tokens, layers and logits of the class Model", () => {
        wanted.forEach(({ tokens, logits, layers }, at) => {
          const label = `${tasks[at]!.file} ${tasks[at]!.shift}`;
          const theirs = found.made[at]!;
          assert.deepEqual(theirs.tokens, tokens, label);
          assert.deepEqual(theirs.layers, layers, label);
          const apart = logits.map((own, step) =>
            Math.max(...own.map((logit, id) => Math.abs(logit - theirs.logits[step]![id]!)))
          );
          assert.ok(Math.max(...apart) < 1e-3, `${label}: logits are ${Math.max(...apart)} apart`);
        });
      });

      await test.step("the text that the page shows", () => {
        const tokens = wanted[0]!.tokens.slice(0, 30);
        assert.deepEqual(plain.tokens, tokens);
        assert.equal(plain.text, nano.tokenizer.decode([...ids, ...tokens]));
        assert.match(plain.numbers, /^30 tokens, [\d.]+ a second, 12\.00 of 12 layers a token$/);
        assert.equal(plain.hasSlider, false);
      });

      await test.step("the slider from all layers to those that always run, with token ids", () => {
        assert.deepEqual(most.tokens, wanted[3]!.tokens.slice(0, 6));
        assert.deepEqual(most.layers, wanted[3]!.layers.slice(0, 6));
        assert.deepEqual(least.tokens, wanted[4]!.tokens.slice(0, 6));
        assert.deepEqual(least.layers, wanted[4]!.layers.slice(0, 6));
        assert.equal(least.text, [...drawn, ...least.tokens].join(" "));
        assert.match(least.numbers, / a second, 1\.00 of 4 layers a token$/);
      });

      await test.step("what is missing is said on the page", () => {
        assert.match(missing.numbers, /^missing\.onnx: 404/);
        assert.deepEqual(found.errors, []);
      });
    } finally {
      await server.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
  () => lacksForBrowser(RUNTIME),
);
