/**
 * A frozen base in four-bit blocks against bitsandbytes and PyTorch: the stored blocks, and the losses
 * and gradients of PEFT's adapter on top of them.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openCheckpointWeights, openSafetensors } from "../../core/io/mod.ts";
import { blockWeights } from "../../core/nn/mod.ts";
import {
  type BlockFormat,
  emptyBlocks,
  type FloatTensor,
  quantizeInto,
} from "../../core/tensor/mod.ts";
import { loadFrozen, readAdapter, TrainingStep } from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import { assertGatedStep, DISTILLED, GATED } from "./gated_step.ts";
import { golden, LENGTH, PEFT_ADAPTER, SEQUENCES, TINY_LLAMA, tinyLlama } from "./golden.ts";

/** The tensors of a quantized golden, by name. */
function quantized(format: BlockFormat) {
  const path = new URL(`./goldens/quantized/${format}.safetensors`, import.meta.url);
  using file = openSafetensors(fileURLToPath(path));
  return new Map([...file.tensors.keys()].map((key) => [key, file.readHost(key)]));
}

for (const format of ["nf4", "int4"] as const) {
  Deno.test(
    `${format} stores every projection as ${format === "nf4" ? "bitsandbytes" : "PyTorch"} does`,
    () => {
      const expected = quantized(format);
      const { model, weights } = tinyLlama();
      const names = [...blockWeights(model, format)];
      assert.equal(names.length, 28, "four layers, seven projections");
      for (const name of names) {
        const { data } = weights[name]!;
        const blocks = emptyBlocks(format, data.length);
        quantizeInto(blocks, data);
        assert.deepEqual(blocks.codes, expected.get(`codes.${name}`)!.data, `codes of ${name}`);
        assert.deepEqual(blocks.scales, expected.get(`scales.${name}`)!.data, `scales of ${name}`);
      }
    },
  );

  for (const make of [referenceBackend, () => onnxBackend({ threads: 1 })]) {
    for (const checkpointing of [false, true]) {
      const name = `${make().name} gives PyTorch's losses and gradients on a base in ${format}` +
        (checkpointing ? ", computing every block twice" : "");
      Deno.test(name, async () => {
        const { model } = tinyLlama();
        const { options, weights } = readAdapter(PEFT_ADAPTER, model);
        const gates = golden("gated").get("gates")! as FloatTensor;
        await using backend = make();
        using source = openCheckpointWeights(TINY_LLAMA);
        await using step = await TrainingStep.compile(
          backend,
          {
            model,
            batchSize: SEQUENCES,
            sequenceLength: LENGTH,
            objective: DISTILLED,
            lora: options,
            router: GATED,
            basePrecision: format,
            checkpointing,
          },
          loadFrozen(source, model, backend, format),
          { ...weights, gates },
        );
        await assertGatedStep(step, quantized(format), weights);
      });
    }
  }
}
