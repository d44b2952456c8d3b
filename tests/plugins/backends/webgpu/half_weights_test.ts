/** Constant matrices as half floats: which numbers they are, how much memory they take, and models. */

import assert from "node:assert/strict";
import { type Backend, type Feeds } from "../../../../core/contracts/mod.ts";
import * as g from "../../../../core/graph/mod.ts";
import {
  continueTexts,
  type InferenceModel,
  Passes,
  type PassInputs,
} from "../../../../core/inference/mod.ts";
import { initialize } from "../../../../core/nn/mod.ts";
import { openTrainedModel } from "../../../../core/run/trained_model.ts";
import { floats, type HostTensor, ints, runtimeSize } from "../../../../core/tensor/mod.ts";
import { evaluate, referenceBackend } from "../../../../plugins/backends/reference/mod.ts";
import { type GpuTensor } from "../../../../plugins/backends/webgpu/runtime/memory.ts";
import { llama } from "../../../../plugins/models/llama/mod.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";
import { signed } from "../../../conformance/cases.ts";
import { assertClose, type Tolerance } from "../../../conformance/close.ts";
import { collect, promptsOf } from "../../../core/inference/support.ts";
import { adapterTest, tunedTest } from "./support.ts";

const HALVES = { weightFormat: "float16" } as const;

/** Sums of some hundred terms of order one. */
const SUMS: Tolerance = { relative: 1e-5, absolute: 1e-4 };

/** What half floats make of a tensor's numbers. */
function rounded({ shape, data }: HostTensor): HostTensor {
  return floats(shape, new Float32Array(new Float16Array(data)));
}

for (const tiles of ["shared", "registers"] as const) {
  tunedTest(
    `webgpu multiplies by half floats as the reference by rounded numbers, in ${tiles}`,
    { tiles },
    async (backend) => {
      const sizes = [[1, 1, 1], [1, 3, 5], [2, 127, 95], [8, 64, 66], [21, 127, 95], [70, 33, 130]];
      for (const [rows, inner, columns] of sizes as [number, number, number][]) {
        const x = g.input("x", [rows, inner]);
        const outputs = {
          transposed: g.matmul(x, g.input("w", [columns, inner]), { transB: true }),
          plain: g.matmul(x, g.input("v", [inner, columns])),
        };
        const given = { x: signed(rows, inner)("x") };
        const constants = { w: signed(columns, inner)("w"), v: signed(inner, columns)("v") };
        await using program = await backend.compile(outputs, { constants, ...HALVES });
        const actual = await program.run(given);
        const expected = evaluate(outputs, {
          ...given,
          w: rounded(constants.w),
          v: rounded(constants.v),
        });
        const unrounded = evaluate(outputs, { ...given, ...constants });
        for (const name of ["transposed", "plain"] as const) {
          assertClose(actual[name], expected[name], SUMS, `${name} ${[rows, inner, columns]}`);
          // Rounding makes a difference that the tolerance above would tell.
          if (inner < 100) continue;
          assert.throws(() => assertClose(actual[name], unrounded[name], SUMS, name));
        }
      }
    },
  );
}

adapterTest("webgpu gives half floats out as they were rounded, ties to even", async (backend) => {
  const step = 2 ** -10;
  const numbers = [
    ...[0, 1, -1, 1 / 3, 0.1, 65504, -65504, 65519],
    // Halfway between neighbours, and just beyond: 1 + ½, 1½ and 2½ steps.
    ...[1 + step / 2, 1 + 3 * step / 2, -1 - 5 * step / 2, 1 + step / 2 + 2 ** -23],
    // The smallest that every device tells from 0, and what rounds up to it.
    ...[2 ** -14, 2 ** -14 - 2 ** -26, 2 ** -26],
  ];
  const w = floats([3, 5], numbers);
  const weight = g.input("w", [3, 5]);
  const outputs = {
    weight,
    turned: g.transpose(weight, [1, 0]),
    // Reads from the middle of words.
    looked: g.gatherRows(weight, g.constant(ints([2], [2, 1]))),
    part: g.slice(weight, 1, 1, 4),
  };
  await using program = await backend.compile(outputs, { constants: { w }, ...HALVES });
  const actual = await program.run({});
  const expected = evaluate(outputs, { w: rounded(w) });
  for (const [name, tensor] of Object.entries(expected)) {
    assert.deepEqual([...actual[name as keyof typeof outputs].data], [...tensor.data], name);
  }
});

