/**
 * A router that decides once for a whole sequence, trained through Gumbel noise.
 *
 * The states of the prompt after the anchor layers are averaged, padding left out, and a three-layer
 * MLP answers one log-odds per skippable block. The answer holds for the tokens after the prompt; the
 * prompt itself runs every block, so that no token learns of a later one through the decision.
 */

import { z } from "zod";
import { type RouterKind } from "../../core/contracts/mod.ts";
import { gelu, greater, inverseRms, mul, type Node, slice } from "../../core/graph/mod.ts";
import { mlp, mlpParams, taperedWidths } from "../../core/nn/mod.ts";
import { afterPrompt, CERTAIN, gumbelGates, pooledState } from "../../core/routing/mod.ts";

const options = z.strictObject({
  promptTokens: z.int().min(1).default(16).describe(
    "leading tokens that count as the prompt in training and in perplexity",
  ),
  pool: z.enum(["prompt", "sequence"]).default("prompt").describe(
    "what is averaged: the prompt; or all tokens, which lets each see the future (as the original did)",
  ),
  initialBias: z.number().min(-10).max(10).default(2).describe(
    "bias of the last layer at the start: above 0 the gates start open, below 0 closed",
  ),
  initialStd: z.number().min(0).max(1).optional().describe(
    "standard deviation of the last matrix at the start; absent: as PyTorch draws linear layers",
  ),
  annealNoise: z.boolean().default(false).describe(
    "let the temperature scale the noise instead of the softness: training ends without noise",
  ),
  normalize: z.boolean().default(true).describe(
    "divide the averaged state by its root mean square before reading it",
  ),
});

/** Options of the sequence-level Gumbel router. */
export type SequenceGumbelOptions = z.infer<typeof options>;

/** The sequence-level Gumbel straight-through router. */
export const sequenceGumbel: RouterKind<SequenceGumbelOptions> = {
  name: "sequence-gumbel",
  description: "decides once per sequence, from its prompt; Gumbel noise in training",
  options,
  create({ promptTokens, pool, initialBias, initialStd, annealNoise, normalize }) {
    return {
      name: "sequence-gumbel",
      decidesBy: "state",
      ...(pool === "sequence" ? { causal: false } : {}),
      promptTokens,

      params({ hiddenSize, routableLayers }) {
        return mlpParams("router", taperedWidths(hiddenSize, routableLayers), {
          bias: initialBias,
          ...(initialStd === undefined ? {} : { std: initialStd }),
        });
      },

      decide(params, anchor, { hiddenSize, routableLayers }, context) {
        const { promptMask, tokenMask } = context;
        const counts = pool === "prompt" ? mul(promptMask, tokenMask) : tokenMask;
        const pooled = pooledState(anchor, counts); // [B, 1, D]
        const state = normalize ? mul(pooled, inverseRms(pooled, 1e-6)) : pooled;
        const decided = mlp(
          params,
          "router",
          taperedWidths(hiddenSize, routableLayers),
          state,
          gelu,
        );
        const noise = slice(context.noise, 1, 0, 1); // [B, 1, L']
        const gates = context.mode === "eval"
          ? greater(decided, context.threshold)
          : gumbelGates(decided, noise, context.temperature, annealNoise);
        const spread = (values: Node, always: number) =>
          pool === "prompt" ? afterPrompt(values, promptMask, always) : values;
        return { gates: spread(gates, 1), logits: spread(decided, CERTAIN) };
      },
    };
  },
};
