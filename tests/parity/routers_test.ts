/**
 * Every kind of router on the tiny Llama against PyTorch, on both backends and through the graphs
 * that training and evaluation run: gates, log-odds, every part of the loss, and the gradients of
 * adapters and routers.
 *
 * Gates and prompts' log-odds must be the very same numbers: the goldens have no decision near its
 * threshold. Everything else is held to 1e-4 of a tensor's largest element, as in all parity tests:
 * float32 sums over four layers come to some 5e-6 of it (PyTorch's own float32 does), and a wrong
 * factor or a missing term to far more.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Backend } from "../../core/contracts/mod.ts";
import { evaluationGraph } from "../../core/eval/mod.ts";
import { type Node } from "../../core/graph/mod.ts";
import { openSafetensors, readJsonObject } from "../../core/io/mod.ts";
import { CERTAIN } from "../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../core/tensor/mod.ts";
import {
  type ObjectiveOptions,
  readAdapter,
  stepGraph,
  type StepOptions,
} from "../../core/train/mod.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../plugins/backends/reference/mod.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { assertParity, PEFT_ADAPTER, tinyLlama } from "./golden.ts";

const FOLDER = fileURLToPath(new URL("./goldens/routers", import.meta.url));

/** What `cases.json` holds: what was asked of PyTorch. */
interface Cases {
  readonly anchorLayers: number;
  readonly objective: ObjectiveOptions;
  /** Scalars that a step is fed. */
  readonly step: Readonly<Record<string, number>>;
  readonly threshold: number;
  readonly cases: readonly {
    readonly name: string;
    readonly router: string;
    readonly options: unknown;
  }[];
}
const { anchorLayers, objective, step, threshold, cases } = readJsonObject(
  `${FOLDER}/cases.json`,
  "the cases",
) as unknown as Cases;

type Tensors = Readonly<Record<string, HostTensor>>;

function read(name: string): Tensors {
  using file = openSafetensors(`${FOLDER}/${name}.safetensors`);
  return Object.fromEntries([...file.tensors.keys()].map((key) => [key, file.readHost(key)]));
}

/** The tensors whose name starts with `prefix`, under the rest of their name. */
function withPrefix(tensors: Tensors, prefix: string): [name: string, tensor: HostTensor][] {
  return Object.entries(tensors).flatMap(([name, tensor]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : []
  );
}

const { token_mask: tokenMask, prompt_mask: promptMask, ...given } = read("inputs");
const [BATCH, LENGTH] = tokenMask!.shape as [number, number];

/** Everything that a program may be fed but parameters. */
const FEEDS: Tensors = {
  ...given,
  tokenMask: tokenMask!,
  promptMask: promptMask!,
  threshold: floats([], [threshold]),
  ...Object.fromEntries(Object.entries(step).map(([name, value]) => [name, floats([], [value])])),
};

/** The same values with those of padding set to 0: nothing is promised about it. */
function ofRealTokens({ shape, data }: HostTensor): HostTensor {
  const perToken = data.length / (BATCH * LENGTH);
  const real = (i: number) => tokenMask!.data[Math.floor(i / perToken)] === 1;
  return floats(shape, Array.from(data, (x, i) => real(i) ? x : 0));
}

function assertSameGates(actual: HostTensor, expected: HostTensor, what: string): void {
  assert.deepEqual(actual.shape, expected.shape);
  assert.deepEqual([...ofRealTokens(actual).data], [...expected.data], what);
}

/** Fails unless log-odds agree: of prompts, which are certain, exactly; of others in parity. */
function assertLogits(actual: HostTensor, expected: HostTensor, what: string): void {
  const own = ofRealTokens(actual);
  const certain = ({ data }: HostTensor) => Array.from(data, (x) => x === CERTAIN);
  assert.deepEqual(certain(own), certain(expected), `which ${what} are certain`);
  const graded = ({ shape, data }: HostTensor) =>
    floats(shape, Array.from(data, (x) => x === CERTAIN ? 0 : x));
  assertParity(graded(own), graded(expected), what);
}

/** Parts of the loss that a golden may have; what it lacks, a step must lack too. */
const PARTS = [
  "loss",
  "crossEntropy",
  "distill",
  "hidden",
  "sparsity",
  "target",
  "policy",
  "cost",
  "activity",
] as const;

for (const make of [referenceBackend, () => onnxBackend({ threads: 1 })]) {
  const backendName = make().name;

  for (const { name, router, options } of cases) {
    const expected = read(name);
    const { model, weights } = tinyLlama();
    const adapter = readAdapter(PEFT_ADAPTER, model);
    const kind = builtinPlugins().routers.get(router);
    const student: StepOptions = {
      model,
      lora: adapter.options,
      router: { router: kind.create(kind.options.parse(options)), anchorLayers },
      batchSize: BATCH,
      sequenceLength: LENGTH,
      objective,
    };
    const feeds = {
      ...weights,
      ...adapter.weights,
      ...Object.fromEntries(withPrefix(expected, "param.")),
      ...FEEDS,
    };
    const run = async (outputs: Readonly<Record<string, Node>>): Promise<Tensors> => {
      await using backend: Backend = make();
      await using program = await backend.compile(outputs);
      return await program.run(feeds);
    };

    Deno.test(`${backendName} gives PyTorch's gates under ${name}, sampled and not`, async () => {
      for (const [graph, mode] of [["sampled", "train"], ["routed", "eval"]] as const) {
        const { gates, logits, losses } = await run(
          evaluationGraph(graph, student) as Record<string, Node>,
        );
        assertSameGates(gates!, expected[`${mode}_gates`]!, `gates of ${graph}`);
        assertParity(ofRealTokens(losses!), expected[`${mode}_losses`]!, `losses of ${graph}`);
        // Chance has log-odds in evaluation only, where its rate is set by a threshold.
        const graded = expected["logits"] && !(mode === "train" && router === "random");
        assert.equal(logits !== undefined, graded ?? false, `log-odds of ${graph}`);
        if (graded) assertLogits(logits!, expected["logits"]!, `log-odds of ${graph}`);
      }
    });

    Deno.test(`${backendName} gives PyTorch's losses and gradients under ${name}`, async () => {
      const actual = await run(stepGraph(student));
      for (const part of PARTS) {
        assert.equal(part in actual, part in expected, `there is a part "${part}"`);
        if (part in expected) assertParity(actual[part]!, expected[part]!, part);
      }
      const gradients = withPrefix(expected, "grad.");
      const ofRouter = Object.keys(
        student.router!.router.params({
          hiddenSize: model.dims.hiddenSize,
          anchorLayers,
          routableLayers: model.dims.numLayers - anchorLayers,
        }),
      );
      assert.equal(gradients.length, 16 + ofRouter.length, "two projections of four layers");
      for (const [key, gradient] of gradients) {
        const own = key.replace(/^base_model\.model\./, "");
        assertParity(actual[`gradient:${own}`]!, gradient, `gradient of ${own}`);
      }
      for (const own of ofRouter) assert.ok(`grad.${own}` in expected, own);
    });
  }
}

Deno.test("the goldens have every kind of router", () => {
  const kinds = [...builtinPlugins().routers.names()];
  assert.deepEqual(new Set(cases.map(({ router }) => router)), new Set(kinds));
});
