/** Parameters: from declarations to values, and from values to nodes. */

import {
  type Adapter,
  type Params,
  type ParamSpec,
  type ParamSpecs,
  UserError,
} from "../contracts/mod.ts";
import { input, type Node } from "../graph/mod.ts";
import { floats, type FloatTensor, RandomStream, type Shape, sizeOf } from "../tensor/mod.ts";
import { checkSpecs } from "./param_specs.ts";

/** Values of parameters, by name. */
export type Weights = Readonly<Record<string, FloatTensor>>;

/** Declares a parameter that is drawn from a normal distribution of this standard deviation. */
export function drawn(shape: Shape, std: number): ParamSpec {
  return { shape, init: { kind: "normal", std } };
}

/** Declares a parameter that begins as `value` everywhere. */
export function filled(shape: Shape, value: number): ParamSpec {
  return { shape, init: { kind: "constant", value } };
}

/**
 * Draws values for declared parameters. Each is drawn from a stream of its own name, so adding one
 * leaves the others as they were.
 *
 * @throws {UserError} for a declaration that is none, and a parameter that no memory holds.
 */
export function initialize(specs: ParamSpecs, seed: number): Weights {
  checkSpecs(specs);
  const values: Record<string, FloatTensor> = {};
  for (const [name, spec] of Object.entries(specs)) {
    values[name] = draw(name, spec, new RandomStream(seed, `init:${name}`));
  }
  return values;
}

function draw(name: string, { shape, init }: ParamSpec, random: RandomStream): FloatTensor {
  const tensor = allocated(name, shape);
  switch (init.kind) {
    case "constant":
      tensor.data.fill(init.value);
      break;
    case "normal":
      for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = init.std * random.normal();
      break;
    case "kaimingUniform": {
      const bound = 1 / Math.sqrt(init.fanIn);
      for (let i = 0; i < tensor.data.length; i++) {
        tensor.data[i] = bound * (2 * random.uniform() - 1);
      }
    }
  }
  return tensor;
}

function allocated(name: string, shape: Shape): FloatTensor {
  try {
    return floats(shape);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `There is no memory for the parameter "${name}" of the shape [${shape}], ${sizeOf(shape)} ` +
        "numbers; make it smaller",
      { cause: error },
    );
  }
}

/** Parameters as a graph reads them: nodes by name, and adapters beside projections. */
export class ParamNodes implements Params {
  /** Parameters by name. */
  readonly nodes: Readonly<Record<string, Node>>;
  readonly #adapters: Readonly<Record<string, Adapter>>;

  /**
   * Parameters that are read from these nodes.
   *
   * @param nodes parameters by name
   * @param adapters by the projection's name without `.weight`
   */
  constructor(
    nodes: Readonly<Record<string, Node>>,
    adapters: Readonly<Record<string, Adapter>> = {},
  ) {
    this.nodes = nodes;
    this.#adapters = adapters;
  }

  /** The parameter of this name. @throws {TypeError} when there is none. */
  get(name: string): Node {
    const node = this.nodes[name];
    if (!node) throw new TypeError(`internal: there is no parameter "${name}"`);
    return node;
  }

  /** Whether there is a parameter of this name. */
  has(name: string): boolean {
    return name in this.nodes;
  }

  /** The adapter beside the projection of this name (without `.weight`), if there is one. */
  adapter(name: string): Adapter | undefined {
    return this.#adapters[name];
  }

  /** The same parameters with these adapters. */
  withAdapters(adapters: Readonly<Record<string, Adapter>>): ParamNodes {
    return new ParamNodes(this.nodes, adapters);
  }
}

/**
 * An input node for each declared parameter, under its own name.
 *
 * @throws {UserError} for a declaration that is none.
 */
export function inputNodes(specs: ParamSpecs): Record<string, Node> {
  checkSpecs(specs);
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, input(name, shape)]),
  );
}
