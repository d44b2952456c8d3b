/** Sums over axes. */

import { isRuntimeSize, sizeOf, type TensorType } from "../../tensor/mod.ts";
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
import { scale } from "./elementwise.ts";
import { broadcastTo, reshape } from "./movement.ts";

/** Settings of {@link reduceSum}. */
export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function keptShape(type: TensorType, axes: readonly number[]): number[] {
  return type.shape.map((dim, axis) => axes.includes(axis) ? 1 : dim);
}

export const reduceSumOp: OpDef<"reduceSum", ReduceAttrs> = defineOp({
  name: "reduceSum",
  infer(inputs, { axes, keepDims }: ReduceAttrs): TensorType {
    const type = inputs[0]!;
    needFloats("reduceSum", inputs);
    const shape = keepDims
      ? keptShape(type, axes)
      : type.shape.filter((_, axis) => !axes.includes(axis));
    return { dtype: "float32", shape };
  },
  gradient({ inputs: [x], attrs, cotangent }) {
    const kept = reshape(cotangent, keptShape(x!.type, attrs.axes));
    return [broadcastTo(kept, shapeOf(x!))];
  },
});

/** Sum over `axes` (all when omitted; negative ones count from the end). */
export function reduceSum(x: Node, axes?: readonly number[], keepDims = false): Node {
  const chosen = axes?.map((axis) => axisOf("reduceSum", x.type, axis)) ??
    shapeOf(x).map((_, axis) => axis);
  return apply(reduceSumOp, [x], { axes: chosen.toSorted((a, b) => a - b), keepDims });
}

/** Mean over `axes`; otherwise as {@link reduceSum}. */
export function mean(x: Node, axes?: readonly number[], keepDims = false): Node {
  const shape = shapeOf(x);
  const count = sizeOf(axes?.map((axis) => shape[axisOf("mean", x.type, axis)]!) ?? shape);
  if (isRuntimeSize(count)) refuse("mean", [x.type], "how many it is over is not known yet");
  return scale(reduceSum(x, axes, keepDims), 1 / count);
}
