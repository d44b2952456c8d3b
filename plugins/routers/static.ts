/** No router: the same blocks for every token. All of them, or all but some. */

import { z } from "zod";
import { type RouterKind, UserError } from "../../core/contracts/mod.ts";
import { constant } from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";

const options = z.strictObject({
  skipLayers: z.array(z.int().min(0)).default([]).describe(
    "layers that are left out, counted from 0 over the whole model",
  ),
});

/** Options of the static router. */
export type StaticOptions = z.infer<typeof options>;

/** The router that runs every block, or every block but a given few. */
export const staticRouter: RouterKind<StaticOptions> = {
  name: "static",
  description: "runs the same layers for every token: all, or all but router.skipLayers",
  options,
  create: ({ skipLayers }) => ({
    name: "static",
    decidesBy: "rule",

    params({ anchorLayers, routableLayers }) {
      const last = anchorLayers + routableLayers - 1;
      const outside = skipLayers.find((layer) => layer < anchorLayers || layer > last);
      if (outside === undefined) return {};
      throw new UserError(
        `router.skipLayers has ${outside}, but layers ${anchorLayers} to ${last} can be left out ` +
          "(the ones before always run: router.anchorLayers)",
      );
    },

    decide(_params, _anchor, { anchorLayers, routableLayers }) {
      const gates = Array.from(
        { length: routableLayers },
        (_, layer) => skipLayers.includes(anchorLayers + layer) ? 0 : 1,
      );
      return { gates: constant(floats([1, 1, routableLayers], gates)) };
    },
  }),
};
