/**
 * What a router is given to read: the state after the anchor layers, or, as controls, no more than
 * which token it is or where it stands. A router that does as well on those does not look at what
 * the text says.
 */

import { constant, gatherRows, type Node, shapeOf } from "../graph/mod.ts";
import { largestPosition } from "../nn/mod.ts";
import { floats, type FloatTensor } from "../tensor/mod.ts";

/** `state`: after the anchor layers; `token`: its embedding; `position`: where it stands. */
export const READINGS = ["state", "token", "position"] as const;

/** What a router is given to read. */
export type Reading = typeof READINGS[number];

/** What there is to read. */
export interface Readable {
  /** The state after the anchor layers, `[B, T, D]`. */
  readonly anchor: Node;
  /** Which token it is and nothing else, `[B, T, D]`: each embedded as if it stood first. */
  readonly asFirst: () => Node;
  /** int32 `[B, T]` */
  readonly positions: Node;
  /** How many positions the model has. */
  readonly maxPositions: number;
}

/** What the router reads, `[B, T, D]`. */
export function readingOf(
  reading: Reading,
  { anchor, asFirst, positions, maxPositions }: Readable,
): Node {
  if (reading === "state") return anchor;
  if (reading === "token") return asFirst();
  const width = shapeOf(anchor)[2]!;
  const count = 1 + (largestPosition(positions) ?? maxPositions - 1);
  return gatherRows(constant(positionFeatures(count, width)), positions);
}

/**
 * Sines and cosines of the position at wavelengths from 2π to 20,000π, `[length, width]`: the
 * sinusoidal encoding of Vaswani et al., arXiv 1706.03762, section 3.5, cosines after sines.
 */
export function positionFeatures(length: number, width: number): FloatTensor {
  const features = floats([length, width]);
  const half = Math.ceil(width / 2);
  features.data.forEach((_, i) => {
    const column = i % width;
    const position = Math.floor(i / width);
    const angle = position / 10_000 ** ((column % half) / half);
    features.data[i] = column < half ? Math.sin(angle) : Math.cos(angle);
  });
  return features;
}
