/**
 * A trained model of 260 thousand parameters (llama2.c's stories260K in Hugging Face format) against
 * llama2.c's own logits and text: weights, tokenizer, model and the onnx backend together.
 */

import assert from "node:assert/strict";
import { input } from "../../../core/graph/mod.ts";
import { loadTokenizer, openModelFolder } from "../../../core/io/mod.ts";
import {
  continueTexts,
  type InferenceModel,
  likeliest,
  Passes,
} from "../../../core/inference/mod.ts";
import { initialize, inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import { forward, siteOf } from "../../../core/routing/mod.ts";
import { floats, type HostTensor, ints } from "../../../core/tensor/mod.ts";
import { routingNodes } from "../../../core/train/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { llamaKind } from "../../../plugins/models/llama/mod.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";
import { sharedPath, testWithData } from "../../core/io/support.ts";

const DATA = "stories260K";

/** What llama2.c computed: 64 tokens, the first five given, and the logits after each. */
interface Reference {
  readonly prompt: string;
  readonly "n_prompt_tokens": number;
  readonly tokens: readonly number[];
  readonly "next_greedy": number;
  readonly logits: readonly (readonly number[])[];
}

function reference(): Reference {
  return JSON.parse(Deno.readTextFileSync(sharedPath(`${DATA}/ref_logits.json`)));
}

/** Runs `body` with the logits `[T, V]` of any tokens, at most `length` of them. */
async function withModel(
  length: number,
  body: (logitsOf: (tokens: readonly number[]) => Promise<HostTensor["data"]>) => Promise<void>,
): Promise<void> {
  using folder = openModelFolder(sharedPath(`${DATA}/hf`));
  const model = llamaKind.fromConfig(folder.config, folder.dir);
  await using backend = onnxBackend({ threads: 1 });
  const weights = Object.fromEntries(
    Object.keys(model.params()).map((name) => [name, backend.upload(folder.weights.read(name))]),
  );
  const params = new ParamNodes(inputNodes(model.params()));
  const pass = forward(model, params, input("tokens", [1, length], "int32"));
  await using program = await backend.compile({ logits: model.head(params, pass.hiddenStates) });
  await body(async (tokens) => {
    // Filled up on the right: under the causal mask nothing looks there.
    const padded = ints([1, length]);
    padded.data.set(tokens);
    return (await program.run({ ...weights, tokens: padded })).logits.data;
  });
}

testWithData("logits of a trained model are llama2.c's within 1e-3", DATA, async () => {
  const { tokens, logits, next_greedy: next } = reference();
  await withModel(tokens.length, async (logitsOf) => {
    const actual = await logitsOf(tokens);
    const expected = logits.flat();
    assert.equal(actual.length, expected.length);
    const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[i]!)), 0);
    assert.ok(worst <= 1e-3, `the largest difference is ${worst}`);
    const last = logits.at(-1)!;
    assert.equal(last.indexOf(Math.max(...last)), next);
  });
});

testWithData(
  "greedy decoding gives the reference's tokens, and decodes to its text",
  DATA,
  async () => {
    const text = Deno.readTextFileSync(sharedPath(`${DATA}/greedy_once_upon_a_time_n100.txt`));
    const { prompt, tokens: known, n_prompt_tokens: given } = reference();
    const tokenizer = await loadTokenizer(sharedPath(`${DATA}/hf`));
    const tokens: number[] = [...tokenizer.encode(prompt, { addSpecial: true })];
    assert.deepEqual(tokens, known.slice(0, given));
    // A hundred steps, each of which adds a token to the one that begins the sequence.
    const length = 101;
    await withModel(length, async (logitsOf) => {
      while (tokens.length < length) {
        const all = await logitsOf(tokens);
        const vocabulary = all.length / length;
        const row = all.subarray((tokens.length - 1) * vocabulary, tokens.length * vocabulary);
        tokens.push(row.indexOf(Math.max(...row)));
      }
    });
    assert.deepEqual(tokens.slice(0, known.length), known);
    assert.equal(tokenizer.decode(tokens).trim(), text.trim());
  },
);

testWithData(
  "the cache writes llama2.c's text, and skipping writes that of gating",
  DATA,
  async () => {
    using folder = openModelFolder(sharedPath(`${DATA}/hf`));
    const model = llamaKind.fromConfig(folder.config, folder.dir);
    await using backend = onnxBackend({ threads: 1 });
    const weights = Object.fromEntries(
      Object.keys(model.params()).map((name) => [name, folder.weights.read(name)]),
    );
    const { tokens, n_prompt_tokens: given } = reference();
    const prompt = Int32Array.from(tokens.slice(0, given));
    const written = async (own: InferenceModel) => {
      await using passes = new Passes(own, { bakesWeights: true });
      const made: number[] = [];
      for await (const step of continueTexts(passes, [prompt], { maxTokens: 59 })) {
        made.push(...step.map(({ token }) => token));
      }
      return made;
    };
    const base: InferenceModel = { backend, student: { model }, depth: "base", weights };
    assert.deepEqual(await written(base), tokens.slice(given));

    // A router of random weights, with its threshold where half of its answers lie.
    const router = tokenGumbel.create(
      tokenGumbel.options.parse({ initialBias: 0, initialStd: 1 }),
    );
    const student = { model, router: { router, anchorLayers: 2 } };
    const own = initialize(router.params(siteOf(model, 2)), 5);
    const routed: InferenceModel = {
      backend,
      student,
      depth: "routed",
      weights: { ...weights, ...own },
      point: { threshold: 0, targetSkip: 0 },
    };
    const text = await written(routed);
    assert.notDeepEqual(text, tokens.slice(given));
    assert.deepEqual(text, await gatedText(routed, [...prompt], text.length));
  },
);

/** What the gated pass over the whole text writes, token by token and without a cache. */
async function gatedText(
  { backend, student, weights }: InferenceModel,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  const length = prompt.length + count;
  const { model, router } = student;
  const params = new ParamNodes(inputNodes({
    ...model.params(),
    ...router!.router.params(siteOf(model, router!.anchorLayers)),
  }));
  const tokens = input("tokens", [1, length], "int32");
  const routing = routingNodes(model, router!, params, [1, length], "eval");
  const pass = forward(model, params, tokens, routing);
  await using program = await backend.compile({ logits: model.head(params, pass.hiddenStates) });
  const ids = ints([1, length]);
  ids.data.set(prompt);
  for (let at = prompt.length; at < length; at++) {
    const mask = floats([1, length]);
    mask.data.fill(1, 0, at);
    const { logits } = await program.run({
      ...weights,
      tokens: ids,
      tokenMask: mask,
      promptMask: floats([1, length]),
      threshold: floats([], [0]),
      targetSkip: floats([], [0]),
    });
    const rows = floats([length, model.dims.vocabSize], logits.data as Float32Array<ArrayBuffer>);
    ids.data[at] = likeliest(rows, at - 1);
  }
  return [...ids.data.subarray(prompt.length)];
}
