/** Weights kept in four-bit blocks until they are used. */

import {
  BLOCK_SIZE,
  type BlockFormat,
  type RowRange,
  rowsIn,
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
  /** Which of its rows are made, whole blocks; absent: all. */
  readonly rows?: RowRange;
}

/** Whether the rows of a range, and those between them, are whole blocks of a matrix. */
export function hasWholeBlocks(
  [rows, ...rest]: Shape,
  { groups, start, end }: RowRange,
): boolean {
  const row = sizeOf(rest);
  return [rows! / groups, start, end].every((count) => count * row % BLOCK_SIZE === 0);
}

export const dequantizeOp: OpDef<"dequantize", DequantizeAttrs> = defineOp({
  name: "dequantize",
  infer(inputs, { shape, rows }: DequantizeAttrs): TensorType {
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
    if (rows && !hasWholeBlocks(shape, rows)) {
      refuse("dequantize", inputs, "the rows that are wanted are no whole blocks");
    }
    return { dtype: "float32", shape: rows ? shape.with(0, rowsIn(rows)) : shape };
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
