/** Where the elements of a broadcast, transposed or reduced tensor lie. */

import { type Shape, sizeOf, stridesOf } from "../../../core/tensor/mod.ts";

/**
 * The offset of every element of a tensor of `shape`, in row-major order, where neighbours along
 * axis i are `strides[i]` apart. A stride of 0 repeats; reordered strides transpose.
 */
export function offsets(shape: Shape, strides: readonly number[]): Int32Array {
  let result = new Int32Array(1);
  shape.forEach((dim, axis) => {
    const stride = strides[axis]!;
    const finer = new Int32Array(result.length * dim);
    for (let i = 0; i < result.length; i++) {
      for (let j = 0; j < dim; j++) finer[i * dim + j] = result[i]! + j * stride;
    }
    result = finer;
  });
  return result;
}

/** Strides that read a tensor of shape `from` as if it were broadcast to `to`. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const lead = to.length - from.length;
  const strides = stridesOf(from);
  return to.map((_, axis) => axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]!);
}

/** A tensor seen as `outer` groups of `dim` pieces of `inner` neighbouring elements. */
export interface Blocks {
  readonly outer: number;
  readonly dim: number;
  readonly inner: number;
}

/** The view of `shape` around one of its axes. */
export function blocksAround(shape: Shape, axis: number): Blocks {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    dim: shape[axis]!,
    inner: sizeOf(shape.slice(axis + 1)),
  };
}