tunedTest(
  "webgpu reads half floats that are in several bindings",
  { mostBound: 64 },
  async (backend) => {
    const x = g.input("x", [runtimeSize("rows"), 17]);
    const product = g.matmulRows(x, g.input("w", [13, 17]));
    const w = signed(13, 17)("w");
    const given = { x: signed(5, 17)("x") };
    await using program = await backend.compile({ product }, { constants: { w }, ...HALVES });
    const expected = evaluate({ product }, { ...given, w: rounded(w) }).product;
    assertClose((await program.run(given)).product, expected, SUMS, "product");
  },
);

adapterTest(
  "webgpu keeps a matrix as it is whose numbers half floats cannot hold",
  async (backend) => {
    for (const beyond of [65520, -1e6, Infinity, NaN]) {
      const constants = {
        far: floats([2, 2], [1 / 3, beyond, 2, 3]),
        near: floats([2, 2], [1 / 3, 65519, 2, 3]),
        // And what is no matrix.
        vector: floats([2], [1 / 3, 2]),
      };
      const outputs = {
        far: g.input("far", [2, 2]),
        near: g.input("near", [2, 2]),
        vector: g.input("vector", [2]),
      };
      for (const given of [constants, uploaded(backend, constants)]) {
        await using program = await backend.compile(outputs, { constants: given, ...HALVES });
        const actual = await program.run({});
        assert.deepEqual([...actual.far.data], [...constants.far.data]);
        assert.deepEqual([...actual.near.data], [...rounded(constants.near).data]);
        assert.deepEqual([...actual.vector.data], [...constants.vector.data]);
      }
    }
  },
);

function uploaded(backend: Backend, tensors: Readonly<Record<string, HostTensor>>): Feeds {
  const entries = Object.entries(tensors).map(([name, tensor]) => [name, backend.upload(tensor)]);
  return Object.fromEntries(entries);
}

/** The bytes of all buffers for tensors that a backend's device is asked for from now on. */
function countingBytes(backend: Backend): { bytes: number } {
  using tensor = backend.upload(floats([1]));
  const { device } = tensor as GpuTensor;
  const make = device.createBuffer.bind(device);
  const count = { bytes: 0 };
  device.createBuffer = (descriptor) => {
    if (descriptor.usage & GPUBufferUsage.STORAGE) count.bytes += descriptor.size;
    return make(descriptor);
  };
  return count;
}

adapterTest("webgpu takes half the memory for half floats, and once", async (backend) => {
  const shapes = { "a": [301, 257], "b": [128, 512] } as const;
  const numbers = 301 * 257 + 128 * 512;
  const x = g.input("x", [1, 257]);
  const product = g.matmulRows(x, g.input("a", shapes.a));
  const outputs = { product, same: g.neg(g.input("b", shapes.b)) };
  const constants = { a: signed(...shapes.a)("a"), b: signed(...shapes.b)("b") };
  const count = countingBytes(backend);
  /** Bytes that a program has had made, without its own few. */
  const bytesFor = async (given: Feeds, weightFormat: "float32" | "float16") => {
    const before = count.bytes;
    await using _ = await backend.compile(outputs, { constants: given, weightFormat });
    return count.bytes - before;
  };
  const few = 1024;
  const near = (bytes: number, expected: number) =>
    assert.ok(bytes >= expected && bytes <= expected + few, `${bytes} bytes, not ${expected}`);
  near(await bytesFor(constants, "float32"), 4 * numbers);
  near(await bytesFor(constants, "float16"), 2 * numbers);
  const there = uploaded(backend, constants);
  near(await bytesFor(there, "float32"), 0);
  near(await bytesFor(there, "float16"), 2 * numbers);
  // All programs share them.
  near(await bytesFor(there, "float16"), 0);
});

