/**
 * A small adapter for the tokens that skip a block, as in FlexiDepth (Luo et al. 2025, arXiv
 * 2503.23798): a skipped token gets a cheap guess at what the block would have added instead of
 * nothing. x + W₂ silu(W₁ x / rms(x)), with W₂ zero at the start, so that an untrained one changes
 * nothing.
 */

import { type Params, type ParamSpec, type ParamSpecs } from "../contracts/mod.ts";
import { inverseRms, matmulRows, mul, type Node, silu } from "../graph/mod.ts";

const nameOf = (layer: number, part: "down" | "up") => `bypass.${layer}.${part}.weight`;

/** Declares the adapters of layers `anchorLayers` to `numLayers` - 1; none for a rank of 0. */
export function bypassParams(
  { hiddenSize, numLayers }: { readonly hiddenSize: number; readonly numLayers: number },
  anchorLayers: number,
  rank: number,
): ParamSpecs {
  const specs: Record<string, ParamSpec> = {};
  for (let layer = anchorLayers; layer < numLayers && rank > 0; layer++) {
    specs[nameOf(layer, "down")] = {
      shape: [rank, hiddenSize],
      init: { kind: "kaimingUniform", fanIn: hiddenSize },
    };
    specs[nameOf(layer, "up")] = {
      shape: [hiddenSize, rank],
      init: { kind: "constant", value: 0 },
    };
  }
  return specs;
}

/** What the adapter of a layer adds to states `[..., D]`. */
export function bypass(params: Params, layer: number, x: Node): Node {
  const normal = mul(x, inverseRms(x, 1e-6));
  const inner = silu(matmulRows(normal, params.get(nameOf(layer, "down"))));
  return matmulRows(inner, params.get(nameOf(layer, "up")));
}

/** Operations of matrix products that an adapter takes per token. */
export function bypassFlops(hiddenSize: number, rank: number): number {
  return 4 * hiddenSize * rank;
}
