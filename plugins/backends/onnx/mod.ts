/**
 * Runs graphs in ONNX Runtime, forward and backward alike.
 *
 * Weights are inputs of a program unless it is asked to have them: one array in memory serves training,
 * the frozen teacher and every evaluation. As constants they are packed, and each program has its own.
 */

import * as ort from "onnxruntime-node";
import {
  type Backend,
  type BackendOptions,
  type CompileOptions,
} from "../../../core/contracts/backend.ts";
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
  bindShape,
  type HostTensor,
  showType,
  type TensorData,
  type TensorType,
} from "../../../core/tensor/mod.ts";
import { type ModelFeed } from "./model_file.ts";
import { keepFreedMemory } from "./heap.ts";
import { toOnnx } from "./lower.ts";

/** A host tensor wrapped for ONNX Runtime; on the CPU it shares the array. */
class OnnxTensor implements DeviceTensor {
  readonly value: ort.Tensor;
  #words: ort.Tensor | undefined;

  constructor(readonly host: HostTensor) {
    this.value = wrap(host);
  }

  get type(): TensorType {
    return this.host;
  }

  /** Bytes as 16-bit words: the same memory. */
  get words(): ort.Tensor {
    return this.#words ??= wrapWords(this.host);
  }

  [Symbol.dispose](): void {}
}

function wrap({ dtype, shape, data }: HostTensor): ort.Tensor {
  const values = data instanceof Float64Array ? Float32Array.from(data) : data;
  return new ort.Tensor(dtype, values, shape);
}

function wrapWords({ data }: HostTensor): ort.Tensor {
  // Words need an even address.
  const bytes = data.byteOffset % 2 === 0 ? data : data.slice();
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new ort.Tensor("uint16", words, [words.length]);
}

/** What names of outputs begin with: an output may have an input's name. */
const OUTPUT = "out:";

class OnnxProgram<Output extends string> implements Program<Output> {
  #flops: number | undefined;

  constructor(
    readonly inputs: ReadonlyMap<string, TensorType>,
    private readonly nodes: readonly Node[],
    private readonly feeds: readonly ModelFeed[],
    private readonly outputs: ReadonlyMap<Output, TensorType["dtype"]>,
    private readonly session: ort.InferenceSession,
  ) {}

  get flops(): number {
    return this.#flops ??= matmulFlops(this.nodes);
  }

  async run(feeds: Feeds): Promise<Record<Output, HostTensor>> {
    const sizes = new Map<string, number>();
    for (const [name, type] of this.inputs) checkFeed(name, type, feeds[name], sizes);
    const values = Object.fromEntries(
      this.feeds.map(({ name, source, asWords }) => [name, toFeed(feeds[source]!, asWords)]),
    );
    const results = await this.session.run(values);
    const named = this.outputs.entries().map(([name, dtype]) => {
      const { data, dims } = results[OUTPUT + name]!;
      return [name, { dtype, shape: dims, data: data as TensorData }] as const;
    });
    return Object.fromEntries(named) as Record<Output, HostTensor>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.release();
  }
}

/** @param sizes those that earlier feeds brought with them; this one's are added */
function checkFeed(
  name: string,
  type: TensorType,
  feed: Feeds[string] | undefined,
  sizes: Map<string, number>,
): void {
  if (!feed) throw new TypeError(`Cannot run: input "${name}" ${showType(type)} was not given`);
  const given = feed instanceof OnnxTensor ? feed.type : feed as HostTensor;
  if (given.dtype !== type.dtype || !bindShape(type.shape, given.shape, sizes)) {
    throw new TypeError(
      `Cannot run: input "${name}" is ${showType(type)}, ${showType(given)} was given`,
    );
  }
}

/** The values of what may have been uploaded. */
function hostsOf(feeds: Feeds): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [
      name,
      feed instanceof OnnxTensor ? feed.host : feed as HostTensor,
    ]),
  );
}

function toFeed(feed: HostTensor | DeviceTensor, asWords: boolean): ort.Tensor {
  if (feed instanceof OnnxTensor) return asWords ? feed.words : feed.value;
  return asWords ? wrapWords(feed as HostTensor) : wrap(feed as HostTensor);
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
  keepFreedMemory();
  const settings = {
    executionProviders: [executionProvider],
    intraOpNumThreads: threads || navigator.hardwareConcurrency,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Planning every buffer ahead costs a third more memory here and gains no time.
    enableMemPattern: false,
    // An arena belongs to one program and never shrinks; see `heap.ts` for what does better.
    enableCpuMemArena: false,
    // Microseconds that a thread spins before it sleeps: long enough to catch most of the next
    // operators on an idle machine, too short to lose much where another process wants the core.
    // Without a limit a step takes 1.7 times as long there (docs/performance.md).
    extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "20" } } },
    logSeverityLevel: 3,
    ...sessionOptions,
  } as ort.InferenceSession.SessionOptions;

  // Optimizing takes half of the time that a session is made in, and saves a few percent of a run.
  const quick = { graphOptimizationLevel: "disabled", ...settings } as const;

  return {
    name: "onnx",
    device: `${executionProvider}, ${settings.intraOpNumThreads} threads`,
    weightFormats: ["int4"],
    async compile<Output extends string>(
      outputs: Readonly<Record<Output, Node>>,
      { fewRuns = false, constants = {}, weightFormat }: CompileOptions = {},
    ) {
      const nodes = Object.values<Node>(outputs);
      const inputs = inputsOf(topologicalOrder(nodes)).entries()
        .filter(([name]) => !(name in constants));
      const types = new Map(inputs.map(([name, { type }]) => [name, type]));
      const outputTypes = new Map(
        Object.entries<Node>(outputs).map(([name, { type }]) => [name as Output, type.dtype]),
      );
      const { bytes, feeds, outside } = toOnnx(outputs, {
        constants: hostsOf(constants),
        weightFormat,
        prefix: OUTPUT,
      });
      const session = await ort.InferenceSession.create(bytes, {
        ...(fewRuns ? quick : settings),
        externalData: outside.map(({ location, bytes }) => ({ path: location, data: bytes })),
      });
      return new OnnxProgram(types, nodes, feeds, outputTypes, session);
    },
    upload: (tensor) => new OnnxTensor(tensor),
    exportModel: (outputs, { constants, weightFormat, dataFile, about }) =>
      toOnnx(outputs, {
        constants: hostsOf(constants),
        weightFormat,
        about,
        placement: dataFile === undefined ? "inside" : { file: dataFile },
      }),
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
