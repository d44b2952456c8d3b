/** What a routed model pays for depth, and the statistics that it is charged by. */

import {
  broadcastTo,
  constant,
  div,
  mean,
  mul,
  type Node,
  reduceSum,
  reshape,
  scalar,
  shapeOf,
  sub,
} from "../graph/mod.ts";
import { floats } from "../tensor/mod.ts";

/**
 * Share of real tokens that run each block, `[L']`. Padding never counts.
 *
 * @param gates `[B, T, L']` or `[B, 1, L']`
 * @param tokenMask float32 `[B, T]`, 1 for real tokens
 */
export function layerActivity(gates: Node, tokenMask: Node): Node {
  const [batch, length] = shapeOf(tokenMask) as [number, number];
  const perToken = broadcastTo(gates, [batch, length, shapeOf(gates)[2]!]);
  const weights = div(tokenMask, reduceSum(tokenMask)); // sums to 1
  return reduceSum(mul(perToken, broadcastColumn(weights)), [0, 1]);
}

function broadcastColumn(x: Node): Node {
  const [batch, length] = shapeOf(x) as [number, number];
  return reshape(x, [batch, length, 1]);
}

/** Factors on the price of the first and of the last block; those between lie between. */
export type PriceRamp = readonly [first: number, last: number];

/** `[..., L']`: what runs of each block, times its factor. */
export function priced(active: Node, [first, last]: PriceRamp = [1, 1]): Node {
  if (first === 1 && last === 1) return active;
  const layers = shapeOf(active).at(-1)!;
  const factors = Array.from(
    { length: layers },
    (_, i) => first + (last - first) * i / Math.max(layers - 1, 1),
  );
  return mul(active, constant(floats([layers], factors)));
}

/** The L1 term: blocks run per token, the sum of {@link layerActivity} over blocks. */
export function activityPenalty(activity: Node, ramp?: PriceRamp): Node {
  return reduceSum(priced(activity, ramp));
}

/** (skip - target)^2, with skip the share of routable token-block pairs that are skipped. */
export function targetPenalty(activity: Node, targetSkip: Node): Node {
  const skip = sub(scalar(1), mean(activity));
  const gap = sub(skip, targetSkip);
  return mul(gap, gap);
}
