/**
 * What a router is given to read: the state after the anchor layers, or, as controls, no more than
 * which token it is or where it stands. A router that does as well on those does not look at what
 * the text says.
 */

import { broadcastTo, constant, type Node, shapeOf } from "../graph/mod.ts";
import { floats, type FloatTensor } from "../tensor/mod.ts";

/** `state`: after the anchor layers; `token`: its embedding; `position`: where it stands. */
export const READINGS = ["state", "token", "position"] as const;

/** What a router is given to read. */
export type Reading = typeof READINGS[number];

/**
 * What the router reads, `[B, T, D]`.
 *
 * @param anchor the state after the anchor layers, `[B, T, D]`
 * @param embedded the state before the first, `[B, T, D]`
 */
export function readingOf(reading: Reading, anchor: Node, embedded: Node): Node {
  if (reading === "state") return anchor;
  if (reading === "token") return embedded;
  const [batch, length, width] = shapeOf(anchor) as [number, number, number];
  return broadcastTo(constant(positionFeatures(length, width)), [batch, length, width]);
}

/**
 * Sines and cosines of the position at wavelengths from 2π to 20,000π, `[1, length, width]`: the
 * sinusoidal encoding of Vaswani et al., arXiv 1706.03762, section 3.5, cosines after sines.
 */
export function positionFeatures(length: number, width: number): FloatTensor {
  const features = floats([1, length, width]);
  const half = Math.ceil(width / 2);
  features.data.forEach((_, i) => {
    const column = i % width;
    const position = Math.floor(i / width);
    const angle = position / 10_000 ** ((column % half) / half);
    features.data[i] = column < half ? Math.sin(angle) : Math.cos(angle);
  });
  return features;
}
