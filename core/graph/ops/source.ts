/** Where values enter a graph: named inputs and constants. */

import { floats, type HostTensor, type Shape, type TensorType } from "../../tensor/mod.ts";
import { apply, defineOp, type Node, type OpDef } from "../node.ts";

/** Settings of {@link input}. */
export interface InputAttrs {
  /** What the value is fed under. */
  readonly name: string;
  /** Its element type and shape. */
  readonly type: TensorType;
}

/** A value given at run time, under a name. */
export const inputOp: OpDef<"input", InputAttrs> = defineOp({
  name: "input",
  infer: (_inputs, attrs: InputAttrs) => attrs.type,
  gradient: () => [],
});

/** Settings of {@link constant}. */
export interface ConstantAttrs {
  /** The value itself. */
  readonly value: HostTensor;
}

/** A value that is part of the program. */
export const constantOp: OpDef<"constant", ConstantAttrs> = defineOp({
  name: "constant",
  infer: (_inputs, { value }: ConstantAttrs): TensorType => ({
    dtype: value.dtype,
    shape: value.shape,
  }),
  gradient: () => [],
});

/** A value given at run time under `name`. */
export function input(name: string, shape: Shape, dtype: TensorType["dtype"] = "float32"): Node {
  return apply(inputOp, [], { name, type: { dtype, shape } });
}

/** A value that is part of the program. */
export function constant(value: HostTensor): Node {
  return apply(constantOp, [], { value });
}

/** A float32 constant of shape `[]`. */
export function scalar(value: number): Node {
  return constant(floats([], [value]));
}

/** Name of an input node, or undefined for any other. */
export function inputName(node: Node): string | undefined {
  return node.op === inputOp ? (node.attrs as { name: string }).name : undefined;
}

/** Value of a constant node, or undefined for any other. */
export function constantValue(node: Node): HostTensor | undefined {
  return node.op === constantOp ? (node.attrs as { value: HostTensor }).value : undefined;
}
