/**
 * The router of FlexiDepth (Luo, Wang and Yan 2025, arXiv 2503.23798): for each token and block a
 * sigmoid gate behind a small bottleneck, that runs the block where it is above one half.
 *
 * There is no noise: what is decided in training is what is decided afterwards. A gate's value is 0 or
 * 1 and its gradient that of the sigmoid; what skipping is worth comes from a price on the square of
 * the blocks that a token runs.
 */

import {
  add,
  type Decision,
  definePlugin,
  div,
  greater,
  inverseRms,
  matmulRows,
  mul,
  type Node,
  type ParamSpecs,
  reduceSum,
  reshape,
  type RouterKind,
  scalar,
  scale,
  shapeOf,
  sigmoid,
  straightThrough,
  tanh,
} from "@dlr/dlr";
import { z } from "zod";

const options = z.strictObject({
  bottleneck: z.int().min(1).default(16).describe(
    "width of each block's bottleneck; the paper's is a sixteenth of the state's",
  ),
  initialBias: z.number().min(-10).max(10).default(2).describe(
    "bias of the gates at the start: above 0 they start open, below 0 closed",
  ),
  skipWeight: z.number().min(0).default(0).describe(
    "price of (blocks that a token runs)², a mean over tokens; the paper's is 0.001",
  ),
});

/** Options of the FlexiDepth router. */
export type FlexidepthOptions = z.infer<typeof options>;

const DOWN = "flexidepth.down.weight";
const UP = "flexidepth.up.weight";
const BIAS = "flexidepth.bias";

/** The FlexiDepth router. */
export const flexidepth: RouterKind<FlexidepthOptions> = {
  name: "flexidepth",
  description: "decides per token by a sigmoid gate, without noise (FlexiDepth)",
  options,
  create({ bottleneck, initialBias, skipWeight }) {
    return {
      name: "flexidepth",
      decidesBy: "state",

      params: ({ hiddenSize, routableLayers }): ParamSpecs => ({
        [DOWN]: {
          shape: [routableLayers * bottleneck, hiddenSize],
          init: { kind: "kaimingUniform", fanIn: hiddenSize },
        },
        [UP]: {
          shape: [routableLayers, bottleneck],
          init: { kind: "kaimingUniform", fanIn: bottleneck },
        },
        [BIAS]: {
          shape: [routableLayers],
          init: { kind: "constant", value: initialBias },
        },
      }),

      decide(params, anchor, { routableLayers }, context): Decision {
        const [batch, length] = shapeOf(anchor) as [number, number];
        const narrow = tanh(matmulRows(normalized(anchor), params.get(DOWN))); // [B, T, L' r]
        const each = reshape(narrow, [
          batch,
          length,
          routableLayers,
          bottleneck,
        ]);
        const read = reduceSum(mul(normalized(each), params.get(UP)), [3]); // [B, T, L']
        const logits = add(read, params.get(BIAS));
        if (context.mode === "eval") {
          return { gates: greater(logits, context.threshold), logits };
        }

        const soft = sigmoid(logits);
        const gates = straightThrough(greater(logits, scalar(0)), soft);
        if (skipWeight === 0) return { gates, logits };
        const penalty = scale(
          squaredDepth(soft, context.tokenMask),
          skipWeight,
        );
        return { gates, logits, penalty };
      },
    };
  },
};

/** x over its root mean square along the last axis. */
function normalized(x: Node): Node {
  return mul(x, inverseRms(x, 1e-6));
}

/** Mean over real tokens of (Σ gates)²: a token that runs many blocks pays more for the next one. */
function squaredDepth(soft: Node, tokenMask: Node): Node {
  const depth = reduceSum(soft, [2]); // [B, T]
  const paid = reduceSum(mul(mul(depth, depth), tokenMask));
  return div(paid, reduceSum(tokenMask));
}

export default definePlugin({ name: "flexidepth", routers: [flexidepth] });
