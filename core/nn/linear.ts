/** Projections, with their bias and adapter where there is one. */

import { type Params } from "../contracts/mod.ts";
import { add, matmulRows, type Node } from "../graph/mod.ts";

/**
 * x W^T + b, `[..., in]` to `[..., out]`, with `name.weight` `[out, in]` and, where they exist,
 * `name.bias` `[out]` and an adapter: LoRA (Hu et al. 2021, arXiv 2106.09685) is a matter of
 * parameters, not of models.
 */
export function linear(params: Params, name: string, x: Node): Node {
  const product = matmulRows(x, params.get(`${name}.weight`));
  const y = params.has(`${name}.bias`) ? add(product, params.get(`${name}.bias`)) : product;
  const adapter = params.adapter(name);
  if (!adapter) return y;
  const kept = adapter.dropout ? adapter.dropout(x) : x;
  return add(y, matmulRows(matmulRows(kept, adapter.a), adapter.b, adapter.scale));
}
