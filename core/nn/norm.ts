/** Normalisations that are made of simpler ones. */

import { add, mean, type Node, rmsNorm, sub } from "../graph/mod.ts";

/**
 * (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias over the last axis (Ba et al. 2016,
 * arXiv 1607.06450): the root-mean-square norm of what is left without its mean.
 *
 * @param weight `[D]`
 * @param bias `[D]`; absent: nothing is added
 */
export function layerNorm(x: Node, weight: Node, bias: Node | undefined, epsilon: number): Node {
  const normed = rmsNorm(sub(x, mean(x, [-1], true)), weight, epsilon);
  return bias ? add(normed, bias) : normed;
}
