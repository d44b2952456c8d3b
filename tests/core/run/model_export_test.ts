/** Exported models, run by plain ONNX Runtime: the same numbers, from one file and with one beside it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import {
  type Depth,
  exportModel,
  type InferenceModel,
  KeyValueCache,
  Passes,
} from "../../../core/inference/mod.ts";
import { writeModel } from "../../../core/run/model_export.ts";
import { floats, type HostTensor, ints, type TensorData } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { MODEL } from "../../support/tiny_student.ts";
import { drawTokens, tinyModel } from "../eval/scoring/support.ts";
import { type RouterName } from "../eval/support.ts";

const { numLayers } = MODEL.dims;

function modelFor(depth: Depth, router?: RouterName): InferenceModel {
  return { ...tinyModel(depth, router), backend: onnxBackend({ threads: 1 }) };
}

/** A session of an exported file, fed as its users would feed it. */
async function read(
  session: ort.InferenceSession,
  sequences: readonly number[][],
  past: Readonly<Record<string, HostTensor>>,
  pastLengths: readonly number[],
  more: Readonly<Record<string, HostTensor>> = {},
) {
  const length = Math.max(...sequences.map((own) => own.length));
  const padded = sequences.flatMap((own) => [...own, ...Array(length - own.length).fill(0)]);
  const all: Record<string, HostTensor> = {
    tokens: ints([sequences.length, length], padded),
    lengths: ints([sequences.length], sequences.map((own) => own.length)),
    pastLengths: ints([sequences.length], pastLengths),
    thresholdShift: floats([], [0]),
    rows: ints([sequences.length], sequences.map((own, row) => row * length + own.length - 1)),
    ...past,
    ...more,
  };
  const feeds = Object.fromEntries(
    session.inputNames.filter((name) => name in all).map((name) => {
      const { dtype, data, shape } = all[name]!;
      return [name, new ort.Tensor(dtype, data as Float32Array, shape)];
    }),
  );
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims, type }]): [string, HostTensor] => [
      name,
      { dtype: type as HostTensor["dtype"], shape: dims, data: data as TensorData },
    ]),
  );
}

const none = (batch: number) => new KeyValueCache(batch, MODEL.dims).memory;
const renamed = (made: Readonly<Record<string, HostTensor>>) =>
  Object.fromEntries(
    Object.entries(made).filter(([name]) => name.startsWith("new."))
      .map(([name, value]) => [name.replace("new", "memory"), value]),
  );

const cases: readonly (readonly [Depth, RouterName | undefined])[] = [
  ["base", undefined],
  ["fullDepth", undefined],
  ["routed", "token-gumbel"],
  ["routed", "token-gumbel at any budget"],
  ["routed", "sequence-gumbel"],
  ["routed", "static without a layer"],
];

for (const [depth, router] of cases) {
  Deno.test(`an exported ${router ?? depth} model reads and goes on as ours does`, async () => {
    const own = modelFor(depth, router);
    await using passes = new Passes(own);
    const { bytes } = exportModel(own, { weightFormat: "float32" });
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const prompts = [drawTokens(6, 1), drawTokens(3, 2)];
    const ids = prompts.map((prompt) => Int32Array.from(prompt));
    const rows = prompts.map((prompt, row) => [row, prompt.length - 1] as const);
    const ours = await passes.run({ sequences: ids, rows, answers: "logits", keepsMemory: true });
    const undecided = {
      decided: floats([], [0]),
      decidedGates: floats([2, 1, numLayers - 1]),
    };
    const theirs = await read(session, prompts, none(2), [0, 0], undecided);
    const close = { absolute: 1e-4, relative: 1e-4 };
    assertClose(theirs["logits"]!, ours["logits"]!, close, "logits of prompts");
    if (depth === "routed") assert.deepEqual(theirs["gates"]!.data, ours["gates"]!.data);

    const decided = router === "sequence-gumbel";
    const gates = ours["gates"] &&
      [5, 6 + 2].map((token) =>
        (ours["gates"]!.data as Float32Array).slice(
          token * (numLayers - 1),
          (token + 1) * (numLayers - 1),
        )
      );
    const cache = new KeyValueCache(2, MODEL.dims);
    cache.append(ours, [6, 3]);
    const next = await passes.run({
      sequences: [Int32Array.of(7), Int32Array.of(9)],
      rows: [[0, 0], [1, 0]],
      answers: "logits",
      earlier: {
        memory: cache.memory,
        lengths: cache.lengths,
        shared: false,
        gates: decided ? gates : undefined,
      },
    });
    const more = await read(session, [[7], [9]], renamed(theirs), [6, 3], {
      decided: floats([], [1]),
      decidedGates: floats([2, 1, numLayers - 1], gates?.flatMap((own) => [...own])),
    });
    assertClose(more["logits"]!, next["logits"]!, close, "logits of the next tokens");
    await session.release();
  });
}

Deno.test("the threshold of an exported router may be moved: all layers run, or the anchors only", async () => {
  const own = modelFor("routed", "token-gumbel");
  const { bytes } = exportModel(own, { weightFormat: "float32" });
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const share = async (shift: number) => {
    const made = await read(session, [drawTokens(8, 3)], none(1), [0], {
      thresholdShift: floats([], [shift]),
    });
    const gates = made["gates"]!.data as Float32Array;
    return gates.reduce((sum, gate) => sum + gate, 0) / gates.length;
  };
  assert.deepEqual([await share(-1e9), await share(1e9)], [1, 0]);
  await session.release();
});

Deno.test("a router that draws at random is not exported", () => {
  const own = modelFor("routed", "random");
  assert.throws(() => exportModel(own, { weightFormat: "float32" }), /random.*--depth fullDepth/);
});

Deno.test("a model is exported only with its weights in a form that the file format has", () => {
  const own = modelFor("routed", "token-gumbel");
  assert.throws(
    () => exportModel(own, { weightFormat: "float16" }),
    { name: "UserError", message: /float16.*--weights float32 or int4/ },
  );
});

Deno.test("weights may be in a file beside the model, which then has to be there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dlr_export_" });
  try {
    const own = modelFor("routed", "token-gumbel");
    const path = join(folder, "deep", "model.onnx");
    const written = await writeModel({ model: own }, path, "float32", { largeFrom: 0 });
    assert.deepEqual(
      written.files.map(([file]) => file),
      [path, `${path}.data`],
    );
    const single = exportModel(own, { weightFormat: "float32" });
    assert.ok(written.files[0]![1] < single.bytes.length);
    const prompt = drawTokens(5, 4);
    const [beside, alone] = await Promise.all([path, single.bytes].map(async (source) => {
      const session = typeof source === "string"
        ? await ort.InferenceSession.create(source, { logSeverityLevel: 3 })
        : await ort.InferenceSession.create(source, { logSeverityLevel: 3 });
      return (await read(session, [prompt], none(1), [0]))["logits"]!;
    }));
    assertClose(beside!, alone!, { absolute: 1e-5, relative: 1e-5 }, "logits");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
