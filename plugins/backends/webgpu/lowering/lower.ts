/** From a graph to the steps that compute it. */

import { UserError } from "../../../../core/contracts/errors.ts";
import {
  constantValue,
  inputName,
  type Node,
  ops,
  shapeOf,
  topologicalOrder,
} from "../../../../core/graph/mod.ts";
import { showType, type TensorType } from "../../../../core/tensor/mod.ts";
import { countOnly, kernelOf } from "../kernels/mod.ts";
import { type FoundSize, type KernelList, type KernelPlan, type Tiles } from "../kernels/plan.ts";
import { Expressions } from "../wgsl/expressions.ts";
import { knownSize } from "../wgsl/indices.ts";
import { megabytes, type Value } from "../wgsl/value.ts";
import { type BoundPart, KernelWriter, WORKGROUP } from "../wgsl/writer.ts";
import { withAttention } from "./attention.ts";
import { fuse, isSource } from "./fusion.ts";
import { type Scope, scopesOf } from "./scopes.ts";
import { type Dispatch, type Lowered, type Step } from "./steps.ts";

/** What a device allows, and what is known of a program's inputs. */
export interface LoweringOptions {
  /** Buffers that a kernel may be bound to. */
  readonly mostBindings: number;
  /** Elements of four bytes that one of them may hold. */
  readonly mostBound: number;
  /** Bytes of memory that a workgroup may have. */
  readonly workgroupMemory: number;
  /** How products go through their operands. */
  readonly tiles: Tiles;
}

/** Lowers `outputs`. */
export function lower(
  outputs: Readonly<Record<string, Node>>,
  options: LoweringOptions,
): Lowered {
  const { tiles, workgroupMemory } = options;
  const graph = tiles === "shared" ? withAttention(outputs, workgroupMemory) : outputs;
  return new Lowering(Object.values(graph), options).lower(graph);
}

/** Kernels and values in the making. */
class Lowering implements KernelList {
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
    this.#stored = fuse(outputs, this.#order, this.#scopes, {
      // Sizes and their slots take a place each.
      mostBindings: options.mostBindings - 2,
      bindingsOf: (node) => Math.ceil((knownSize(shapeOf(node)) ?? 1) / options.mostBound) || 1,
    });
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

  make(type: TensorType): Value {
    return this.#add(type, { kind: "made" });
  }

  store(node: Node, value: Value): void {
    this.#values.set(node, value);
  }

  /** Where a stored node is. */
  valueOf(node: Node): Value {
    const value = this.#values.get(node);
    if (!value) throw new TypeError(`internal: ${node.op.name} has no memory`);
    return value;
  }

  run(plan: KernelPlan): void {
    this.#dispatch(plan, this.#scope);
  }

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
    checkBindings(step, this.options.mostBindings);
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

  found(size: FoundSize): void {
    this.#steps.push(size);
  }
}

/** @throws {UserError} where a kernel takes more buffers than the device binds it to. */
function checkBindings({ label, bound, names }: Dispatch, most: number): void {
  const count = bound.length + (names.length > 0 ? 1 : 0);
  if (count <= most) return;
  const parts = Map.groupBy(bound, ({ value }) => value);
  const [[{ type }, { length }]] = [...parts].sort(([, a], [, b]) => b.length - a.length) as [
    [Value, BoundPart[]],
  ];
  const size = knownSize(type.shape);
  const room = size === undefined ? "" : ` (${megabytes(4 * size)})`;
  throw new UserError(
    `${label} takes ${count} bindings, ${length} of them for ${showType(type)}${room}; this ` +
      `graphics adapter has ${most} for a kernel: take a smaller batch or model, or shorter sequences`,
  );
}
