/**
 * What a kernel of the reference backend is: a function from values to values.
 *
 * Everything that a graph calls float32 is held in float64 here, so that finite differences and
 * comparisons with other backends see their errors and not ours. Values are never written to once
 * made, so kernels may pass an input's array on as their own.
 */

import { type AttrsOf, type OpName } from "../../../core/graph/mod.ts";
import { type DType, type Shape, type TensorType } from "../../../core/tensor/mod.ts";

/** The array that holds a value of each element type; `float32` is held as float64. */
export type Values =
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A tensor while the interpreter works on it, row-major. */
export interface Value extends TensorType {
  readonly data: Values;
}

/** What a kernel is given. */
export interface Call<Attrs> {
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  /** Type of the result, as the operation's type rule worked it out. */
  readonly type: TensorType;
}

/** Computes one operation. */
export type Kernel<K extends OpName> = (call: Call<AttrsOf<K>>) => Values;

/** Zeros to hold `size` elements of a type. */
export function allocate(dtype: DType, size: number): Values {
  switch (dtype) {
    case "float32":
      return new Float64Array(size);
    case "int32":
      return new Int32Array(size);
    case "uint8":
      return new Uint8Array(size);
  }
}

/** The numbers of input `at`, which the type rule has found to be float32. */
export function floatsOf(inputs: readonly Value[], at: number): Float64Array<ArrayBuffer> {
  const data = inputs[at]?.data;
  if (data instanceof Float64Array) return data;
  throw new TypeError(`internal: input ${at} of a kernel holds no float64 values`);
}

/** The indices of input `at`, which the type rule has found to be int32. */
export function indicesOf(inputs: readonly Value[], at: number): Int32Array<ArrayBuffer> {
  const data = inputs[at]?.data;
  if (data instanceof Int32Array) return data;
  throw new TypeError(`internal: input ${at} of a kernel holds no indices`);
}

/** Shape of input `at`. */
export function shapeAt(inputs: readonly Value[], at: number): Shape {
  return inputs[at]!.shape;
}

/** Size of the last axis of input `at`: the length of a row. */
export function rowLength(inputs: readonly Value[], at: number): number {
  return shapeAt(inputs, at).at(-1)!;
}
