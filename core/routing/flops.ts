/**
 * What a token costs, in floating-point operations of matrix products (two for each multiply-add).
 *
 * Counted from the model's own graphs, so nothing is left out: skipped tokens still make keys and
 * values, the router reads every token, and the head is part of it. Adapters are not, as they can be
 * merged into the weights.
 */

import { type DecoderModel, type Router } from "../contracts/mod.ts";
import { input, matmulFlops, type Node } from "../graph/mod.ts";
import { inputNodes, ParamNodes } from "../nn/mod.ts";
import { bypassFlops } from "./bypass.ts";
import { siteOf } from "./forward.ts";

/** Cost of the parts of a pass, per token. */
export interface TokenFlops {
  /** The blocks that always run, keys and values included. */
  readonly anchor: number;
  /** Keys and values of each routable block. */
  readonly keysValues: readonly number[];
  /** The rest of each routable block, by a token that runs it. */
  readonly block: readonly number[];
  /** The adapter of a skipped block; 0: there is none. */
  readonly bypass: number;
  readonly router: number;
  readonly head: number;
}

/**
 * Costs per token of sequences of `length` tokens, each of which attends to all of them, or to as many
 * as a layer's window holds.
 *
 * @param router absent: none is asked
 * @param bypassRank rank of the adapters of skipped tokens
 */
export function tokenFlops(
  model: DecoderModel,
  anchorLayers: number,
  length: number,
  router?: Router,
  bypassRank = 0,
): TokenFlops {
  const { hiddenSize, numLayers, numKeyValueHeads, headDim } = model.dims;
  const params = new ParamNodes(inputNodes(model.params()));
  const x = input("x", [1, length, hiddenSize]);
  const positions = input("positions", [1, length], "int32");
  const memoryOf = (layer: number) => {
    const seen = Math.min(length, model.window?.(layer) ?? length);
    const heads = (name: string) => input(name, [1, numKeyValueHeads, seen, headDim]);
    // Not the causal mask, of which attention knows what need not be computed.
    return {
      keys: heads("keys"),
      values: heads("values"),
      mask: input("mask", [1, 1, length, seen]),
    };
  };
  const perToken = (...outputs: Node[]) => matmulFlops(outputs) / length;

  const layers = Array.from({ length: numLayers }, (_, layer) => {
    const { keys, values } = model.keysValues(params, layer, x, positions);
    const block = model.block(params, layer, x, positions, memoryOf(layer));
    return { keysValues: perToken(keys, values), block: perToken(block) };
  });
  const anchor = layers.splice(0, anchorLayers);
  return {
    anchor: anchor.reduce((sum, { keysValues, block }) => sum + keysValues + block, 0),
    keysValues: layers.map(({ keysValues }) => keysValues),
    block: layers.map(({ block }) => block),
    bypass: bypassFlops(hiddenSize, bypassRank),
    router: router ? perToken(...decision(model, router, anchorLayers, x)) : 0,
    head: perToken(model.head(params, x)),
  };
}

function decision(model: DecoderModel, router: Router, anchorLayers: number, x: Node): Node[] {
  const site = siteOf(model, anchorLayers);
  const [, length] = x.type.shape as [number, number, number];
  const { gates, logits } = router.decide(
    new ParamNodes(inputNodes(router.params(site))),
    x,
    site,
    {
      mode: "eval",
      threshold: input("threshold", []),
      targetSkip: input("targetSkip", []),
      tokenMask: input("tokenMask", [1, length]),
      promptMask: input("promptMask", [1, length]),
      noise: input("noise", [1, length, site.routableLayers]),
    },
  );
  return [gates, ...(logits ? [logits] : [])];
}

/**
 * Operations per token where a share of them runs each routable block.
 *
 * @param activity per routable block
 * @param keepsMemory whether skipped tokens make keys and values; not where a block is left out for all
 */
export function flopsAt(
  costs: TokenFlops,
  activity: readonly number[],
  keepsMemory = true,
): number {
  const routable = activity.reduce((sum, share, layer) => {
    const memory = keepsMemory || share > 0 ? costs.keysValues[layer]! : 0;
    return sum + memory + share * costs.block[layer]! + (1 - share) * costs.bypass;
  }, 0);
  return costs.anchor + routable + costs.router + costs.head;
}
