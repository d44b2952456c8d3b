/** Root-mean-square normalisation (Zhang and Sennrich 2019, arXiv 1910.07467). */

import { type TensorType } from "../../tensor/mod.ts";
import {
  apply,
  defineOp,
  lastDim,
  needFloats,
  type Node,
  type OpDef,
  refuse,
  shapeOf,
} from "../node.ts";
import { mul, sub } from "./elementwise.ts";
import { reshape } from "./movement.ts";
import { mean, reduceSum } from "./reduce.ts";
import { scalar } from "./source.ts";

/** Settings of the two operations of this file. */
export interface NormAttrs {
  /** Added to the mean square before the root. */
  readonly epsilon: number;
}

export const rmsNormOp: OpDef<"rmsNorm", NormAttrs> = defineOp({
  name: "rmsNorm",
  infer(inputs, _attrs: NormAttrs): TensorType {
    const [x, weight] = inputs as [TensorType, TensorType];
    needFloats("rmsNorm", inputs);
    if (weight.shape.length !== 1 || weight.shape[0] !== lastDim("rmsNorm", x)) {
      refuse("rmsNorm", inputs, "there must be one weight for each entry of the last axis");
    }
    return x;
  },
  // y = w x r with r = inverseRms(x): dx = r (w dy - x r^2 mean(w dy x)).
  gradient({ inputs: [x, weight], attrs, cotangent, needs }) {
    const r = inverseRms(x!, attrs.epsilon);
    const forX = () => {
      const weighted = mul(cotangent, weight!);
      const along = mul(mean(mul(weighted, x!), [-1], true), mul(r, r));
      return mul(sub(weighted, mul(x!, along)), r);
    };
    const forWeight = () => {
      const each = mul(mul(cotangent, x!), r);
      const leading = shapeOf(x!).slice(0, -1).map((_, axis) => axis);
      return reshape(reduceSum(each, leading), shapeOf(weight!));
    };
    return [needs[0] ? forX() : null, needs[1] ? forWeight() : null];
  },
});

export const inverseRmsOp: OpDef<"inverseRms", NormAttrs> = defineOp({
  name: "inverseRms",
  infer([x], _attrs: NormAttrs): TensorType {
    needFloats("inverseRms", [x!]);
    lastDim("inverseRms", x!);
    return { dtype: "float32", shape: x!.shape.with(-1, 1) };
  },
  // r = (mean(x^2) + e)^(-1/2): dx = -r^3 x / D dr.
  gradient({ inputs: [x], node, cotangent }) {
    const cube = mul(node, mul(node, node));
    const perElement = mul(cube, mul(cotangent, meanFactor(x!)));
    return [mul(x!, perElement)];
  },
});

function meanFactor(x: Node): Node {
  return scalar(-1 / shapeOf(x).at(-1)!);
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis; weight `[D]`. */
export function rmsNorm(x: Node, weight: Node, epsilon: number): Node {
  return apply(rmsNormOp, [x, weight], { epsilon });
}

/** 1 / sqrt(mean(x^2) + epsilon) over the last axis, which stays with size 1. */
export function inverseRms(x: Node, epsilon: number): Node {
  return apply(inverseRmsOp, [x], { epsilon });
}
