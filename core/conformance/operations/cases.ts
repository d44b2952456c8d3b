/** How a test case for operations is written down: values for its inputs, and what to build on them. */

import { input, type Node } from "../../graph/mod.ts";
import { floats, type FloatTensor, type HostTensor, RandomStream } from "../../tensor/mod.ts";

/** One use of an operation, with values. */
export interface OperationCase {
  /** What is special about it. */
  readonly name: string;
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** The input nodes, one for each feed. */
  readonly inputs: Readonly<Record<string, Node>>;
  readonly output: Node;
  /** Names of the inputs whose gradients are checked against finite differences. */
  readonly wrt: readonly string[];
  /** Names of the inputs to which no gradient flows, so that it must come out as zeros. */
  readonly detached: readonly string[];
}

/** Values, or how to draw them once it is known whose they are. */
export type FeedSource = HostTensor | ((owner: string) => HostTensor);

/** What is known about the gradients of a case. */
export interface CaseOptions<Name extends string> {
  /** Default: every float32 input that is not detached. */
  readonly wrt?: readonly Name[];
  /** Inputs to which no gradient flows. Default: none. */
  readonly detached?: readonly Name[];
}

/** Makes a case; `build` gets an input node for each of `feeds`. */
export function testCase<Name extends string>(
  name: string,
  feeds: Readonly<Record<Name, FeedSource>>,
  build: (inputs: Record<Name, Node>) => Node,
  { detached = [], ...options }: CaseOptions<NoInfer<Name>> = {},
): OperationCase {
  const names = Object.keys(feeds) as Name[];
  const values = {} as Record<Name, HostTensor>;
  const inputs = {} as Record<Name, Node>;
  for (const key of names) {
    const source: FeedSource = feeds[key];
    values[key] = typeof source === "function" ? source(`${name}/${key}`) : source;
    inputs[key] = input(key, values[key].shape, values[key].dtype);
  }
  const wrt = options.wrt ??
    names.filter((key) => values[key].dtype === "float32" && !detached.includes(key));
  return { name, feeds: values, inputs, output: build(inputs), wrt, detached };
}

/**
 * Values of order one on both sides of zero, in ±[0.4, 1.5]: away from 0 and 1/2 and the like, where
 * a wrong rule may agree with the right one.
 */
export function signed(...shape: number[]): (owner: string) => FloatTensor {
  return draw(shape, (random) => (random.below(2) === 0 ? -1 : 1) * (0.4 + 1.1 * random.uniform()));
}

/** As {@link signed}, all positive: for logarithms, roots and denominators. */
export function positive(...shape: number[]): (owner: string) => FloatTensor {
  return draw(shape, (random) => 0.4 + 1.1 * random.uniform());
}

function draw(shape: number[], next: (random: RandomStream) => number) {
  return (owner: string) => {
    const random = new RandomStream(20_250, owner);
    const tensor = floats(shape);
    tensor.data.forEach((_, i) => tensor.data[i] = next(random));
    return tensor;
  };
}
