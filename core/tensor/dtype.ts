/** Element types of tensors, and the shapes they come in. */

import { showSize } from "./sizes.ts";

/** `float32` for values, `int32` for indices and positions, `uint8` for masks. */
export type DType = "float32" | "int32" | "uint8";

/**
 * Sizes of the axes, outermost first; `[]` is a scalar. A size may stand for one that is known only at
 * run time (`sizes.ts`).
 */
export type Shape = readonly number[];

/** What is known of a tensor before it has values. */
export interface TensorType {
  /** Type of its elements. */
  readonly dtype: DType;
  /** Sizes of its axes. */
  readonly shape: Shape;
}

/** Number of elements in a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** True when both shapes have the same axes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** `float32[2, 3]`, as types are written in messages and listings. */
export function showType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.map(showSize).join(", ")}]`;
}

/** Distance in elements between neighbours along each axis, row-major. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
}
