/** Operations that say where gradients go, and conversions. */

import { type DType, sameShape, sizeOf, type TensorType } from "../../tensor/mod.ts";
import { apply, defineOp, type Node, type OpDef, refuse } from "../node.ts";
import { type NoAttrs } from "./elementwise.ts";

export const stopGradientOp: OpDef<"stopGradient", NoAttrs> = defineOp({
  name: "stopGradient",
  infer: ([x], _attrs: NoAttrs): TensorType => x!,
  gradient: () => [null],
});

export const straightThroughOp: OpDef<"straightThrough", NoAttrs> = defineOp({
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

/** Settings of {@link cast}. */
export interface CastAttrs {
  /** The element type to convert to. */
  readonly dtype: DType;
}

export const castOp: OpDef<"cast", CastAttrs> = defineOp({
  name: "cast",
  infer: ([x], { dtype }: CastAttrs): TensorType => ({ dtype, shape: x!.shape }),
  gradient: () => [null],
});

export const afterOp: OpDef<"after", NoAttrs> = defineOp({
  name: "after",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [x, ...awaited] = inputs;
    if (awaited.some(({ dtype, shape }) => dtype !== "float32" || sizeOf(shape) === 0)) {
      refuse("after", inputs, "what is waited for must be float32, with at least one element");
    }
    return x!;
  },
  gradient: ({ inputs, cotangent }) => inputs.map((_, i) => i === 0 ? cotangent : null),
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

/**
 * `x`, available only once all of `awaited` are computed. It changes no value, only when things
 * happen: what is computed from it cannot be computed, and take memory, before.
 */
export function after(x: Node, ...awaited: readonly Node[]): Node {
  return awaited.length === 0 ? x : apply(afterOp, [x, ...awaited], {});
}

/** `x` as another element type (towards integers, fractions are cut). No gradient flows. */
export function cast(x: Node, dtype: DType): Node {
  return x.type.dtype === dtype ? x : apply(castOp, [x], { dtype });
}
