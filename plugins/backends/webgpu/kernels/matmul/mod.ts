/** Matrix products. */

import { type Node } from "../../../../../core/graph/mod.ts";
import { knownSize } from "../../indices.ts";
import { type Lowering } from "../../lower.ts";
import { FEW_ROWS, fewRows } from "./few_rows.ts";
import { productOf } from "./product.ts";
import { inRegisters } from "./registers.ts";
import { tiled } from "./tiled.ts";

/** Adds the kernel that suits a product's sizes and the device. */
export function matmul(lowering: Lowering, node: Node): void {
  const to = lowering.make(node.type);
  const product = productOf(node, to);
  const rows = knownSize(product.rows);
  if (rows !== undefined && rows <= FEW_ROWS) lowering.run(fewRows(product, rows));
  else lowering.run(lowering.tiles === "shared" ? tiled(product) : inRegisters(product));
  lowering.store(node, to);
}
