/** Cosines and sines of rotary position embeddings. */

import { constant, type Node } from "../graph/mod.ts";
import { floats } from "../tensor/mod.ts";

/** Tables for {@link rope}: row p holds the angles of position p. */
export interface RopeTables {
  readonly cos: Node;
  readonly sin: Node;
}

/**
 * Angles p * theta^(-2i / headDim) for positions p below `positions` (Su et al. 2021), computed in
 * float64 and rounded once.
 */
export function ropeTables(positions: number, headDim: number, theta: number): RopeTables {
  const half = headDim / 2;
  const cos = floats([positions, half]);
  const sin = floats([positions, half]);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * theta ** (-2 * i / headDim);
      cos.data[p * half + i] = Math.cos(angle);
      sin.data[p * half + i] = Math.sin(angle);
    }
  }
  return { cos: constant(cos), sin: constant(sin) };
}
