/** What training needs of the example plugins' models: bases in four bits, adapters, gradients. */

import assert from "node:assert/strict";
import {
  crossEntropy,
  gradients,
  input,
  mean,
  type Node,
  ops,
  topologicalOrder,
} from "../../core/graph/mod.ts";
import { mergeAdapters } from "../../core/inference/mod.ts";
import { openCheckpointWeights } from "../../core/io/mod.ts";
import {
  blockWeights,
  initialize,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../../core/nn/mod.ts";
import { forward } from "../../core/routing/mod.ts";
import {
  type BlockFormat,
  dequantizeBlocks,
  emptyBlocks,
  floats,
  type HostTensor,
  ints,
  quantizeInto,
  RandomStream,
} from "../../core/tensor/mod.ts";
import { loadFrozen, readAdapter, writeAdapter } from "../../core/train/mod.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";
import { assertParity } from "../parity/golden.ts";
import {
  BACKENDS,
  CHECKPOINTS,
  distance,
  drawGates,
  goldenOf,
  logitsOf,
  modelOf,
  NAMES,
  weightsOf,
} from "./checkpoints.ts";

for (const name of NAMES) {
  for (const format of ["nf4", "int4"] as const) {
    Deno.test(`${name} in ${format} is the model that the blocks stand for, skipping or not`, async () => {
      const model = modelOf(name);
      const tokens = goldenOf(name).get("tokens")!;
      const gates = drawGates(model, tokens);
      const rounded = { ...weightsOf(name), ...inBlocks(name, format) };
      for (const make of BACKENDS) {
        await using backend = make();
        const expected = await logitsOf(backend, model, { ...rounded, tokens, gates });
        using source = openCheckpointWeights(`${CHECKPOINTS}/${name}`);
        const frozen = loadFrozen(source, model, backend, format);
        for (const compacted of [false, true]) {
          const options = { compacted, precision: format };
          const actual = await logitsOf(backend, model, { ...frozen, tokens, gates }, options);
          const off = distance(actual, expected);
          assert.ok(off < 1e-4, `${backend.name} is off by ${off}`);
        }
      }
    });
  }
}

/** The projections of a checkpoint, as they come out of blocks of four bits. */
function inBlocks(name: string, format: BlockFormat): Weights {
  const weights = weightsOf(name);
  const names = [...blockWeights(modelOf(name), format)];
  assert.ok(names.length > 4, "hardly a matrix is in blocks");
  return Object.fromEntries(names.map((matrix) => {
    const { shape, data } = weights[matrix]!;
    const blocks = emptyBlocks(format, data.length);
    quantizeInto(blocks, data);
    return [matrix, floats(shape, dequantizeBlocks(blocks))];
  }));
}

Deno.test("an adapter of PEFT's on the one matrix of queries, keys and values is right", async () => {
  const name = "neox_parallel";
  const model = modelOf(name);
  const golden = goldenOf(name);
  const tokens = golden.get("tokens")!;
  const { options, weights } = readAdapter(`${CHECKPOINTS}/${name}/adapter`, model);
  assert.deepEqual(options.targets, ["dense_4h_to_h", "query_key_value"]);
  const off = distance(golden.get("adapted")!, golden.get("logits")!);
  assert.ok(off > 0.1, `the adapter changes the logits by ${off}`);
  for (const make of BACKENDS) {
    await using backend = make();
    const feeds = { ...weightsOf(name), ...weights, tokens };
    const adapted = await logitsOf(backend, model, feeds, { lora: options });
    assertParity(adapted, golden.get("adapted")!, `${backend.name} logits`);
    // Merged into the weights they give the same.
    const student = { model, lora: options };
    const whole = { backend, student, depth: "fullDepth", weights: feeds } as const;
    const merged = await mergeAdapters(whole);
    const alone = await logitsOf(backend, model, { ...merged.weights, tokens } as typeof feeds);
    assertParity(alone, golden.get("adapted")!, `${backend.name} logits, merged`);
  }
});

Deno.test("an adapter of PEFT's on the one matrix is written as PEFT writes it", async () => {
  const own = `${CHECKPOINTS}/neox_parallel/adapter`;
  const model = modelOf("neox_parallel");
  const { options, weights } = readAdapter(own, model);
  const folder = await Deno.makeTempDir();
  try {
    writeAdapter(folder, model, options, weights, "base");
    const [ours, theirs] = [folder, own].map((each) =>
      Deno.readFileSync(`${each}/adapter_model.safetensors`)
    );
    assert.deepEqual(ours, theirs);
    const { target_modules: targets } = JSON.parse(
      await Deno.readTextFile(`${folder}/adapter_config.json`),
    );
    assert.deepEqual(targets, ["dense_4h_to_h", "query_key_value"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("queries, keys and values of one matrix share its adapter's dropout and first product", () => {
  const model = modelOf("neox_parallel");
  const lora: LoraOptions = { rank: 2, alpha: 4, dropout: 0.1, targets: ["query_key_value"] };
  const nodes = { ...inputNodes(model.params()), ...inputNodes(loraParams(model, lora)) };
  const params = new ParamNodes(nodes).withAdapters(loraAdapters(model, lora, nodes, true));
  const { hiddenStates } = forward(model, params, input("tokens", [2, 6], "int32"));
  const order = topologicalOrder([hiddenStates]);
  const firstProducts = order.filter(({ op, inputs }) =>
    op === ops.matmul &&
    Object.keys(nodes).some((name) => name.endsWith("lora_A.weight") && inputs[1] === nodes[name])
  );
  assert.equal(firstProducts.length, model.dims.numLayers);
  assert.equal(order.filter(({ op }) => op === ops.cast).length, model.dims.numLayers);
});

/** Step of the central differences; their error is of its fourth power. */
const STEP = 1e-3;

const LORA: LoraOptions = { rank: 2, alpha: 4, dropout: 0, targets: ["all-linear"] };

for (const name of NAMES) {
  Deno.test(`gradients of ${name} and of adapters on it agree with finite differences`, () => {
    const model = modelOf(name);
    const adapter = initialize(loraParams(model, LORA), 2);
    const random = new RandomStream(4, name);
    for (const { data } of Object.values(adapter)) {
      data.forEach((x, i) => data[i] = x + 0.2 * random.normal());
    }
    const tokens = ints([2, 12], Array.from({ length: 24 }, () => random.below(64)));
    const values = { ...weightsOf(name), ...adapter };
    const nodes = inputNodes({ ...model.params(), ...loraParams(model, LORA) });
    const params = new ParamNodes(nodes).withAdapters(loraAdapters(model, LORA, nodes, false));
    const drawn = drawGates(model, tokens, 0.7);
    const read = input("tokens", tokens.shape, "int32");
    const gates = input("gates", drawn.shape);
    const { hiddenStates } = forward(model, params, read, { gates, anchorLayers: 1 });
    const loss = mean(crossEntropy(model.head(params, hiddenStates), read));
    assertSlopes(loss, { ...nodes, gates }, { ...values, gates: drawn, tokens });
  });
}

/** Holds the gradients of `loss` for `leaves` to what it changes by along a random direction of each. */
function assertSlopes(
  loss: Node,
  leaves: Readonly<Record<string, Node>>,
  feeds: Readonly<Record<string, HostTensor>>,
): void {
  const slopes = evaluate(gradients(loss, Object.values(leaves)), feeds);
  for (const [i, name] of Object.keys(leaves).entries()) {
    const random = new RandomStream(9, name);
    const value = feeds[name]!;
    const direction = Float64Array.from(value.data, () => random.normal());
    const analytic = direction.reduce((sum, d, at) => sum + d * slopes[i]!.data[at]!, 0);
    const along = (step: number) => {
      const data = Float64Array.from(value.data, (x, at) => x + step * direction[at]!);
      return evaluate([loss], { ...feeds, [name]: { ...value, data } })[0]!.data[0]!;
    };
    const [near, far] = [along(STEP) - along(-STEP), along(2 * STEP) - along(-2 * STEP)];
    const numeric = (8 * near - far) / (12 * STEP);
    assert.ok(Math.abs(numeric) > 1e-5, `the loss is flat along ${name}`);
    const off = Math.abs(analytic - numeric) / Math.abs(numeric);
    assert.ok(off < 1e-5, `the slope along ${name} is ${analytic}, not ${numeric}`);
  }
}
