/**
 * Stochastic depth (Huang et al. 2016, arXiv 1603.09382): in training each sequence leaves blocks out
 * at random; evaluation runs all of them.
 *
 * Nothing is read and nothing learned. What it shows is how well a model that is used to gaps does
 * with them, and without.
 */

import { z } from "zod";
import { type RouterKind } from "../../core/contracts/mod.ts";
import { constant, greater, slice } from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";

const options = z.strictObject({
  skip: z.number().min(0).lt(1).default(0.5).describe(
    "probability of leaving a layer out; with the linear schedule that of the last one",
  ),
  schedule: z.enum(["constant", "linear"]).default("constant").describe(
    "the same probability for all layers, or rising from 0 at the first routable one",
  ),
  survivalScaling: z.boolean().default(false).describe(
    "in training, divide what a layer adds by the probability that it runs, so that evaluation at " +
      "full depth expects the same sum",
  ),
});

/** Options of stochastic depth. */
export type StochasticOptions = z.infer<typeof options>;

/** Stochastic depth, by sequence. */
export const stochastic: RouterKind<StochasticOptions> = {
  name: "stochastic",
  description: "leaves layers out at random in training only (stochastic depth)",
  options,
  create: ({ skip, schedule, survivalScaling }) => ({
    name: "stochastic",
    decidesBy: "chance",
    params: () => ({}),

    decide(_params, _anchor, { routableLayers }, context) {
      const row = (value: (layer: number) => number) =>
        constant(
          floats(
            [1, 1, routableLayers],
            Array.from({ length: routableLayers }, (_, i) => value(i)),
          ),
        );
      if (context.mode === "eval") return { gates: row(() => 1) };
      const skipOf = (layer: number) =>
        schedule === "constant" ? skip : skip * layer / Math.max(routableLayers - 1, 1);
      return {
        gates: greater(slice(context.noise, 1, 0, 1), row(skipOf)), // [B, 1, L']
        ...(survivalScaling ? { survivalScale: row((layer) => 1 / (1 - skipOf(layer))) } : {}),
      };
    },
  }),
};
