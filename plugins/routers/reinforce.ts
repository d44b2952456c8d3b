/**
 * A router that decides once for a whole sequence, trained by policy gradient (REINFORCE, Williams
 * 1992, doi 10.1007/BF00992696): the control whose gradient is noisy.
 *
 * A two-layer MLP reads the average state of the prompt and answers one log-odds per skippable block;
 * in training each block is tossed for. No gradient passes the gates: the log-probability of what was
 * drawn is weighted by how much more the sequence cost than usual (see `objective`).
 */

import { z } from "zod";
import { type RouterKind } from "../../core/contracts/mod.ts";
import { greater, inverseRms, mul, slice } from "../../core/graph/mod.ts";
import { mlp, mlpParams, relu } from "../../core/nn/mod.ts";
import {
  afterPrompt,
  bernoulliGates,
  bernoulliLogProbability,
  CERTAIN,
  pooledState,
} from "../../core/routing/mod.ts";

const options = z.strictObject({
  promptTokens: z.int().min(1).default(16).describe(
    "leading tokens that count as the prompt in training and in perplexity",
  ),
  initialBias: z.number().min(-10).max(10).default(0).describe(
    "bias of the last layer at the start: above 0 the gates start open, below 0 closed",
  ),
  normalize: z.boolean().default(true).describe(
    "divide the averaged state by its root mean square before reading it",
  ),
});

/** Options of the policy-gradient router. */
export type ReinforceOptions = z.infer<typeof options>;

/** The sequence-level policy-gradient router. */
export const reinforce: RouterKind<ReinforceOptions> = {
  name: "reinforce",
  description: "decides once per sequence, from its prompt; trained by policy gradient",
  options,
  create({ promptTokens, initialBias, normalize }) {
    const widthsOf = (hiddenSize: number, layers: number) => [hiddenSize, hiddenSize >> 1, layers];
    return {
      name: "reinforce",
      decidesBy: "state",
      promptTokens,

      params({ hiddenSize, routableLayers }) {
        return mlpParams("router", widthsOf(hiddenSize, routableLayers), { bias: initialBias });
      },

      decide(params, anchor, { hiddenSize, routableLayers }, context) {
        const { promptMask, tokenMask } = context;
        const pooled = pooledState(anchor, mul(promptMask, tokenMask)); // [B, 1, D]
        const state = normalize ? mul(pooled, inverseRms(pooled, 1e-6)) : pooled;
        const decided = mlp(params, "router", widthsOf(hiddenSize, routableLayers), state, relu);
        const logits = afterPrompt(decided, promptMask, CERTAIN);
        if (context.mode === "eval") {
          const gates = greater(decided, context.threshold);
          return { gates: afterPrompt(gates, promptMask, 1), logits };
        }
        const drawn = bernoulliGates(decided, slice(context.noise, 1, 0, 1)); // [B, 1, L']
        return {
          gates: afterPrompt(drawn, promptMask, 1),
          logits,
          logProbability: bernoulliLogProbability(decided, drawn),
        };
      },
    };
  },
};
