/** From log-odds to gates that are 0 or 1, and to a gradient all the same. */

import {
  add,
  div,
  exp,
  greater,
  log,
  mul,
  neg,
  type Node,
  reduceSum,
  scalar,
  scale,
  sigmoid,
  straightThrough,
  sub,
} from "../graph/mod.ts";
import { relu } from "../nn/mod.ts";

/** Uniform noise in (0, 1) as noise on log-odds: the quantile function of the logistic law. */
export function logisticNoise(uniform: Node): Node {
  return sub(log(uniform), log(sub(scalar(1), uniform)));
}

/**
 * Gates by the Gumbel-softmax trick with straight-through gradients (Jang et al. 2017, arXiv
 * 1611.01144; Maddison et al. 2017, arXiv 1611.00712).
 *
 * A gate is the harder of two options, run and skip, each with Gumbel noise; the difference of two
 * Gumbel variables is logistic, so one uniform number per gate is enough. The value is 0 or 1, the
 * gradient that of the relaxed gate sigmoid((logit + noise) / temperature).
 *
 * @param uniform noise of the same shape as `logits`
 * @param annealNoise let the temperature scale the noise instead: sigmoid(logit + temperature * noise)
 */
export function gumbelGates(
  logits: Node,
  uniform: Node,
  temperature: Node,
  annealNoise = false,
): Node {
  const noise = logisticNoise(uniform);
  const noisy = add(logits, annealNoise ? mul(noise, temperature) : noise);
  const soft = sigmoid(annealNoise ? noisy : div(noisy, temperature));
  return straightThrough(greater(noisy, scalar(0)), soft);
}

/** Gates that are 1 with probability sigmoid(logit). No gradient flows through them. */
export function bernoulliGates(logits: Node, uniform: Node): Node {
  return greater(add(logits, logisticNoise(uniform)), scalar(0));
}

/**
 * Log-probability of drawing these gates, summed over the last two axes: `[B, N, L']` to `[B]`.
 * log p(g) = g z - log(1 + e^z), in a form that does not overflow.
 */
export function bernoulliLogProbability(logits: Node, gates: Node): Node {
  const positive = greater(logits, scalar(0));
  const size = mul(logits, sub(scale(positive, 2), scalar(1)));
  const softplus = add(relu(logits), log(add(scalar(1), exp(neg(size)))));
  return reduceSum(sub(mul(gates, logits), softplus), [1, 2]);
}
