/**
 * The router of Mixture-of-Depths (Raposo et al. 2024, arXiv 2404.02258): a number for each token and
 * block, and in training each block runs the tokens of a sequence whose numbers are highest, as many as
 * its capacity allows.
 *
 * Which those are depends on later tokens, so it cannot be decided so when a text is written. There a
 * block runs the tokens above a threshold. In training the numbers learn, by the paper's auxiliary
 * loss, to say whether a token is among the highest: above 0 if it is, below if not.
 */

import {
  add,
  type Decision,
  definePlugin,
  div,
  exp,
  greater,
  inverseRms,
  linear,
  log,
  mean,
  mul,
  neg,
  type Node,
  type ParamSpecs,
  reduceSum,
  relu,
  reshape,
  type RouterKind,
  scalar,
  scale,
  shapeOf,
  sigmoid,
  straightThrough,
  sub,
  transpose,
} from "@dlr/dlr";
import { z } from "zod";

const options = z.strictObject({
  predictWeight: z.number().min(0).default(0.01).describe(
    "weight of the loss by which scores learn whether a token is among the highest",
  ),
});

/** Options of the Mixture-of-Depths router. */
export type MixtureOfDepthsOptions = z.infer<typeof options>;

/** The Mixture-of-Depths router. */
export const mixtureOfDepths: RouterKind<MixtureOfDepthsOptions> = {
  name: "mixture-of-depths",
  description: "each block chooses its tokens out of a sequence in training (Mixture-of-Depths)",
  options,
  create({ predictWeight }) {
    return {
      name: "mixture-of-depths",
      decidesBy: "state",
      causal: "evaluation",

      params: ({ hiddenSize, routableLayers }): ParamSpecs => ({
        "depths.weight": {
          shape: [routableLayers, hiddenSize],
          init: { kind: "kaimingUniform", fanIn: hiddenSize },
        },
        "depths.bias": { shape: [routableLayers], init: { kind: "constant", value: 0 } },
      }),

      decide(params, anchor, _site, context): Decision {
        const state = mul(anchor, inverseRms(anchor, 1e-6));
        const logits = linear(params, "depths", state); // [B, T, L']
        if (context.mode === "eval") return { gates: greater(logits, context.threshold), logits };

        const { tokenMask } = context;
        const kept = sub(scalar(1), context.targetSkip);
        const chosen = highest(logits, tokenMask, kept);
        // As in the paper a score learns from the text where its token was chosen, and not elsewhere.
        const gates = straightThrough(chosen, mul(chosen, sigmoid(logits)));
        if (predictWeight === 0) return { gates, logits };
        const penalty = scale(surprise(logits, chosen, tokenMask), predictWeight);
        return { gates, logits, penalty };
      },
    };
  },
};

/**
 * 1 for the tokens of a sequence with the highest scores of each block, `[B, T, L']`.
 *
 * @param scores `[B, T, L']`
 * @param tokenMask `[B, T]`: padding is not counted
 * @param share scalar: of the real tokens, how many are chosen
 */
function highest(scores: Node, tokenMask: Node, share: Node): Node {
  const [batch, length, layers] = shapeOf(scores) as [number, number, number];
  const byLayer = transpose(scores, [0, 2, 1]); // [B, L', T]
  const others = reshape(byLayer, [batch, layers, 1, length]);
  const own = reshape(byLayer, [batch, layers, length, 1]);
  const real = reshape(tokenMask, [batch, 1, 1, length]);
  const above = reduceSum(mul(greater(others, own), real), [3]); // [B, L', T]
  const capacity = mul(reduceSum(tokenMask, [1]), share); // [B]
  const chosen = greater(reshape(capacity, [batch, 1, 1]), above);
  return transpose(chosen, [0, 2, 1]);
}

/**
 * Cross-entropy of σ(scores) against what was chosen, a mean over real tokens and blocks:
 * log(1 + eˢ) − chosen · s, in a form that does not overflow.
 */
function surprise(scores: Node, chosen: Node, tokenMask: Node): Node {
  const size = add(relu(scores), relu(neg(scores))); // |s|
  const softplus = add(relu(scores), log(add(scalar(1), exp(neg(size)))));
  const perToken = mean(sub(softplus, mul(chosen, scores)), [2]); // [B, T]
  return div(reduceSum(mul(perToken, tokenMask)), reduceSum(tokenMask));
}

export default definePlugin({ name: "mixture-of-depths", routers: [mixtureOfDepths] });
