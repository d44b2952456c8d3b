/**
 * A router that decides for every token by itself, trained through Gumbel noise.
 *
 * A three-layer MLP reads the state after the anchor layers and answers one log-odds per skippable
 * block. In training gates are sampled with noise and passed straight through (see `gumbelGates`); in
 * evaluation there is no noise.
 */

import { z } from "zod";
import { type ParamSpec, type RouterKind } from "../../core/contracts/mod.ts";
import { add, gelu, greater, inverseRms, mul, type Node } from "../../core/graph/mod.ts";
import { mlp, mlpParams, taperedWidths } from "../../core/nn/mod.ts";
import { gumbelGates } from "../../core/routing/mod.ts";

const options = z.strictObject({
  initialBias: z.number().min(-10).max(10).default(2).describe(
    "bias of the last layer at the start: above 0 the gates start open, below 0 closed",
  ),
  initialStd: z.number().min(0).max(1).default(0.02).describe(
    "standard deviation of the last matrix at the start: how much tokens differ then",
  ),
  annealNoise: z.boolean().default(false).describe(
    "let the temperature scale the noise instead of the softness: training ends without noise",
  ),
  normalize: z.boolean().default(true).describe(
    "divide the anchor state by its root mean square before reading it",
  ),
  readsBudget: z.boolean().default(false).describe(
    "give the router the wanted share of skipped blocks as an input, for one model at any budget",
  ),
});

/** Options of the token-level Gumbel router. */
export type TokenGumbelOptions = z.infer<typeof options>;

/** What the budget adds to the first layer, and to the log-odds. */
const BUDGET = { first: "router.budget.first", last: "router.budget.last" };

/** The token-level Gumbel straight-through router. */
export const tokenGumbel: RouterKind<TokenGumbelOptions> = {
  name: "token-gumbel",
  description: "decides per token; Gumbel noise and a straight-through gradient in training",
  options,
  create({ initialBias, initialStd, annealNoise, normalize, readsBudget }) {
    return {
      name: "token-gumbel",
      decidesBy: "state",

      params({ hiddenSize, routableLayers }) {
        const widths = taperedWidths(hiddenSize, routableLayers);
        const start = { std: initialStd, bias: initialBias };
        const zeros = (size: number): ParamSpec => ({
          shape: [size],
          init: { kind: "constant", value: 0 },
        });
        return {
          ...mlpParams("router", widths, start),
          ...(readsBudget
            ? { [BUDGET.first]: zeros(widths[1]!), [BUDGET.last]: zeros(routableLayers) }
            : {}),
        };
      },

      decide(params, anchor, { hiddenSize, routableLayers }, context) {
        const budget = (name: string) => (x: Node) =>
          readsBudget ? add(x, mul(params.get(name), context.targetSkip)) : x;
        const logits = budget(BUDGET.last)(mlp(
          params,
          "router",
          taperedWidths(hiddenSize, routableLayers),
          normalize ? mul(anchor, inverseRms(anchor, 1e-6)) : anchor,
          gelu,
          budget(BUDGET.first),
        )); // [B, T, L']
        const gates = context.mode === "eval"
          ? greater(logits, context.threshold)
          : gumbelGates(logits, context.noise, context.temperature, annealNoise);
        return { gates, logits };
      },
    };
  },
};
