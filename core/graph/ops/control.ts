/** Operations that say where gradients go, and conversions. */

import { type DType, sameShape, type TensorType } from "../../tensor/mod.ts";
import { apply, defineOp, type Node, refuse } from "../node.ts";
import { type NoAttrs } from "./elementwise.ts";

export const stopGradientOp = defineOp({
  name: "stopGradient",
  infer: ([x], _attrs: NoAttrs): TensorType => x!,
  gradient: () => [null],
});

export const straightThroughOp = defineOp({
  name: "straightThrough",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [hard, soft] = inputs as [TensorType, TensorType];
    if (!sameShape(hard.shape, soft.shape)) {
      refuse("straightThrough", inputs, "both need the same shape");
    }
    return hard;
  },
  gradient: ({ cotangent }) => [null, cotangent],
});

export const castOp = defineOp({
  name: "cast",
  infer: ([x], { dtype }: { readonly dtype: DType }): TensorType => ({ dtype, shape: x!.shape }),
  gradient: () => [null],
});

/** `x`, as a constant to whatever takes gradients. */
export function stopGradient(x: Node): Node {
  return apply(stopGradientOp, [x], {});
}

/**
 * The value of `hard` with the gradient of `soft` (Bengio et al. 2013, arXiv 1308.3432). The value
 * is `hard` exactly, not `soft + (hard - soft)` with its rounding.
 */
export function straightThrough(hard: Node, soft: Node): Node {
  return apply(straightThroughOp, [hard, soft], {});
}

/** `x` as another element type (towards integers, fractions are cut). No gradient flows. */
export function cast(x: Node, dtype: DType): Node {
  return x.type.dtype === dtype ? x : apply(castOp, [x], { dtype });
}
