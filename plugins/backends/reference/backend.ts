/**
 * The `reference` backend: a float64 interpreter, slow and plain, against which the others are held.
 *
 * Values of float32 nodes come back as `Float64Array`, with all their digits; ask for
 * `{ round: true }` to get the `Float32Array`s that other backends return.
 */

import {
  type Backend,
  type DeviceTensor,
  type Feeds,
  type Program,
} from "../../../core/contracts/backend.ts";
import { matmulFlops, type Node } from "../../../core/graph/mod.ts";
import {
  bindShape,
  type HostTensor,
  showType,
  sizeOf,
  type TensorType,
} from "../../../core/tensor/mod.ts";
import { interpret, type Plan, plan } from "./interpreter.ts";
import { type Value } from "./kernel.ts";
import { convert } from "./kernels/control.ts";

/** Settings of {@link referenceBackend}. */
export interface ReferenceOptions {
  /** Round float32 outputs to float32. Default: they keep float64's digits. */
  readonly round?: boolean;
}

/** Values for {@link evaluate}, by input name; those it does not know are ignored. */
export type HostFeeds = Readonly<Record<string, HostTensor>>;

/** A tensor converted once for many runs. */
class ReferenceTensor implements DeviceTensor {
  readonly type: TensorType;
  #value: Value | null;

  constructor(tensor: HostTensor) {
    this.type = { dtype: tensor.dtype, shape: tensor.shape };
    this.#value = held(tensor);
  }

  /** @throws {Error} when it was disposed of. */
  get value(): Value {
    if (!this.#value) throw new Error("Cannot read a tensor that was disposed of");
    return this.#value;
  }

  [Symbol.dispose](): void {
    this.#value = null;
  }
}

/** The backend, ready at once. */
export function referenceBackend({ round = false }: ReferenceOptions = {}): Backend {
  return {
    name: "reference",
    device: "cpu, one thread, in float64",
    compile: (outputs, { constants = {} } = {}) =>
      Promise.resolve().then(() => compile(outputs, round, constants)),
    upload: (tensor) => new ReferenceTensor(tensor),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Values of `outputs`, a list or a record, in float64 and at once: what tests want.
 *
 * @throws {TypeError} when an input is missing or of another type.
 */
export function evaluate(outputs: readonly Node[], feeds: HostFeeds): HostTensor[];
/** Values of a record of nodes, by its keys; otherwise as for a list. */
export function evaluate<Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  feeds: HostFeeds,
): Record<Output, HostTensor>;
export function evaluate(
  outputs: readonly Node[] | Readonly<Record<string, Node>>,
  feeds: HostFeeds,
): HostTensor[] | Record<string, HostTensor> {
  const planned = plan(Object.values(outputs));
  const { values, sizes } = readFeeds(planned.inputs, feeds);
  const results = interpret(planned, values, sizes).map((value) => given(value, false));
  if (Array.isArray(outputs)) return results;
  return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, results[i]!]));
}

function compile<Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  round: boolean,
  constants: Feeds,
): Program<Output> {
  const names = Object.keys(outputs) as Output[];
  const nodes = names.map((name) => outputs[name]);
  let planned: Plan | null = plan(nodes);
  const { inputs } = planned;
  let flops: number | undefined;
  return {
    inputs: new Map([...inputs].filter(([name]) => !(name in constants))),
    get flops() {
      return flops ??= matmulFlops(nodes);
    },
    run: (feeds) =>
      Promise.resolve().then(() => {
        if (!planned) throw new Error("Cannot run a program that was disposed of");
        const { values, sizes } = readFeeds(inputs, { ...feeds, ...constants });
        const results = interpret(planned, values, sizes);
        const entries = names.map((name, i) => [name, given(results[i]!, round)] as const);
        return Object.fromEntries(entries) as Record<Output, HostTensor>;
      }),
    [Symbol.asyncDispose]() {
      planned = null;
      return Promise.resolve();
    },
  };
}

/** The value of each input among `feeds`, and the sizes that they bring with them. */
function readFeeds(
  inputs: ReadonlyMap<string, TensorType>,
  feeds: Readonly<Record<string, HostTensor | DeviceTensor>>,
): { values: Map<string, Value>; sizes: Map<string, number> } {
  const values = new Map<string, Value>();
  const sizes = new Map<string, number>();
  for (const [name, type] of inputs) {
    const feed = feeds[name];
    if (!feed) {
      throw new TypeError(`Cannot run without input "${name}": it takes ${showType(type)}`);
    }
    const value = feed instanceof ReferenceTensor ? feed.value : "data" in feed ? held(feed) : null;
    if (!value) throw new TypeError(`Cannot feed "${name}": the tensor is another backend's`);
    if (value.dtype !== type.dtype || !bindShape(type.shape, value.shape, sizes)) {
      throw new TypeError(
        `Cannot feed "${name}" with ${showType(value)}: it takes ${showType(type)}`,
      );
    }
    if (value.data.length !== sizeOf(value.shape)) {
      throw new TypeError(
        `Cannot feed "${name}" with ${value.data.length} values: ${showType(value)} has ` +
          `${sizeOf(value.shape)}`,
      );
    }
    values.set(name, value);
  }
  return { values, sizes };
}

/** A tensor from outside, as the interpreter holds it. */
function held({ dtype, shape, data }: HostTensor): Value {
  return { dtype, shape, data: convert(data, dtype) };
}

/** A value for the outside: a copy, since it may share its array with a feed or another output. */
function given({ dtype, shape, data }: Value, round: boolean): HostTensor {
  const copy = round && data instanceof Float64Array ? Float32Array.from(data) : data.slice();
  return { dtype, shape, data: copy };
}
