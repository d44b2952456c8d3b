/** Rotary position embedding (Su et al. 2021, arXiv 2104.09864), in the half-split form of Llama. */

import { type TensorType } from "../../tensor/mod.ts";
import { apply, defineOp, needFloats, type Node, type OpDef, refuse } from "../node.ts";
import { neg } from "./elementwise.ts";

/** Settings of {@link rope}. */
export interface RopeAttrs {
  /** How many heads the last axis holds. */
  readonly heads: number;
}

export const ropeOp: OpDef<"rope", RopeAttrs> = defineOp({
  name: "rope",
  infer(inputs, { heads }: RopeAttrs): TensorType {
    const [x, positions, cos, sin] = inputs as [TensorType, TensorType, TensorType, TensorType];
    needFloats("rope", [x, cos, sin]);
    const [batch, length, width] = x.shape;
    if (x.shape.length !== 3) refuse("rope", inputs, "it turns [batch, seq, heads * headDim]");
    if (positions.dtype !== "int32" || `${positions.shape}` !== `${[batch, length]}`) {
      refuse("rope", inputs, "positions must be int32 [batch, seq]");
    }
    const half = cos.shape[1]!;
    const most = width! / heads / 2;
    if (width! % heads !== 0) refuse("rope", inputs, `${width} is not ${heads} heads`);
    if (`${cos.shape}` !== `${sin.shape}` || cos.shape.length !== 2 || half > most) {
      refuse("rope", inputs, `cos and sin must be [positions, ${most}], or have fewer columns`);
    }
    return x;
  },
  // A rotation's transpose is the rotation back.
  gradient: ({ inputs: [, positions, cos, sin], attrs, cotangent }) => [
    rope(cotangent, positions!, cos!, neg(sin!), attrs.heads),
    null,
    null,
    null,
  ],
});

/**
 * Turns pairs (i, i + half) of each head by the angle of its position, for i below `half`, the columns
 * of the tables: those of the whole head where there are headDim / 2, and else of its first
 * dimensions; the others pass.
 *
 * @param x `[batch, seq, heads * headDim]`
 * @param positions int32 `[batch, seq]`, rows of the tables
 * @param cos cosines `[positions, half]`; no gradient flows to the tables
 * @param sin sines, likewise
 */
export function rope(x: Node, positions: Node, cos: Node, sin: Node, heads: number): Node {
  return apply(ropeOp, [x, positions, cos, sin], { heads });
}
