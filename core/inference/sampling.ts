/** Choosing the next token from its logits. */

import { type HostTensor, type RandomStream } from "../tensor/mod.ts";

/** How tokens are chosen. */
export interface SamplingOptions {
  /** What logits are divided by; 0 takes the likeliest token. */
  readonly temperature: number;
  /**
   * Only the likeliest tokens that together have at least this probability are drawn from (nucleus
   * sampling, Holtzman et al. 2019, arXiv 1904.09751); 1 leaves none out.
   */
  readonly topP: number;
}

/** The likeliest token, always. */
export const GREEDY: SamplingOptions = { temperature: 0, topP: 1 };

/** The first of the largest logits in row `row` of `[N, V]`. */
export function likeliest({ data, shape }: HostTensor, row: number): number {
  const vocabulary = shape[1]!;
  const start = row * vocabulary;
  let best = 0;
  for (let id = 1; id < vocabulary; id++) {
    if (data[start + id]! > data[start + best]!) best = id;
  }
  return best;
}

/** A token drawn from row `row` of logits `[N, V]`. */
export function sampleToken(
  logits: HostTensor,
  row: number,
  { temperature, topP }: SamplingOptions,
  random: RandomStream,
): number {
  if (temperature === 0) return likeliest(logits, row);
  const vocabulary = logits.shape[1]!;
  const own = logits.data.subarray(row * vocabulary, (row + 1) * vocabulary);
  const most = own[likeliest(logits, row)]!;
  const weights = Float64Array.from(own, (logit) => Math.exp((logit - most) / temperature));
  const kept = topP < 1 ? nucleus(weights, topP) : weights.keys().toArray();
  const total = kept.reduce((sum, id) => sum + weights[id]!, 0);
  let left = random.uniform() * total;
  for (const id of kept) {
    left -= weights[id]!;
    if (left <= 0) return id;
  }
  return kept.at(-1)!;
}

/** The likeliest tokens, as many as it takes for a share `topP` of all weight. */
function nucleus(weights: Float64Array, topP: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const wanted = topP * total;
  // All that are lighter than this weigh less than what may be left out: they need not be sorted.
  const least = (1 - topP) * total / weights.length;
  const order = weights.keys().filter((id) => weights[id]! >= least).toArray()
    .sort((a, b) => weights[b]! - weights[a]! || a - b);
  let sum = 0;
  const count = order.findIndex((id) => (sum += weights[id]!) >= wanted);
  return order.slice(0, count < 0 ? order.length : count + 1);
}
