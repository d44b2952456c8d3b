/**
 * Operations on a selection of rows, of which it is known only at run time how many they are, and the
 * choice between two ways to go on. With them a program leaves out what nobody needs.
 */

import { sameShape, type TensorType } from "../../tensor/mod.ts";
import {
  apply,
  axisOf,
  defineOp,
  needFloats,
  type Node,
  type OpDef,
  refuse,
  shapeOf,
} from "../node.ts";
import { add, type NoAttrs, sub } from "./elementwise.ts";
import { gatherRows } from "./index.ts";
import { type AxisAttrs, broadcastTo } from "./movement.ts";
import { reduceSum } from "./reduce.ts";
import { scalar } from "./source.ts";

/** Settings of an operation that brings up a size. */
export interface SizeAttrs {
  /** The number that stands for it, from `runtimeSize`. */
  readonly size: number;
}

export const nonZeroOp: OpDef<"nonZero", SizeAttrs> = defineOp({
  name: "nonZero",
  infer(inputs, { size }: SizeAttrs): TensorType {
    needFloats("nonZero", inputs);
    if (inputs[0]!.shape.length !== 1) refuse("nonZero", inputs, "it takes one axis");
    return { dtype: "int32", shape: [size] };
  },
  gradient: () => [null],
});

export const countUpOp: OpDef<"countUp", SizeAttrs> = defineOp({
  name: "countUp",
  infer(inputs, { size }: SizeAttrs): TensorType {
    needFloats("countUp", inputs);
    if (inputs[0]!.shape.length !== 1) refuse("countUp", inputs, "it takes one axis");
    return { dtype: "int32", shape: [size] };
  },
  gradient: () => [null],
});

export const putRowsOp: OpDef<"putRows", NoAttrs> = defineOp({
  name: "putRows",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [x, ids, values] = inputs as [TensorType, TensorType, TensorType];
    needFloats("putRows", [x, values]);
    const fits = ids.dtype === "int32" && ids.shape.length === 1 && x.shape.length > 0 &&
      sameShape(values.shape, [...ids.shape, ...x.shape.slice(1)]);
    if (!fits) refuse("putRows", inputs, "there must be one int32 index and one row of x for each");
    return x;
  },
  gradient: ({ inputs: [, ids, values], cotangent, needs }) => [
    needs[0] ? putRows(cotangent, ids!, broadcastTo(scalar(0), shapeOf(values!))) : null,
    null,
    needs[2] ? gatherRows(cotangent, ids!) : null,
  ],
});

export const cumulativeSumOp: OpDef<"cumulativeSum", AxisAttrs> = defineOp({
  name: "cumulativeSum",
  infer(inputs, _attrs: AxisAttrs): TensorType {
    needFloats("cumulativeSum", inputs);
    return inputs[0]!;
  },
  // What comes at a place or after it is all there is, without what comes before it.
  gradient({ attrs: { axis }, cotangent }) {
    const total = reduceSum(cotangent, [axis], true);
    return [add(sub(total, cumulativeSum(cotangent, axis)), cotangent)];
  },
});

export const chooseOp: OpDef<"choose", NoAttrs> = defineOp({
  name: "choose",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [condition, a, b] = inputs as [TensorType, TensorType, TensorType];
    needFloats("choose", [condition]);
    if (condition.shape.length !== 0) refuse("choose", inputs, "the condition must be a scalar");
    if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) {
      refuse("choose", inputs, "both choices need the same type");
    }
    return a;
  },
  gradient({ inputs: [condition, a], cotangent, needs }) {
    const none = broadcastTo(scalar(0), shapeOf(a!));
    return [
      null,
      needs[1] ? choose(condition!, cotangent, none) : null,
      needs[2] ? choose(condition!, none, cotangent) : null,
    ];
  },
});

/**
 * Places of the elements of `x` `[N]` that are not 0, ascending: int32 `[size]`.
 *
 * @param size from `runtimeSize`; it is known from here on
 */
export function nonZero(x: Node, size: number): Node {
  return apply(nonZeroOp, [x], { size });
}

/**
 * 0, 1, 2, … below the largest of `limits` `[N]`, whole numbers: int32 `[size]`.
 *
 * @param size from `runtimeSize`; it is known from here on
 */
export function countUp(limits: Node, size: number): Node {
  return apply(countUpOp, [limits], { size });
}

/** `x` `[N, ...]` with rows `ids` int32 `[R]`, each at most once, replaced by `values` `[R, ...]`. */
export function putRows(x: Node, ids: Node, values: Node): Node {
  return apply(putRowsOp, [x, ids, values], {});
}

/** Sum of each element and those before it along an axis. */
export function cumulativeSum(x: Node, axis: number): Node {
  return apply(cumulativeSumOp, [x], { axis: axisOf("cumulativeSum", x.type, axis) });
}

/**
 * `a` where the scalar `condition` is not 0, else `b`. What only the other one needs is not computed;
 * a choice within it may be made all the same.
 */
export function choose(condition: Node, a: Node, b: Node): Node {
  return a === b ? a : apply(chooseOp, [condition, a, b], {});
}
