/** From a graph to the steps that compute it. */

import {
  constantValue,
  inputName,
  type Node,
  ops,
  shapeOf,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { isRuntimeSize, type Shape, type TensorType } from "../../../core/tensor/mod.ts";
import { Expressions } from "./expressions.ts";
import { fuse, isSource } from "./fusion.ts";
import { knownSize } from "./indices.ts";
import { countOnly, kernelOf } from "./kernels/mod.ts";
import { type Scope, scopesOf } from "./scopes.ts";
import { sizeFunction } from "./sizes.ts";
import { type Dispatch, type Groups, type Lowered, type Step, type Value } from "./steps.ts";
import { KernelWriter, MOST_GROUPS, WORKGROUP } from "./writer.ts";

/** Through the memory of a workgroup, or, where that is slow, through registers alone. */
export type Tiles = "shared" | "registers";

/** What a device allows, and what is known of a program's inputs. */
export interface LoweringOptions {
  /** Buffers that a kernel may be bound to. */
  readonly mostBindings: number;
  /** Elements of four bytes that one of them may hold. */
  readonly mostBound: number;
  /** How products go through their operands. */
  readonly tiles: Tiles;
}

/** A kernel to be written. */
export interface KernelPlan {
  /** What it is, for messages. */
  readonly label: string;
  /** Invocations of a workgroup; the usual number unless told. */
  readonly invocations?: number;
  readonly groups: Groups;
  readonly write: (kernel: KernelWriter, all: Expressions) => void;
}

/** Lowers `outputs`. */
export function lower(
  outputs: Readonly<Record<string, Node>>,
  options: LoweringOptions,
): Lowered {
  return new Lowering(Object.values(outputs), options).lower(outputs);
}

/** Kernels and values in the making. */
export class Lowering {
  readonly #order: readonly Node[];
  readonly #scopes: ReadonlyMap<Node, Scope>;
  readonly #stored: ReadonlySet<Node>;
  readonly #values = new Map<Node, Value>();
  readonly #inputs = new Map<string, Value>();
  readonly #all: Value[] = [];
  readonly #steps: Step[] = [];
  readonly #slots: string[] = [];
  /** What a choice's flags begin with. */
  readonly #flags = new Map<Node, string>();
  #scope: Scope = { depth: 0 };

  constructor(outputs: readonly Node[], private readonly options: LoweringOptions) {
    this.#order = topologicalOrder(outputs);
    this.#scopes = scopesOf(outputs, this.#order);
    const { stored } = fuse(outputs, this.#order, this.#scopes, {
      // Sizes, their slots and what is written take a place each.
      leaves: options.mostBindings - 3,
      bindingsOf: (node) => Math.ceil((knownSize(shapeOf(node)) ?? 1) / options.mostBound) || 1,
    });
    this.#stored = stored;
  }

  get tiles(): Tiles {
    return this.options.tiles;
  }

  lower(outputs: Readonly<Record<string, Node>>): Lowered {
    for (const node of this.#order) {
      this.#scope = this.#scopes.get(node) ?? this.#scope;
      if (this.#stored.has(node)) {
        if (isSource(node)) this.#bring(node);
        else kernelOf(node)(this, node);
      } else if (node.op === ops.countUp && this.#scopes.has(node)) countOnly(this, node);
    }
    return {
      steps: this.#steps,
      values: this.#all,
      slots: this.#slots,
      outputs: new Map(
        Object.entries(outputs).map(([name, node]) => {
          return [name, { value: this.valueOf(node), type: node.type }];
        }),
      ),
    };
  }

  #bring(node: Node): void {
    const name = inputName(node);
    if (name === undefined) {
      this.#values.set(
        node,
        this.#add(node.type, { kind: "constant", tensor: constantValue(node)! }),
      );
      return;
    }
    // Two nodes may be the same input.
    let value = this.#inputs.get(name);
    if (!value) this.#inputs.set(name, value = this.#add(node.type, { kind: "input", name }));
    this.#values.set(node, value);
  }

  #add(type: TensorType, origin: Value["origin"]): Value {
    const value = { id: this.#all.length, type, origin };
    this.#all.push(value);
    return value;
  }

  /** Memory for what kernels make. */
  make(type: TensorType): Value {
    return this.#add(type, { kind: "made" });
  }

  /** From here on a node is read from there. */
  store(node: Node, value: Value): void {
    this.#values.set(node, value);
  }

  /** Where a stored node is. */
  valueOf(node: Node): Value {
    const value = this.#values.get(node);
    if (!value) throw new TypeError(`internal: ${node.op.name} has no memory`);
    return value;
  }

  /** Adds a kernel, in the branch that its node belongs to. */
  run(plan: KernelPlan): void {
    this.#dispatch(plan, this.#scope);
  }

  /** As {@link run}, but only where a choice has fallen on this side. */
  runWhere(choice: Node, side: 0 | 1, plan: KernelPlan): void {
    const around = this.#scope;
    this.#dispatch(plan, { branch: { choice, side, around }, depth: around.depth + 1 });
  }

  #dispatch({ label, invocations = WORKGROUP, groups, write }: KernelPlan, scope: Scope): void {
    const flag = this.#flagOf(scope);
    const kernel = new KernelWriter(this.options.mostBound);
    if (flag !== undefined) kernel.guard(flag);
    write(kernel, new Expressions(kernel, (node) => this.#values.get(node)));
    const step: Dispatch = { kind: "dispatch", label, groups, ...kernel.finish(invocations) };
    for (const name of step.names) if (!this.#slots.includes(name)) this.#slots.push(name);
    this.#steps.push(step);
  }

  /** The size that is other than 0 where a scope is needed; undefined for the whole graph. */
  #flagOf({ branch }: Scope): string | undefined {
    if (!branch) return undefined;
    const { choice, side, around } = branch;
    let flag = this.#flags.get(choice);
    if (flag === undefined) {
      this.#flags.set(choice, flag = `choice ${this.#flags.size}`);
      const [first, second] = [`${flag} 0`, `${flag} 1`];
      this.#dispatch({
        label: "choice",
        invocations: 1,
        groups: () => [1, 1, 1],
        write(kernel, all) {
          const isTrue = `${all.atFlat(choice.inputs[0]!, "0u")} != 0f`;
          kernel.writeSize(first, `select(0u, 1u, ${isTrue})`);
          kernel.writeSize(second, `select(1u, 0u, ${isTrue})`);
        },
      }, around);
    }
    return `${flag} ${side}`;
  }

  /** Notes that a kernel has found a size, or may have. */
  found(step: Step & { kind: "size" }): void {
    this.#steps.push(step);
  }
}

/** Elements of a shape in a run, at most. */
export function countOf(shape: Shape): (sizes: ReadonlyMap<string, number>) => number {
  const sizes = shape.map((size) => isRuntimeSize(size) ? sizeFunction(size) : () => size);
  return (values) => sizes.reduce((count, of) => count * of(values), 1);
}

/** One workgroup for each of `count`, over two axes where one would not do. */
export function spread(count: number): [number, number, number] {
  return [Math.min(count, MOST_GROUPS), Math.ceil(count / MOST_GROUPS), 1];
}

/** The number of a workgroup of {@link spread}. */
export const GROUP = `group.y * ${MOST_GROUPS}u + group.x`;
