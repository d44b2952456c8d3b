/** Projections, with their bias and adapter where there is one. */

import { type Params } from "../contracts/mod.ts";
import { add, matmulRows, type Node, takeRows } from "../graph/mod.ts";
import { type RowRange } from "../tensor/mod.ts";

/**
 * x W^T + b, `[..., in]` to `[..., out]`, with `name.weight` `[out, in]` and, where they exist,
 * `name.bias` `[out]` and an adapter: LoRA (Hu et al. 2021, arXiv 2106.09685) is a matter of
 * parameters, not of models.
 *
 * @param rows those of the outputs that are wanted, of a matrix that several projections were made
 *   one of; absent: all. The others are not computed.
 */
export function linear(params: Params, name: string, x: Node, rows?: RowRange): Node {
  const wanted = (matrix: Node) => rows ? takeRows(matrix, rows) : matrix;
  const product = matmulRows(x, wanted(params.get(`${name}.weight`)));
  const y = params.has(`${name}.bias`) ? add(product, wanted(params.get(`${name}.bias`))) : product;
  const adapter = params.adapter(name);
  if (!adapter) return y;
  const kept = adapter.dropout ? adapter.dropout(x) : x;
  return add(y, matmulRows(matmulRows(kept, adapter.a), wanted(adapter.b), adapter.scale));
}
