/** Merged adapters: the same numbers, with nothing beside the weights. */

import assert from "node:assert/strict";
import { type Backend } from "../../../core/contracts/mod.ts";
import { type InferenceModel, mergeAdapters, Passes } from "../../../core/inference/mod.ts";
import { adaptedProjections } from "../../../core/nn/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertClose } from "../../conformance/close.ts";
import { keepingBackend } from "../../support/keeping_backend.ts";
import { LORA, MODEL } from "../../support/tiny_student.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { promptsOf } from "./support.ts";

const BACKENDS: readonly [string, () => Backend][] = [
  ["reference", () => referenceBackend()],
  ["onnx", () => onnxBackend({ threads: 1 })],
  ["a device", () => keepingBackend(referenceBackend())],
];
const ADAPTED = adaptedProjections(MODEL, LORA.targets).map((name) => `${name}.weight`);
const isAdapter = (name: string) => /lora/i.test(name);

/** Logits and gates of every token of two prompts. */
async function outputsOf(model: InferenceModel) {
  await using passes = new Passes(model);
  const sequences = promptsOf(9, 6);
  const rows = sequences.flatMap(({ length }, row) =>
    Array.from({ length }, (_, token) => [row, token] as const)
  );
  return await passes.run({ sequences, rows, answers: "logits" });
}

for (const [name, make] of BACKENDS) {
  for (const depth of ["fullDepth", "routed"] as const) {
    Deno.test(`${name}, ${depth}: a merged model gives the logits of the unmerged`, async () => {
      await using backend = make();
      const own = { ...tinyModel(depth), backend };
      const merged = await mergeAdapters(own);
      // They are fed to every pass, and so stay where they were made.
      for (const name of ADAPTED) {
        assert.equal("data" in merged.weights[name]!, !backend.keepsOutputs);
      }
      const [actual, expected] = [await outputsOf(merged), await outputsOf(own)];
      const near = { absolute: 1e-5, relative: 1e-5 };
      assertClose(actual["logits"]!, expected["logits"]!, near, "logits");
      assert.deepEqual(actual["gates"], expected["gates"]);
      // The adapter makes a difference, so merging it did.
      const base = await outputsOf({ ...own, depth: "base" });
      assert.throws(() => assertClose(base["logits"]!, expected["logits"]!, near, "logits"));
    });
  }
}

Deno.test("a merged model has no adapters, new adapted weights, and all else of the unmerged", async () => {
  const own = tinyModel("routed");
  const before = { ...own.weights };
  const { student, weights, ...rest } = await mergeAdapters(own);
  assert.equal(student.lora, undefined);
  assert.equal(student.router, own.student.router);
  assert.deepEqual([rest.backend, rest.depth, rest.point], [own.backend, own.depth, own.point]);
  const left = Object.keys(own.weights).filter((name) => !isAdapter(name));
  assert.ok(left.length < Object.keys(own.weights).length);
  assert.deepEqual(Object.keys(weights).sort(), left.sort());
  assert.equal(ADAPTED.length, 2 * MODEL.dims.numLayers);
  for (const name of left) {
    assert.equal(weights[name] === own.weights[name], !ADAPTED.includes(name), name);
  }
  assert.deepEqual(own.weights, before, "the unmerged model is as it was");
});

Deno.test("what has nothing to merge comes back as it is: base models, four bits, no adapters", async () => {
  const own = tinyModel("routed");
  const { lora: _, ...bare } = own.student;
  const others: InferenceModel[] = [
    { ...own, depth: "base" },
    { ...own, student: { ...own.student, basePrecision: "int4" } },
    { ...own, student: { ...own.student, basePrecision: "nf4" } },
    { ...own, student: bare },
  ];
  for (const other of others) assert.equal(await mergeAdapters(other), other);
});
