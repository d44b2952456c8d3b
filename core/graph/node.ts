/**
 * Values and operations of a tensor graph.
 *
 * A node is one value: an operation applied to other nodes. Nodes are immutable and know their type
 * (dtype and shape) from the moment they are made, so a mistake in a model is reported at the line
 * that made it. An operation knows two things: which type comes out, and how gradients come back.
 * How it is computed is each backend's affair.
 */

import { type HostTensor, type Shape, showType, type TensorType } from "../tensor/mod.ts";

/** An operation was applied to inputs that it cannot take; the message quotes their types. */
export class GraphError extends TypeError {
  /** `"GraphError"` */
  override readonly name: string = "GraphError";
}

/** One value in a graph. Using a node twice shares its computation. */
export interface Node {
  /** What makes it; compare with the entries of {@link ops}, by identity. */
  readonly op: OpDef;
  /** What it is made from, in the order that the operation names them. */
  readonly inputs: readonly Node[];
  /** Settings of the operation, such as the axes of a sum; see the operation's own type. */
  readonly attrs: unknown;
  /** Element type and shape of the value. */
  readonly type: TensorType;
}

/** What an operation is given to work out gradients. */
export interface GradientContext<Attrs> {
  /** The node whose gradient is taken (its value may be reused). */
  readonly node: Node;
  /** What the node was made from. */
  readonly inputs: readonly Node[];
  /** The settings that it was made with. */
  readonly attrs: Attrs;
  /** Gradient of the loss with respect to the node; same shape as the node. */
  readonly cotangent: Node;
  /** Which inputs anyone needs a gradient for; the others may be answered with null. */
  readonly needs: readonly boolean[];
}

/** One operation: its type rule and its gradient rule. */
export interface OpDef<Name extends string = string, Attrs = unknown> {
  /** Its key in the table of operations. */
  readonly name: Name;
  /** Type of the result. @throws {GraphError} when the inputs do not fit. */
  infer(inputs: readonly TensorType[], attrs: Attrs): TensorType;
  /** Gradient for each input, as new nodes; null where none flows. */
  gradient(context: GradientContext<Attrs>): readonly (Node | null)[];
}

/** Declares an operation; keeps its name and settings as literal types. */
export function defineOp<const Name extends string, Attrs>(
  definition: OpDef<Name, Attrs>,
): OpDef<Name, Attrs> {
  return definition;
}

/** Nodes already made, by one of their inputs, then by everything else that defines them. */
const made = new WeakMap<Node, Map<string, Node>>();
/** What tells nodes apart: a number each, but constants of one element, which their value tells. */
const identities = new WeakMap<Node, string>();
let count = 0;

/**
 * Applies an operation. The same operation on the same inputs is the same node, so parts of a model
 * that need the same value (the norm before queries and before keys, say) share its computation and
 * its gradient without knowing of each other. Constants of one element are the same where they are
 * equal.
 *
 * @throws {GraphError} when the inputs do not fit it.
 */
export function apply<Attrs>(
  op: OpDef<string, Attrs>,
  inputs: readonly Node[],
  attrs: Attrs,
): Node {
  // A constant of one element is made anew wherever it is used: it is not there to be found by.
  const anchor = inputs.find((node) => !isSingleConstant(node)) ?? inputs[0];
  if (!anchor) return create(op, inputs, attrs);
  const from = inputs.map((node) => identities.get(node)).join(",");
  const key = `${op.name} ${from} ${JSON.stringify(attrs)}`;
  let siblings = made.get(anchor);
  if (!siblings) made.set(anchor, siblings = new Map());
  let node = siblings.get(key);
  if (!node || node.op !== op) siblings.set(key, node = create(op, inputs, attrs));
  return node;
}

function create<Attrs>(op: OpDef<string, Attrs>, inputs: readonly Node[], attrs: Attrs): Node {
  const type = op.infer(inputs.map((node) => node.type), attrs);
  const node: Node = { op, inputs, attrs, type };
  const value = isSingleConstant(node) ? (attrs as { value: HostTensor }).value : undefined;
  // Text has one zero, numbers have two.
  const zero = value && Object.is(value.data[0], -0) ? "-" : "";
  identities.set(node, value ? `${value.dtype} ${zero}${value.data[0]}` : `${count++}`);
  return node;
}

function isSingleConstant({ op, type }: Node): boolean {
  return op.name === "constant" && type.shape.length === 0;
}

/** Shape of a node's value. */
export function shapeOf(node: Node): Shape {
  return node.type.shape;
}

/** Fails with the operation, the types it was given, and what is wrong with them. */
export function refuse(op: string, inputs: readonly TensorType[], why: string): never {
  throw new GraphError(`Cannot ${op} ${inputs.map(showType).join(" and ")}: ${why}`);
}

/** Fails unless every input is float32, as arithmetic needs. */
export function needFloats(op: string, inputs: readonly TensorType[]): void {
  if (inputs.some((type) => type.dtype !== "float32")) {
    refuse(op, inputs, "it takes float32 only");
  }
}

/** Turns a negative axis into the one it counts back to, and refuses one that does not exist. */
export function axisOf(op: string, type: TensorType, axis: number): number {
  const rank = type.shape.length;
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
    refuse(op, [type], `there is no axis ${axis}`);
  }
  return positive;
}

/** The last entry of a shape. @throws {GraphError} for a scalar. */
export function lastDim(op: string, type: TensorType): number {
  const dim = type.shape.at(-1);
  return dim === undefined ? refuse(op, [type], "it needs at least one axis") : dim;
}
