/** Matrix products. */

import { type Node } from "../../../../../core/graph/mod.ts";
import { knownSize } from "../../wgsl/indices.ts";
import { type KernelList } from "../plan.ts";
import { FEW_ROWS, fewRows } from "./few_rows.ts";
import { productOf } from "./product.ts";
import { inRegisters } from "./registers.ts";
import { tiled } from "./tiled.ts";

/** Adds the kernel that suits a product's sizes and the device. */
export function matmul(list: KernelList, node: Node): void {
  const to = list.make(node.type);
  const product = productOf(node, to);
  const rows = knownSize(product.rows);
  if (rows !== undefined && rows <= FEW_ROWS) list.run(fewRows(product, rows));
  else list.run(list.tiles === "shared" ? tiled(product) : inRegisters(product));
  list.store(node, to);
}
