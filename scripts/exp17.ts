/**
 * exp17: stochastic depth, the baseline that skips without looking.
 *
 *   deno task exp17 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { STOCHASTIC } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp17",
  description: "Trains with stochastic depth; with OpenLLaMA-3B at the original's scale.",
  recipe: STOCHASTIC,
  scale: largeModel("openllama3b"),
});
