/**
 * AdamW where the gradients are: on a device with memory of its own. Parameters and both averages stay
 * there, and come to the host when it asks for them.
 */

import { type Backend, type DeviceTensor, type Feeds, type Program } from "../contracts/mod.ts";
import {
  add,
  div,
  greater,
  input,
  mul,
  type Node,
  reduceSum,
  reshape,
  scalar,
  scale,
  slice,
  sqrt,
  sub,
} from "../graph/mod.ts";
import { floats, type HostTensor, type Shape } from "../tensor/mod.ts";
import { type AdamW } from "./optimizer.ts";

/** Gradients of one micro-batch, by parameter. */
export type DeviceGradients = Readonly<Record<string, DeviceTensor>>;

/** A step that was worked out and is not taken yet. */
export interface DeviceUpdate {
  /** Joint norm of the gradients before clipping. */
  readonly norm: number;
  /** What is to be in place of the state, by its names. */
  readonly state: Readonly<Record<string, DeviceTensor>>;
}

/** What is kept of each parameter, as names begin. */
const KEPT = ["parameter", "first", "second"] as const;

type Kept = typeof KEPT[number];

/** Settings of {@link DeviceAdamW}. */
export interface DeviceAdamWOptions {
  /** Micro-batches whose gradients add up. */
  readonly accumulation: number;
  /** Largest joint norm of the gradients; 0: no clipping. */
  readonly clipNorm: number;
}

/** The state of an {@link AdamW} on a device, and the program that takes its steps. */
export class DeviceAdamW implements AsyncDisposable {
  readonly #state: Record<string, DeviceTensor>;

  private constructor(
    private readonly host: AdamW,
    private readonly update: Program,
    private readonly read: Program,
    backend: Backend,
  ) {
    const tensors = KEPT.flatMap((kept) =>
      Object.entries(stateOf(host, kept)).map(([name, tensor]) =>
        [`${kept}:${name}`, tensor] as const
      )
    );
    this.#state = Object.fromEntries(
      tensors.map(([name, tensor]) => [name, backend.upload(tensor)]),
    );
  }

  /** Takes over what an optimizer holds. Its own arrays are old from the next step to {@link sync}. */
  static async open(
    backend: Backend,
    host: AdamW,
    options: DeviceAdamWOptions,
  ): Promise<DeviceAdamW> {
    const update = await backend.compile(updateGraph(host, options));
    const kept = KEPT.flatMap((kept) =>
      Object.entries(host.params).map(([name, { shape }]) => [`${kept}:${name}`, shape] as const)
    );
    const read = await backend.compile(
      Object.fromEntries(kept.map(([name, shape]) => [name, input(name, shape)])),
    );
    return new DeviceAdamW(host, update, read, backend);
  }

  /** Parameters as they are, to be fed. */
  get params(): Readonly<Record<string, DeviceTensor>> {
    const names = Object.keys(this.host.params);
    return Object.fromEntries(names.map((name) => [name, this.#state[`parameter:${name}`]!]));
  }

  /**
   * Works out a step; nothing is changed until it is accepted.
   *
   * @param gradients of each micro-batch; they are disposed of, whatever happens
   * @param learningRate this step's
   * @param step counted from 1
   */
  async prepare(
    gradients: readonly DeviceGradients[],
    learningRate: number,
    step: number,
  ): Promise<DeviceUpdate> {
    using held = new DisposableStack();
    const feeds: Record<string, DeviceTensor | HostTensor> = { ...this.#state };
    gradients.forEach((own, micro) => {
      for (const [name, tensor] of Object.entries(own)) {
        feeds[`gradient:${micro}:${name}`] = held.use(tensor);
      }
    });
    for (const name of Object.keys(this.host.params)) {
      const { stepSize, shrink } = this.host.ratesOf(name, learningRate, step);
      feeds[`rates:${name}`] = floats([2], [stepSize, shrink]);
    }
    feeds["rootCorrection"] = floats([], [this.host.rootCorrection(step)]);
    const { norm, ...state } = await this.update.runKeeping!(
      feeds as Feeds,
      (name) => name !== "norm",
    );
    return {
      norm: (norm as HostTensor).data[0]!,
      state: state as Readonly<Record<string, DeviceTensor>>,
    };
  }

  /** Takes a step that was prepared. */
  accept({ state }: DeviceUpdate): void {
    for (const [name, tensor] of Object.entries(state)) {
      this.#state[name]![Symbol.dispose]();
      this.#state[name] = tensor;
    }
  }

  /** Leaves a step that was prepared. */
  discard({ state }: DeviceUpdate): void {
    for (const tensor of Object.values(state)) tensor[Symbol.dispose]();
  }

  /** Brings the host's arrays up to date. */
  async sync(): Promise<void> {
    const state = await this.read.run(this.#state);
    for (const kept of KEPT) {
      for (const [name, { data }] of Object.entries(stateOf(this.host, kept))) {
        data.set(state[`${kept}:${name}`]!.data);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tensor of Object.values(this.#state)) tensor[Symbol.dispose]();
    await this.update[Symbol.asyncDispose]();
    await this.read[Symbol.asyncDispose]();
  }
}

function stateOf({ params, first, second }: AdamW, kept: Kept) {
  return { parameter: params, first, second }[kept];
}

/** The graph of a step: the state after it, and the norm of the gradients. */
function updateGraph(
  { params, options }: AdamW,
  { accumulation, clipNorm }: DeviceAdamWOptions,
): Record<string, Node> {
  const shapes = Object.entries(params).map(([name, { shape }]) => [name, shape] as const);
  const sums = new Map(shapes.map(([name, shape]) => [name, sumOf(name, shape, accumulation)]));
  const squares = [...sums.values()].map((sum) => reduceSum(mul(sum, sum)));
  const norm = sqrt(squares.reduce(add));
  // As on the host: at most 1, and 1 without clipping.
  const ratio = div(scalar(clipNorm), add(norm, scalar(1e-6)));
  const factor = clipNorm > 0
    ? add(scalar(1), mul(greater(scalar(1), ratio), sub(ratio, scalar(1))))
    : scalar(1);
  const { beta1, beta2, epsilon } = options;
  const rootCorrection = input("rootCorrection", []);
  const outputs: Record<string, Node> = { norm };
  for (const [name, shape] of shapes) {
    const [parameter, first, second] = KEPT.map((kept) => input(`${kept}:${name}`, shape));
    const rates = input(`rates:${name}`, [2]);
    const [stepSize, shrink] = [0, 1].map((at) => reshape(slice(rates, 0, at, at + 1), []));
    const gradient = mul(sums.get(name)!, factor);
    const m = add(first!, scale(sub(gradient, first!), 1 - beta1));
    const v = add(scale(second!, beta2), scale(mul(gradient, gradient), 1 - beta2));
    const root = add(div(sqrt(v), rootCorrection), scalar(epsilon));
    outputs[`parameter:${name}`] = sub(mul(parameter!, shrink!), div(mul(m, stepSize!), root));
    outputs[`first:${name}`] = m;
    outputs[`second:${name}`] = v;
  }
  return outputs;
}

/** A parameter's gradients of all micro-batches, added up. */
function sumOf(name: string, shape: Shape, accumulation: number): Node {
  return Array.from(
    { length: accumulation },
    (_, micro) => input(`gradient:${micro}:${name}`, shape),
  ).reduce(add);
}
