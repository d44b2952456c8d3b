/** Tensors in ordinary memory: a typed array with a shape. */

import { type DType, type Shape, showType, sizeOf } from "./dtype.ts";

/** The array that holds each element type. `Float64Array` serves the reference backend only. */
export type TensorData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** A tensor in ordinary memory, row-major. */
export interface HostTensor {
  /** Type of its elements. */
  readonly dtype: DType;
  /** Sizes of its axes, outermost first. */
  readonly shape: Shape;
  /** The elements, the last axis running fastest; as many as the shape says. */
  readonly data: TensorData;
}

/** A `float32` tensor, with the array typed as what it is. */
export interface FloatTensor extends HostTensor {
  /** `"float32"` */
  readonly dtype: "float32";
  /** The elements, the last axis running fastest. */
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * A `float32` tensor of `shape`; zeros unless `values` are given (kept, not copied, when they
 * already are a `Float32Array`).
 *
 * @throws {RangeError} when the number of values does not fit the shape.
 */
export function floats(shape: Shape, values?: Iterable<number>): FloatTensor {
  const data = values === undefined
    ? new Float32Array(sizeOf(shape))
    : values instanceof Float32Array
    ? values as Float32Array<ArrayBuffer>
    : Float32Array.from(values);
  return checked({ dtype: "float32", shape, data });
}

/** An `int32` tensor of `shape`; otherwise as {@link floats}. */
export function ints(shape: Shape, values?: Iterable<number>): HostTensor {
  const data = values === undefined
    ? new Int32Array(sizeOf(shape))
    : values instanceof Int32Array
    ? values as Int32Array<ArrayBuffer>
    : Int32Array.from(values);
  return checked({ dtype: "int32", shape, data });
}

/** A `uint8` tensor of `shape`; otherwise as {@link floats}. */
export function bytes(shape: Shape, values?: Iterable<number>): HostTensor {
  const data = values === undefined
    ? new Uint8Array(sizeOf(shape))
    : values instanceof Uint8Array
    ? values as Uint8Array<ArrayBuffer>
    : Uint8Array.from(values);
  return checked({ dtype: "uint8", shape, data });
}

function checked<T extends HostTensor>(tensor: T): T {
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new RangeError(
      `Cannot make ${showType(tensor)}: it takes ${sizeOf(tensor.shape)} values, ` +
        `${tensor.data.length} were given`,
    );
  }
  return tensor;
}
