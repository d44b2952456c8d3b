/**
 * A router that decides for every token by itself, trained through Gumbel noise.
 *
 * A three-layer MLP reads the state after the anchor layers and answers one log-odds per skippable
 * block. In training a gate is the harder of two Gumbel-perturbed options, run and skip; the
 * difference of two Gumbel variables is logistic, so one uniform number per gate is enough. The value
 * passed on is 0 or 1, the gradient that of the relaxed gate (Jang et al. 2017, arXiv 1611.01144;
 * Maddison et al. 2017, arXiv 1611.00712). In evaluation there is no noise.
 */

import { z } from "zod";
import {
  type DecideContext,
  type Params,
  type ParamSpec,
  type RouterKind,
} from "../../core/contracts/mod.ts";
import {
  add,
  div,
  gelu,
  greater,
  inverseRms,
  log,
  mul,
  type Node,
  scalar,
  sigmoid,
  straightThrough,
  sub,
} from "../../core/graph/mod.ts";
import { linear } from "../../core/nn/mod.ts";

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
});

/** Options of the token-level Gumbel router. */
export type TokenGumbelOptions = z.infer<typeof options>;

const LAYERS = ["router.0", "router.2", "router.4"] as const;

/** The token-level Gumbel straight-through router. */
export const tokenGumbel: RouterKind<TokenGumbelOptions> = {
  name: "token-gumbel",
  description: "decides per token; Gumbel noise and a straight-through gradient in training",
  options,
  create: ({ initialBias, initialStd, annealNoise, normalize }) => ({
    name: "token-gumbel",

    params({ hiddenSize, routableLayers }) {
      // The reference's shape: D, D/2, D/4, one output per block.
      const widths = [hiddenSize, hiddenSize >> 1, Math.max(hiddenSize >> 2, 1), routableLayers];
      const specs: Record<string, ParamSpec> = {};
      LAYERS.forEach((name, i) => {
        const [inner, out] = [widths[i]!, widths[i + 1]!];
        const last = i === LAYERS.length - 1;
        specs[`${name}.weight`] = {
          shape: [out, inner],
          init: last
            ? { kind: "normal", std: initialStd }
            : { kind: "kaimingUniform", fanIn: inner },
        };
        const bias = last ? initialBias : 0;
        specs[`${name}.bias`] = { shape: [out], init: { kind: "constant", value: bias } };
      });
      return specs;
    },

    decide(params, anchor, _site, context) {
      const x = normalize ? mul(anchor, inverseRms(anchor, 1e-6)) : anchor;
      const logits = readLogits(params, x); // [B, T, L']
      return { gates: gatesOf(logits, context, annealNoise), logits };
    },
  }),
};

function readLogits(params: Params, x: Node): Node {
  const h = gelu(linear(params, LAYERS[0], x));
  return linear(params, LAYERS[2], gelu(linear(params, LAYERS[1], h)));
}

function gatesOf(logits: Node, context: DecideContext, annealNoise: boolean): Node {
  if (context.mode === "eval") return greater(logits, context.threshold);
  const { noise, temperature } = context;
  const logistic = sub(log(noise), log(sub(scalar(1), noise)));
  const noisy = add(logits, annealNoise ? mul(logistic, temperature) : logistic);
  const soft = sigmoid(annealNoise ? noisy : div(noisy, temperature));
  return straightThrough(greater(noisy, scalar(0)), soft);
}
