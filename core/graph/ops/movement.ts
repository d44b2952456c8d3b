/** Operations that rearrange elements without changing them. */

import { sameCount, sameShape, type Shape, sumOfSizes, type TensorType } from "../../tensor/mod.ts";
import { apply, axisOf, defineOp, type Node, type OpDef, refuse, shapeOf } from "../node.ts";
import { broadcastShapes, sumTo } from "./elementwise.ts";

/** Settings of {@link reshape} and {@link broadcastTo}. */
export interface ShapeAttrs {
  /** Shape of the result. */
  readonly shape: Shape;
}

export const reshapeOp: OpDef<"reshape", ShapeAttrs> = defineOp({
  name: "reshape",
  infer([x], { shape }: ShapeAttrs): TensorType {
    if (!sameCount(x!.shape, shape)) {
      refuse("reshape", [x!], `[${shape}] has another number of elements`);
    }
    return { dtype: x!.dtype, shape };
  },
  gradient: ({ inputs: [x], cotangent }) => [reshape(cotangent, shapeOf(x!))],
});

/** Settings of {@link transpose}. */
export interface TransposeAttrs {
  /** For each axis of the result, which axis of the input it is. */
  readonly permutation: readonly number[];
}

export const transposeOp: OpDef<"transpose", TransposeAttrs> = defineOp({
  name: "transpose",
  infer([x], { permutation }: TransposeAttrs): TensorType {
    const sorted = permutation.toSorted((a, b) => a - b);
    if (sorted.length !== x!.shape.length || sorted.some((axis, i) => axis !== i)) {
      refuse("transpose", [x!], `[${permutation}] is not an order of its axes`);
    }
    return { dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]!) };
  },
  gradient({ attrs: { permutation }, cotangent }) {
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return [transpose(cotangent, inverse)];
  },
});

export const broadcastToOp: OpDef<"broadcastTo", ShapeAttrs> = defineOp({
  name: "broadcastTo",
  infer([x], { shape }: ShapeAttrs): TensorType {
    const joint = broadcastShapes(x!.shape, shape);
    if (!joint || !sameShape(joint, shape)) {
      refuse("broadcast", [x!], `it does not broadcast to [${shape}]`);
    }
    return { dtype: x!.dtype, shape };
  },
  gradient: ({ inputs: [x], cotangent }) => [sumTo(cotangent, shapeOf(x!))],
});

/** Settings of {@link slice}. */
export interface SliceAttrs {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

export const sliceOp: OpDef<"slice", SliceAttrs> = defineOp({
  name: "slice",
  infer([x], { axis, start, end }: SliceAttrs): TensorType {
    const dim = x!.shape[axis]!;
    if (!(start >= 0 && start <= end && end <= dim)) {
      refuse("slice", [x!], `[${start}, ${end}) is not inside axis ${axis}`);
    }
    return { dtype: x!.dtype, shape: x!.shape.with(axis, end - start) };
  },
  gradient({ inputs: [x], attrs: { axis, start, end }, cotangent }) {
    return [pad(cotangent, axis, start, shapeOf(x!)[axis]! - end)];
  },
});

/** Settings of {@link pad}. */
export interface PadAttrs {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

export const padOp: OpDef<"pad", PadAttrs> = defineOp({
  name: "pad",
  infer([x], { axis, before, after }: PadAttrs): TensorType {
    if (before < 0 || after < 0) refuse("pad", [x!], "the widths must not be negative");
    return { dtype: x!.dtype, shape: x!.shape.with(axis, x!.shape[axis]! + before + after) };
  },
  gradient({ inputs: [x], attrs: { axis, before }, cotangent }) {
    return [slice(cotangent, axis, before, sumOfSizes([before, shapeOf(x!)[axis]!]))];
  },
});

/** Settings of an operation along one axis. */
export interface AxisAttrs {
  /** Counted from the outermost, never negative. */
  readonly axis: number;
}

export const concatOp: OpDef<"concat", AxisAttrs> = defineOp({
  name: "concat",
  infer(inputs, { axis }: AxisAttrs): TensorType {
    const [first, ...rest] = inputs;
    for (const other of rest) {
      const fits = other.dtype === first!.dtype && other.shape.length === first!.shape.length &&
        other.shape.every((dim, i) => i === axis || dim === first!.shape[i]);
      if (!fits) refuse("concat", inputs, `they differ elsewhere than in axis ${axis}`);
    }
    const total = sumOfSizes(inputs.map((type) => type.shape[axis]!));
    return { dtype: first!.dtype, shape: first!.shape.with(axis, total) };
  },
  gradient({ inputs, attrs: { axis }, cotangent, needs }) {
    let start = 0;
    return inputs.map((node, i) => {
      const end = sumOfSizes([start, shapeOf(node)[axis]!]);
      const part = needs[i] ? slice(cotangent, axis, start, end) : null;
      start = end;
      return part;
    });
  },
});

/** The same elements in another shape. */
export function reshape(x: Node, shape: Shape): Node {
  if (sameShape(shapeOf(x), shape)) return x;
  // The shape in between does not matter; often this ends where it began.
  return x.op === reshapeOp ? reshape(x.inputs[0]!, shape) : apply(reshapeOp, [x], { shape });
}

/** Axes in another order: axis i of the result is axis `permutation[i]` of `x`. */
export function transpose(x: Node, permutation: readonly number[]): Node {
  const moved = apply(transposeOp, [x], { permutation });
  const long = permutation.filter((axis) => shapeOf(x)[axis] !== 1);
  // Where only axes of one element change places, nothing moves.
  const isStill = long.every((axis, i) => i === 0 || long[i - 1]! < axis);
  return isStill ? reshape(x, shapeOf(moved)) : moved;
}

/** Repeats axes of size 1 (and adds leading ones) until `x` has `shape`. */
export function broadcastTo(x: Node, shape: Shape): Node {
  return sameShape(shapeOf(x), shape) ? x : apply(broadcastToOp, [x], { shape });
}

/** Elements `start` to `end` (exclusive) along one axis. */
export function slice(x: Node, axis: number, start: number, end: number): Node {
  const positive = axisOf("slice", x.type, axis);
  const isWhole = start === 0 && end === shapeOf(x)[positive];
  return isWhole ? x : apply(sliceOp, [x], { axis: positive, start, end });
}

/** Zeros before and after, along one axis. */
export function pad(x: Node, axis: number, before: number, after: number): Node {
  if (before === 0 && after === 0) return x;
  return apply(padOp, [x], { axis: axisOf("pad", x.type, axis), before, after });
}

/** Tensors one after the other along `axis`. */
export function concat(parts: readonly Node[], axis: number): Node {
  const first = parts[0];
  if (!first) throw new RangeError("Cannot concat an empty list");
  return parts.length === 1
    ? first
    : apply(concatOp, parts, { axis: axisOf("concat", first.type, axis) });
}
