/** Models of the example plugins with a cache: windows reach back into it, whatever is skipped. */

import assert from "node:assert/strict";
import { type Backend } from "../../core/contracts/mod.ts";
import { type InferenceModel, Passes, readPrompts } from "../../core/inference/mod.ts";
import { initialize } from "../../core/nn/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { routingParams } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";
import { jitter } from "../support/tiny_student.ts";
import { assertParity } from "../parity/golden.ts";
import { distance, goldenOf, modelOf, NAMES, weightsOf } from "./checkpoints.ts";

/** A checkpoint with a router that skips tokens, drawn at random. */
function routed(backend: Backend, name: string): InferenceModel {
  const router = tokenGumbel.create(
    tokenGumbel.options.parse({ initialBias: 0, initialStd: 1 }),
  );
  const student = { model: modelOf(name), router: { router, anchorLayers: 1 } };
  const own = jitter(
    initialize(routingParams({ ...student, batchSize: 1, sequenceLength: 1 }), 5),
    0.5,
    6,
  );
  return {
    backend,
    student,
    depth: "routed",
    weights: { ...weightsOf(name), ...own },
    point: { threshold: 0, targetSkip: 0.4 },
  };
}

/** Logits after each prompt, read in pieces of `chunk` tokens with a cache of those before. */
async function logitsAfter(
  passes: Passes,
  prompts: readonly Int32Array[],
  chunk: number,
): Promise<HostTensor[]> {
  const { answers } = await readPrompts(passes, prompts, chunk);
  return answers.map(({ logits, place }) => {
    const width = logits!.shape[1]!;
    return floats([width], logits!.data.slice(place * width, (place + 1) * width));
  });
}

/** In a cache, token by token, in pieces shorter than the windows, and in one piece. */
const CHUNKS = [1, 4, 64];

for (const name of NAMES) {
  Deno.test(`${name} reads from a cache what transformers reads at once`, async () => {
    const golden = goldenOf(name);
    const { shape: [texts, length], data } = golden.get("tokens")!;
    const prompts = Array.from(
      { length: texts! },
      (_, text) => Int32Array.from(data.slice(text * length!, (text + 1) * length!)),
    );
    const { data: logits, shape: [, , width] } = golden.get("logits")!;
    const end = (text: number) => (text + 1) * length! * width!;
    await using backend = onnxBackend({ threads: 1 });
    const own = { backend, student: { model: modelOf(name) }, weights: weightsOf(name) };
    await using passes = new Passes({ ...own, depth: "base" });
    for (const chunk of CHUNKS) {
      (await logitsAfter(passes, prompts, chunk)).forEach((actual, text) => {
        const expected = floats([width!], logits.slice(end(text) - width!, end(text)));
        assertParity(actual, expected, `text ${text} in pieces of ${chunk}`);
      });
    }
  });

  Deno.test(`${name} goes on in two ways from one text that both share`, async () => {
    const random = new RandomStream(8, name);
    const draw = (length: number) => Int32Array.from({ length }, () => random.below(64));
    const [text, ...ways] = [draw(11), draw(9), draw(4)] as const;
    await using backend = onnxBackend({ threads: 1 });
    const own = { backend, student: { model: modelOf(name) }, weights: weightsOf(name) };
    await using passes = new Passes({ ...own, depth: "base" });
    const { cache } = await readPrompts(passes, [text]);
    const { logits } = await passes.run({
      sequences: ways,
      earlier: { memory: cache.memory, lengths: cache.lengths, shared: true },
      rows: ways.map((way, row) => [row, way.length - 1] as const),
      answers: "logits",
    });
    const width = logits!.shape[1]!;
    const whole = await logitsAfter(passes, ways.map((way) => Int32Array.of(...text, ...way)), 64);
    whole.forEach((expected, row) => {
      const actual = floats([width], logits!.data.slice(row * width, (row + 1) * width));
      const off = distance(actual, expected);
      assert.ok(off < 1e-4, `way ${row} is off by ${off}`);
    });
  });

  Deno.test(`${name}, skipping, reads from a cache what it reads at once`, async () => {
    await using backend = onnxBackend({ threads: 1 });
    await using passes = new Passes(routed(backend, name));
    const random = new RandomStream(7, name);
    // Longer than the windows, of different lengths.
    const prompts = [21, 13].map((length) =>
      Int32Array.from({ length }, () => random.below(modelOf(name).dims.vocabSize))
    );
    const whole = await logitsAfter(passes, prompts, 64);
    const { skipRatio } = passes.statistics!;
    assert.ok(skipRatio > 0.1 && skipRatio < 0.9, `it skips ${skipRatio}`);
    for (const chunk of CHUNKS) {
      (await logitsAfter(passes, prompts, chunk)).forEach((logits, text) => {
        const off = distance(logits, whole[text]!);
        assert.ok(off < 1e-4, `text ${text} in pieces of ${chunk} is off by ${off}`);
      });
    }
  });
}
