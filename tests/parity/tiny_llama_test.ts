/**
 * A tiny random Llama against transformers, PEFT and PyTorch: forward pass, adapters, gradients,
 * optimizer, gates and distillation, on both backends and through the code that training runs.
 */

import assert from "node:assert/strict";
import { type Backend, type DecoderModel, type DeviceTensor } from "../../core/contracts/mod.ts";
import { constant, crossEntropy, input, type Node } from "../../core/graph/mod.ts";
import {
  causalMask,
  inputNodes,
  loraAdapters,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, ints } from "../../core/tensor/mod.ts";
import {
  AdamW,
  readAdapter,
  type StepOptions,
  Trainer,
  TrainingStep,
} from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import {
  adapterKeys,
  ANCHOR_LAYERS,
  assertGatedStep,
  DISTILLED,
  GATED,
  GATES_SHAPE,
  STILL,
} from "./gated_step.ts";
import {
  assertParity,
  copyOf,
  golden,
  goldenBatch,
  LENGTH,
  PEFT_ADAPTER,
  SEQUENCES,
  tinyLlama,
} from "./golden.ts";

const PLAIN = { distillWeight: 0, distillTemperature: 1, sparsityWeight: 0, targetWeight: 0 };
/** The state before the first layer and after each, from the model's own parts. */
function hiddenStates(model: DecoderModel, params: ParamNodes, tokens: Node): Node[] {
  const places = Array.from({ length: SEQUENCES * LENGTH }, (_, i) => i % LENGTH);
  const positions = constant(ints([SEQUENCES, LENGTH], places));
  const states = [model.embed(params, tokens, positions)];
  for (let layer = 0; layer < model.dims.numLayers; layer++) {
    const x = states.at(-1)!;
    const memory = {
      ...model.keysValues(params, layer, x, positions),
      mask: causalMask(LENGTH),
    };
    states.push(model.block(params, layer, x, positions, memory));
  }
  return states;
}

