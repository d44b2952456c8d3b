/**
 * Runs graphs in ONNX Runtime, forward and backward alike.
 *
 * Weights are inputs of a program, never part of it: one array in memory serves training, the frozen
 * teacher and every evaluation, and nothing is packed or folded behind our back.
 */

import * as ort from "onnxruntime-node";
import { type Backend, type BackendOptions } from "../../../core/contracts/backend.ts";
import { type DeviceTensor, type Feeds, type Program } from "../../../core/contracts/backend.ts";
import { UserError } from "../../../core/contracts/errors.ts";
import {
  inputsOf,
  matmulFlops,
  type Node,
  scalar,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import {
  type HostTensor,
  sameShape,
  showType,
  type TensorData,
  type TensorType,
} from "../../../core/tensor/mod.ts";
import { Emitter } from "./emitter.ts";
import { type Rule, rules } from "./rules.ts";

/** A host tensor wrapped for ONNX Runtime; on the CPU it shares the array. */
class OnnxTensor implements DeviceTensor {
  constructor(readonly type: TensorType, readonly value: ort.Tensor) {}
  [Symbol.dispose](): void {}
}

function wrap({ dtype, shape, data }: HostTensor): ort.Tensor {
  const values = data instanceof Float64Array ? Float32Array.from(data) : data;
  return new ort.Tensor(dtype, values, shape);
}

/** The bytes of an ONNX model that computes `outputs`. */
export function toOnnx(outputs: Readonly<Record<string, Node>>): Uint8Array {
  const emit = new Emitter();
  const order = topologicalOrder(Object.values(outputs));
  const names = new Map<Node, string>();
  const declared = new Map(
    inputsOf(order).entries().map(([name, { type }]) => [name, emit.input(name, type)]),
  );
  for (const node of order) {
    const inputs = node.inputs.map((input) => names.get(input)!);
    names.set(node, lower(emit, node, inputs, declared));
  }
  for (const [name, node] of Object.entries(outputs)) {
    emit.output(`out:${name}`, names.get(node)!, node.type);
  }
  return emit.encode();
}

function lower(
  emit: Emitter,
  node: Node,
  inputs: readonly string[],
  declared: ReadonlyMap<string, string>,
): string {
  const { name } = node.op;
  if (name === "input") return declared.get((node.attrs as { name: string }).name)!;
  if (name === "constant") {
    const { value } = node.attrs as { value: HostTensor };
    const single = value.shape.length === 0 && value.dtype === "float32";
    return single ? emit.scalar(value.data[0]!) : emit.constant(value);
  }
  if (!(name in rules)) throw new TypeError(`The onnx backend has no operation "${name}"`);
  const rule = rules[name as keyof typeof rules] as Rule<never>;
  return rule(emit, inputs, node.attrs as never, node);
}

class OnnxProgram<Output extends string> implements Program<Output> {
  constructor(
    readonly inputs: ReadonlyMap<string, TensorType>,
    readonly flops: number,
    private readonly outputs: ReadonlyMap<Output, TensorType>,
    private readonly session: ort.InferenceSession,
  ) {}

  async run(feeds: Feeds): Promise<Record<Output, HostTensor>> {
    const values: Record<string, ort.Tensor> = {};
    for (const [name, type] of this.inputs) values[name] = toFeed(name, type, feeds[name]);
    const results = await this.session.run(values);
    const named = this.outputs.entries().map(([name, { dtype, shape }]) => {
      const data = results[`out:${name}`]!.data as TensorData;
      return [name, { dtype, shape, data }] as const;
    });
    return Object.fromEntries(named) as Record<Output, HostTensor>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.release();
  }
}

function toFeed(name: string, type: TensorType, feed: Feeds[string] | undefined): ort.Tensor {
  if (!feed) throw new TypeError(`Cannot run: input "${name}" ${showType(type)} was not given`);
  const given = feed instanceof OnnxTensor ? feed.type : feed as HostTensor;
  if (given.dtype !== type.dtype || !sameShape(given.shape, type.shape)) {
    throw new TypeError(
      `Cannot run: input "${name}" is ${showType(type)}, ${showType(given)} was given`,
    );
  }
  return feed instanceof OnnxTensor ? feed.value : wrap(feed as HostTensor);
}

/**
 * The backend on ONNX Runtime.
 *
 * @throws {UserError} when the execution provider is not part of this build.
 */
export function onnxBackend(options: Partial<BackendOptions> = {}): Backend {
  const { threads = 0, executionProvider = "cpu", sessionOptions = {} } = options;
  const available = ort.listSupportedBackends().map(({ name }) => name as string);
  if (!available.includes(executionProvider)) {
    throw new UserError(
      `backend.executionProvider "${executionProvider}" is not in this build of ONNX Runtime; ` +
        `there is ${available.join(", ")}`,
    );
  }
  const settings = {
    executionProviders: [executionProvider],
    intraOpNumThreads: threads || navigator.hardwareConcurrency,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Planning every buffer ahead costs a third more memory here and gains no time.
    enableMemPattern: false,
    // Microseconds that a thread spins before it sleeps: long enough to catch most of the next
    // operators on an idle machine, too short to lose much where another process wants the core.
    // Without a limit a step takes 1.7 times as long there (docs/performance.md).
    extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "20" } } },
    logSeverityLevel: 3,
    ...sessionOptions,
  } as ort.InferenceSession.SessionOptions;

  return {
    name: "onnx",
    async compile<Output extends string>(outputs: Readonly<Record<Output, Node>>) {
      const nodes = Object.values<Node>(outputs);
      const inputs = inputsOf(topologicalOrder(nodes)).entries();
      const types = new Map(inputs.map(([name, { type }]) => [name, type]));
      const outputTypes = new Map(
        Object.entries<Node>(outputs).map(([name, { type }]) => [name as Output, type]),
      );
      const session = await ort.InferenceSession.create(toOnnx(outputs), settings);
      return new OnnxProgram(types, matmulFlops(nodes), outputTypes, session);
    },
    upload: (tensor) => new OnnxTensor(tensor, wrap(tensor)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * The backend on ONNX Runtime, once it has run a first program: some settings are refused only then.
 *
 * @throws {UserError} when ONNX Runtime refuses the execution provider or a session option.
 */
export async function openOnnxBackend(options: Partial<BackendOptions> = {}): Promise<Backend> {
  const backend = onnxBackend(options);
  try {
    await using program = await backend.compile({ one: scalar(1) });
    await program.run({});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `ONNX Runtime refuses the settings of the backend: ${reason}; ` +
        "change backend.sessionOptions or backend.executionProvider",
    );
  }
  return backend;
}
