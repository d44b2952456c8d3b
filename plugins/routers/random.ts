/**
 * Chance as a router: gates that skip as much as is wanted, for no reason. A model trained and
 * evaluated under it is the control that a learned router has to beat.
 */

import { z } from "zod";
import { type RouterKind } from "../../core/contracts/mod.ts";
import { greater, slice } from "../../core/graph/mod.ts";
import { logisticNoise } from "../../core/routing/mod.ts";

const options = z.strictObject({
  per: z.enum(["token", "sequence"]).default("token").describe(
    "toss for every token, or once for a whole sequence",
  ),
});

/** Options of the random router. */
export type RandomOptions = z.infer<typeof options>;

/** The router that tosses a coin, in training and in evaluation. */
export const randomRouter: RouterKind<RandomOptions> = {
  name: "random",
  description: "skips objective.targetSkip of the layers at random, in training and evaluation",
  options,
  create: ({ per }) => ({
    name: "random",
    decidesBy: "chance",
    params: () => ({}),

    decide(_params, _anchor, _site, context) {
      const noise = per === "token" ? context.noise : slice(context.noise, 1, 0, 1);
      if (context.mode === "train") return { gates: greater(noise, context.targetSkip) };
      // Graded, so that the rate can be set as any router's is: by a threshold.
      const logits = logisticNoise(noise);
      return { gates: greater(logits, context.threshold), logits };
    },
  }),
};