function testParity(name: string, make: () => Backend): void {
  /** Compiles and runs once, on the tiny Llama's weights and the golden batch. */
  async function run<Output extends string>(
    outputs: Readonly<Record<Output, Node>>,
    feeds: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<Output, HostTensor>> {
    await using backend = make();
    await using program = await backend.compile(outputs);
    return await program.run({ ...tinyLlama().weights, ...goldenBatch(), ...feeds });
  }

  /** A training step on the tiny Llama, given to `body` while it lasts. */
  async function withStep(
    options: Pick<StepOptions, "objective" | "lora" | "router">,
    trainable: Weights,
    body: (step: TrainingStep) => Promise<void>,
  ): Promise<void> {
    const { model, weights } = tinyLlama();
    await using backend = make();
    const frozen: Record<string, DeviceTensor> = {};
    for (const [key, tensor] of Object.entries(weights)) frozen[key] = backend.upload(tensor);
    const shape = { batchSize: SEQUENCES, sequenceLength: LENGTH };
    await using step = await TrainingStep.compile(
      backend,
      { model, ...shape, ...options },
      frozen,
      trainable,
    );
    await body(step);
    for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
  }

  const tokens = input("tokens", [SEQUENCES, LENGTH], "int32");

  /** The tiny Llama with PEFT's adapter, as a graph. */
  function adapted() {
    const { model } = tinyLlama();
    const { options, weights } = readAdapter(PEFT_ADAPTER, model);
    const nodes = { ...inputNodes(model.params()), ...inputNodes(loraParams(model, options)) };
    const params = new ParamNodes(nodes)
      .withAdapters(loraAdapters(model, options, nodes, false));
    return { model, options, weights, params };
  }

  Deno.test(`${name} gives the logits, losses and hidden states of transformers' Llama`, async () => {
    const expected = golden("forward");
    const { model } = tinyLlama();
    const params = new ParamNodes(inputNodes(model.params()));
    const logits = model.head(params, forward(model, params, tokens).hiddenStates);
    const states = hiddenStates(model, params, tokens);
    const actual: Record<string, HostTensor> = await run(
      {
        logits,
        nll: crossEntropy(logits, input("targets", [SEQUENCES, LENGTH], "int32")),
        ...Object.fromEntries(states.map((state, layer) => [`hidden.${layer}`, state])),
      },
      {},
    );
    assertParity(actual["logits"]!, expected.get("logits")!, "logits");
    for (let layer = 0; layer <= 4; layer++) {
      assertParity(actual[`hidden.${layer}`]!, expected.get(`hidden.${layer}`)!, `state ${layer}`);
    }
    const { dtype, data } = actual["nll"]!;
    const scored = Float64Array.from(
      data.filter((_: number, i: number) => i % LENGTH < LENGTH - 1),
    );
    const nll = { dtype, shape: [SEQUENCES, LENGTH - 1], data: scored };
    assertParity(nll, expected.get("nll")!, "negative log-likelihoods");
    const mean = scored.reduce((sum, x) => sum + x) / scored.length;
    assertParity(mean, expected.get("loss")!, "mean loss");
  });

  Deno.test(`${name} gives PEFT's logits, loss and gradients with its adapter`, async () => {
    const expected = golden("lora");
    const { model, options, weights, params } = adapted();
    const logits = model.head(params, forward(model, params, tokens).hiddenStates);
    assertParity((await run({ logits }, weights)).logits, expected.get("logits")!, "logits");
    await withStep({ objective: PLAIN, lora: options }, weights, async (step) => {
      const { losses, gradients } = await step.run([goldenBatch()], STILL, 0, 0);
      assertParity(losses.loss, expected.get("loss")!, "loss");
      assertParity(losses.crossEntropy, expected.get("loss")!, "cross-entropy");
      for (const [key, own] of adapterKeys(weights)) {
        assertParity(gradients[own]!, expected.get(`grad.${key}`)!, `gradient of ${own}`);
      }
    });
  });

  Deno.test(`${name} takes three AdamW steps with clipping as PyTorch does`, async () => {
    const expected = golden("adamw");
    const { options, weights } = adapted();
    const trained = copyOf(weights);
    await withStep({ objective: PLAIN, lora: options }, trained, async (step) => {
      const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
      const trainer = new Trainer(step, new AdamW(trained, adamw), {
        steps: 3,
        accumulation: 1,
        clipNorm: 1,
        rate: { learningRate: 1e-2, schedule: "constant", warmupSteps: 0, finalRate: 1 },
        schedule: () => STILL,
        batch: goldenBatch,
        seed: 0,
      });
      for (let i = 0; i < 3; i++) {
        const report = await trainer.next();
        assertParity(report.losses.loss, expected.get("losses")!.data[i]!, `loss ${i + 1}`);
        assertParity(report.gradientNorm, expected.get("grad_norms")!.data[i]!, `norm ${i + 1}`);
        for (const [key, own] of adapterKeys(trained)) {
          const what = `${own} after step ${i + 1}`;
          assertParity(trained[own]!, expected.get(`step${i + 1}.${key}`)!, what);
        }
      }
      assert.ok(trainer.done);
    });
  });

  for (const kind of ["soft", "hard"] as const) {
    Deno.test(`${name} gives PyTorch's logits under ${kind} gates`, async () => {
      const expected = golden("gated");
      const prefix = kind === "hard" ? "hard_" : "";
      const { model, weights, params } = adapted();
      const gates = input("gates", GATES_SHAPE);
      const pass = forward(model, params, tokens, { gates, anchorLayers: ANCHOR_LAYERS });
      const { logits } = await run({ logits: model.head(params, pass.hiddenStates) }, {
        ...weights,
        gates: expected.get(`${prefix}gates`)!,
      });
      assertParity(logits, expected.get(`${prefix}logits`)!, "logits");
    });
  }

  Deno.test(`${name} gives PyTorch's losses and gradients of gates and distillation`, async () => {
    const expected = golden("gated");
    const { options, weights } = adapted();
    const gates = expected.get("gates")! as FloatTensor;
    const trainable = { ...weights, gates };
    await withStep(
      { objective: DISTILLED, lora: options, router: GATED },
      trainable,
      (step) => assertGatedStep(step, expected, weights),
    );
  });
}

testParity("reference", () => referenceBackend());
testParity("onnx", () => onnxBackend({ threads: 1 }));

Deno.test("parity is refused to a tensor that is off by a part in a thousand", () => {
  const expected = golden("forward").get("logits")!;
  const off = floats(expected.shape, Array.from(expected.data, (x) => 1.001 * x));
  assert.throws(() => assertParity(off, expected, "logits"), /logits: element/);
});
