/** Some rows of a matrix. */

import { type RowRange, rowsIn } from "../../tensor/mod.ts";
import { apply, type Node, refuse, shapeOf } from "../node.ts";
import { type DequantizeAttrs, dequantizeOp, hasWholeBlocks } from "./blocks.ts";
import { reshape, slice } from "./movement.ts";

/**
 * Rows of `x` `[rows, ...]`, group after group. Of a matrix in four-bit blocks no others are ever made,
 * where the range is whole blocks.
 *
 * @throws {GraphError} when there are no such groups or rows.
 */
export function takeRows(x: Node, range: RowRange): Node {
  const [rows, ...rest] = shapeOf(x) as [number, ...number[]];
  const { groups, start, end } = range;
  const most = rows / groups;
  if (!Number.isInteger(most) || !(start >= 0 && start <= end && end <= most)) {
    refuse("take rows of", [x.type], `it has no rows [${start}, ${end}) of ${groups} equal groups`);
  }
  if (rowsIn(range) === rows) return x;
  if (x.op === dequantizeOp) {
    const attrs = x.attrs as DequantizeAttrs;
    if (!attrs.rows && hasWholeBlocks(attrs.shape, range)) {
      return apply(dequantizeOp, x.inputs, { ...attrs, rows: range });
    }
  }
  const grouped = reshape(x, [groups, most, ...rest]);
  return reshape(slice(grouped, 1, start, end), [rowsIn(range), ...rest]);
}
