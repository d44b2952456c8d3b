/** Weights kept in four-bit blocks until they are used. */

import {
  BLOCK_SIZE,
  type BlockFormat,
  type Shape,
  sizeOf,
  type TensorType,
} from "../../tensor/mod.ts";
import { apply, defineOp, type Node, type OpDef, refuse } from "../node.ts";

/** Settings of {@link dequantize}. */
export interface DequantizeAttrs {
  /** How the sixteen levels lie. */
  readonly format: BlockFormat;
  /** Shape of the matrix that the blocks stand for. */
  readonly shape: Shape;
}

export const dequantizeOp: OpDef<"dequantize", DequantizeAttrs> = defineOp({
  name: "dequantize",
  infer(inputs, { shape }: DequantizeAttrs): TensorType {
    const [codes, scales] = inputs as [TensorType, TensorType];
    const size = sizeOf(shape);
    const fits = codes.dtype === "uint8" && scales.dtype === "float32" &&
      size % BLOCK_SIZE === 0 && `${codes.shape}` === `${size / 2}` &&
      `${scales.shape}` === `${size / BLOCK_SIZE}`;
    if (!fits) {
      refuse(
        "dequantize",
        inputs,
        `[${shape}] takes half as many uint8 codes as weights, in one list, and a float32 scale for each ${BLOCK_SIZE} weights`,
      );
    }
    return { dtype: "float32", shape };
  },
  // Four-bit weights are frozen.
  gradient: () => [null, null],
});

/**
 * The matrix that four-bit blocks stand for (see `core/tensor/blocks.ts`). As an operand of a
 * product it is made when the product is computed, and not kept: used in ten places, it is in memory
 * as 4.5 bits a weight. No gradient flows into it.
 *
 * @param codes uint8 `[size / 2]`
 * @param scales float32 `[size / 64]`
 * @param shape the matrix's
 */
export function dequantize(codes: Node, scales: Node, shape: Shape, format: BlockFormat): Node {
  return apply(dequantizeOp, [codes, scales], { format, shape });
}
