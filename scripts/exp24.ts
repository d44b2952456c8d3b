/**
 * exp24: stochastic depth, the baseline that skips without looking.
 *
 *   deno task exp24 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { STOCHASTIC_LINEAR } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp24",
  description:
    "Trains with stochastic depth that rises from 0 at the first routable layer to a half " +
    "at the last; with Qwen2.5-7B at the original's scale.",
  recipe: STOCHASTIC_LINEAR,
  scale: largeModel("qwen7b"),
});