const SMALL = llama({
  vocabSize: 32,
  hiddenSize: 64,
  numLayers: 2,
  numHeads: 2,
  numKeyValueHeads: 1,
  headDim: 32,
  maxPositions: 32,
  intermediateSize: 65,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  initializerRange: 0.1,
});

/** Asks for the logits after each of some prompts. */
function asking(prompts: readonly Int32Array[]): PassInputs {
  const rows = prompts.map((prompt, row) => [row, prompt.length - 1] as const);
  return { sequences: prompts, rows, answers: "logits" };
}

for (const tiles of ["shared", "registers"] as const) {
  tunedTest(
    `webgpu reads and writes texts from half floats as from rounded weights, in ${tiles}`,
    { tiles },
    async (backend) => {
      const weights = initialize(SMALL.params(), 3);
      const halves = Object.fromEntries(
        Object.entries(weights).map(([name, tensor]) => {
          return [name, tensor.shape.length === 2 ? rounded(tensor) : tensor];
        }),
      );
      const own = { student: { model: SMALL }, depth: "base", weights } as const;
      await using passes = new Passes({ ...own, backend }, { bakesWeights: true, ...HALVES });
      const exact = referenceBackend();
      await using reference = new Passes({ ...own, weights: halves, backend: exact });
      await using unrounded = new Passes({ ...own, backend: exact });
      const prompts = promptsOf(9, 20);
      const [{ logits }, { logits: expected }, { logits: full }] = [
        await passes.run(asking(prompts)),
        await reference.run(asking(prompts)),
        await unrounded.run(asking(prompts)),
      ];
      assertClose(logits!, expected!, { relative: 0, absolute: 1e-4 }, "logits");
      const most = largestDifference(logits!, full!);
      assert.ok(most > 1e-4 && most < 0.01, `${most} from the unrounded model's logits`);
      const write = (model: Passes) =>
        collect(continueTexts(model, prompts, { maxTokens: 4, chunk: 8 }), 2);
      assert.deepEqual(await write(passes), await write(reference));
    },
  );
}

function largestDifference(a: HostTensor, b: HostTensor): number {
  return Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)));
}

/** The same model, its matrices off the half floats that it is stored in. */
async function scaled(own: InferenceModel, factor: number): Promise<InferenceModel> {
  const weights: Record<string, Feeds[string]> = { ...own.weights };
  for (const [name, { shape }] of Object.entries(own.student.model.params())) {
    const outputs = { scaled: g.mul(g.input(name, shape), g.scalar(factor)) };
    await using program = await own.backend.compile(outputs);
    weights[name] = (await program.runKeeping!(own.weights, () => true)).scaled;
  }
  return { ...own, weights };
}

adapterTest("webgpu reads and writes with nano in half floats nearly as in full", async () => {
  const options = { model: "nano", backend: "webgpu" };
  await using opened = await openTrainedModel(options, builtinPlugins(), true);
  const prompts = ["Mia has a red ball.", "Tom went to the"].map((text) =>
    opened.tokenizer.encode(text)
  );
  const differences: number[] = [];
  for (const model of [opened.model, await scaled(opened.model, 1.001)]) {
    await using full = new Passes(model, { bakesWeights: true });
    await using halves = new Passes(model, { bakesWeights: true, ...HALVES });
    const [{ logits: expected }, { logits: actual }] = [
      await full.run(asking(prompts)),
      await halves.run(asking(prompts)),
    ];
    differences.push(largestDifference(actual!, expected!));
    const write = (own: Passes) => collect(continueTexts(own, prompts, { maxTokens: 3 }), 2);
    assert.deepEqual(await write(halves), await write(full));
  }
  // Nano is stored as half floats, so that there is nothing to round.
  const [stored, off] = differences as [number, number];
  assert.ok(stored < 1e-4, `${stored}`);
  // Measured: 0.0022, of logits up to some 20.
  assert.ok(off > 1e-4 && off < 0.01, `${off}`);
});
