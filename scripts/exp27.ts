/**
 * exp27: stochastic depth, the baseline that skips without looking.
 *
 *   deno task exp27 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { STOCHASTIC_LINEAR } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp27",
  description:
    "Trains with stochastic depth that rises from 0 at the first routable layer to a half " +
    "at the last; with Llama-3.1-8B at the original's scale.",
  recipe: STOCHASTIC_LINEAR,
  scale: largeModel("llama8b"),
});
